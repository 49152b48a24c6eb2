"""The appearance of a drawn garment, independent of its shape: colours, print, logo, background and pose."""

import colorsys
from dataclasses import asdict, dataclass
from typing import Any

from numpy.random import Generator

Colour = tuple[float, float, float]

FABRICS: tuple[Colour, ...] = (  # hue, saturation, value of common cloth
    (0.0, 0.0, 0.12), (0.0, 0.0, 0.93), (0.0, 0.0, 0.55), (0.62, 0.65, 0.28), (0.6, 0.45, 0.55),
    (0.58, 0.25, 0.82), (0.99, 0.8, 0.68), (0.97, 0.6, 0.4), (0.95, 0.25, 0.9), (0.08, 0.35, 0.8),
    (0.09, 0.5, 0.45), (0.12, 0.12, 0.9), (0.13, 0.7, 0.85), (0.05, 0.7, 0.8), (0.27, 0.4, 0.4),
    (0.4, 0.5, 0.45), (0.47, 0.35, 0.75), (0.75, 0.3, 0.6), (0.8, 0.35, 0.35), (0.52, 0.6, 0.6),
)  # fmt: skip
GROUNDS: tuple[Colour, ...] = (
    (0.0, 0.0, 0.96), (0.1, 0.06, 0.9), (0.6, 0.06, 0.85), (0.08, 0.2, 0.75), (0.0, 0.0, 0.6),
    (0.35, 0.1, 0.75), (0.6, 0.3, 0.5), (0.07, 0.4, 0.5), (0.95, 0.12, 0.88), (0.0, 0.0, 0.3),
)  # fmt: skip
PRINTS = ("plain", "stripes", "checks", "dots", "gradient", "floral")
PRINT_SHARES = (0.42, 0.16, 0.12, 0.1, 0.1, 0.1)
LOGOS = ("none", "rectangle", "disc", "text")
LOGO_SHARES = (0.64, 0.1, 0.1, 0.16)
BACKGROUNDS = ("plain", "gradient", "carpet", "wood", "tiles", "hanger")
CONTRAST = 0.22  # smallest distance between garment and background in RGB


@dataclass(frozen=True)
class Appearance:
    """How a garment looks and how it is placed.

    Colours are RGB in [0, 1], `ground` that of the background; `rotation` is in degrees, `scale` the share of
    the frame that is filled, the shifts are shares of the frame, `arms` is 0 for spread and 1 for hanging
    sleeves, `print_size` is in centimetres and `seed` makes folds and textures reproducible.
    """

    colour: Colour = (0.2, 0.3, 0.5)
    second: Colour = (0.9, 0.9, 0.9)
    trim: Colour = (0.2, 0.3, 0.5)
    print: str = "plain"
    print_size: float = 5.0
    print_upright: bool = False
    logo: str = "none"
    background: str = "plain"
    ground: Colour = (0.95, 0.95, 0.94)
    ground_second: Colour = (0.85, 0.84, 0.82)
    folds: float = 0.5
    light: float = 0.5
    rotation: float = 0.0
    scale: float = 0.9
    shift_x: float = 0.0
    shift_y: float = 0.0
    mirrored: bool = False
    arms: float = 0.5
    seed: int = 0


def describe(appearance: Appearance) -> dict[str, Any]:
    """Return the parameters as JSON values."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(appearance).items()
    }


def _colour(rng: Generator, palette: tuple[Colour, ...]) -> Colour:
    """Sample a colour of the palette and vary it a little."""
    hue, saturation, value = palette[rng.integers(len(palette))]
    hue, saturation, value = (hue, saturation, value) + rng.normal(0, (0.015, 0.04, 0.04))
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0.06), 0.97))
    return round(red, 3), round(green, 3), round(blue, 3)


def _apart(first: Colour, second: Colour) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5)


def _unlike(rng: Generator, palette: tuple[Colour, ...], other: Colour) -> Colour:
    """Sample a colour that is distinguishable from another."""
    while _apart(colour := _colour(rng, palette), other) < CONTRAST:
        pass
    return colour


def _number(rng: Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)


def sample_appearance(rng: Generator) -> Appearance:
    """Sample an appearance, independently of any shape."""
    colour = _colour(rng, FABRICS)
    second = _unlike(rng, FABRICS, colour)
    ground = _unlike(rng, GROUNDS, colour)
    return Appearance(
        colour=colour,
        second=second,
        trim=second if rng.random() < 0.22 else colour,
        print=str(rng.choice(PRINTS, p=PRINT_SHARES)),
        print_size=_number(rng, 2.5, 9.0),
        print_upright=bool(rng.random() < 0.3),
        logo=str(rng.choice(LOGOS, p=LOGO_SHARES)),
        background=str(rng.choice(BACKGROUNDS)),
        ground=ground,
        ground_second=_colour(rng, GROUNDS),
        folds=_number(rng, 0.2, 1.0),
        light=_number(rng, 0.0, 1.0),
        rotation=_number(rng, -9.0, 9.0),
        scale=_number(rng, 0.72, 0.95),
        shift_x=_number(rng, -0.03, 0.03),
        shift_y=_number(rng, -0.03, 0.03),
        mirrored=bool(rng.random() < 0.5),
        arms=_number(rng, 0.0, 1.0),
        seed=int(rng.integers(2**31)),
    )
