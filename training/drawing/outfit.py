"""Outfits: the garments that are worn together, each with its shape, its appearance and how it is worn."""

from dataclasses import dataclass, replace

from numpy.random import Generator

from training.drawing.appearance import Appearance, Colour, sample_appearance
from training.drawing.shape import Shape, sample_shape

UPPERS = ("t-shirt", "longsleeve", "shirt")
BAGS = ("tote", "shoulder", "crossbody", "clutch", "backpack")
NEUTRALS = (0.07, 0.1, 0.14, 0.2, 0.3, 0.5, 0.72, 0.92)  # brightness of greys, dark ones more often
NEUTRAL_SHARES = {"top": 0.45, "dress": 0.45, "bottom": 0.65, "outer": 0.72, "shoes": 0.65, "hat": 0.5}
DENIM: tuple[Colour, ...] = ((0.16, 0.2, 0.3), (0.28, 0.36, 0.5), (0.5, 0.58, 0.68), (0.1, 0.11, 0.14))


@dataclass(frozen=True)
class Garment:
    """A garment as it is worn: `gap` is half the width of an open front, `tucked` under the waistband."""

    shape: Shape
    look: Appearance
    gap: float = 0.0
    tucked: bool = False
    waist: float = 39.0


@dataclass(frozen=True)
class Bag:
    """A bag: its kind, appearance, half width and height in centimetres, and the side it hangs on."""

    kind: str
    look: Appearance
    half: float
    height: float
    side: int


@dataclass(frozen=True)
class Outfit:
    """What a figure wears, from the inside out; `tights` is the colour of covered legs.

    The style of a hat is that of its shape, "brim", or "beanie" or "cap", which no shape describes.
    """

    bottom: Garment | None = None
    top: Garment | None = None
    dress: Garment | None = None
    outer: Garment | None = None
    shoes: Garment | None = None
    hat: Garment | None = None
    bag: Bag | None = None
    hat_style: str = "brim"
    tights: Colour | None = None
    socks: Colour | None = None


def slot_of(garment_type: str) -> str:
    """Return the name of the outfit's field that garments of a type of drawn garments belong to."""
    slots = {"outwear": "outer", "skirt": "bottom", "pants": "bottom", "shorts": "bottom", "hat": "hat"}
    return "top" if garment_type in UPPERS else slots.get(garment_type, garment_type)


def _garment(rng: Generator, garment_type: str) -> Garment:
    shape = sample_shape(rng, garment_type)
    look = sample_appearance(rng)
    if garment_type == "t-shirt" and rng.random() < 0.2:
        shape = replace(shape, sleeve_length=0.0)
    if garment_type == "pants":
        shape = replace(shape, leg_width=round(shape.leg_width**1.8, 3), flare=round(shape.flare**2, 3))
    if garment_type in ("pants", "shorts", "shoes"):
        look = replace(look, print="plain" if rng.random() < 0.85 else look.print, logo="none")
    if garment_type in ("pants", "shorts") and rng.random() < 0.4:
        denim = DENIM[rng.integers(len(DENIM))]
        look = replace(look, colour=denim, trim=denim, print="plain")
    return Garment(shape, look)


def worn(shape: Shape, look: Appearance, rng: Generator) -> Garment:
    """Decide how a garment of a given shape and appearance is worn."""
    gap = 0.0
    if shape.type == "outwear" and rng.random() < 0.55:
        gap = float(rng.uniform(2.0, 9.0))
    return Garment(shape, look, gap, tucked=bool(rng.random() < 0.4), waist=float(rng.uniform(36.5, 43.0)))


def _opened(garment: Garment, rng: Generator) -> Garment:
    """Return a garment as it is worn when what is below shall be seen: open, and not long."""
    shape = replace(garment.shape, body_length=min(garment.shape.body_length, 0.3))
    return replace(garment, shape=shape, gap=float(rng.uniform(5.0, 10.0)))


def _bag(rng: Generator, kind: str) -> Bag:
    half, height = {
        "tote": ((12, 19), (26, 38)), "shoulder": ((9, 17), (14, 28)), "crossbody": ((8, 14), (12, 20)),
        "clutch": ((10, 15), (11, 17)), "backpack": ((13, 17), (36, 46)),
    }[kind]  # fmt: skip
    look = replace(sample_appearance(rng), logo="none")
    look = look if rng.random() < 0.25 else replace(look, print="plain")
    if rng.random() < 0.5:
        value = NEUTRALS[rng.integers(len(NEUTRALS))]
        brown = _near(rng, (value * 1.1, value, value * 0.88), 0.02)
        look = replace(look, colour=brown, trim=brown)
    return Bag(kind, look, float(rng.uniform(*half)), float(rng.uniform(*height)), int(rng.integers(2)))


def _tone(rng: Generator) -> Colour:
    value = float(rng.choice([0.07, 0.12, 0.35, 0.85]))
    return value, value * 0.95, value * 0.92


def _recoloured(garment: Garment, colour: Colour, *, plain: bool) -> Garment:
    look = replace(garment.look, colour=colour, trim=colour)
    return replace(garment, look=replace(look, print="plain") if plain else look)


def _near(rng: Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = (min(max(part + float(rng.normal(0, spread)), 0.03), 0.98) for part in colour)
    return red, green, blue


def sample_outfit(
    rng: Generator, *, skin: Colour, ground: Colour, woman: bool, wanted: Garment | None
) -> Outfit:
    """Sample an outfit.

    Parameters
    ----------
    rng : Generator
    skin, ground : RGB in [0, 1]
        Some garments take nearly their colour.
    woman : bool
        Dresses and skirts are for some only.
    wanted : Garment, optional
        It is part of the outfit, as it is.
    """
    slot = slot_of(wanted.shape.type) if wanted else ""
    parts: dict[str, Garment] = {}
    if slot == "dress" or (slot not in ("top", "bottom") and woman and rng.random() < 0.36):
        parts["dress"] = _garment(rng, "dress")
    else:
        parts["top"] = _garment(rng, UPPERS[rng.choice(3, p=(0.4, 0.33, 0.27))])
        shares = (0.46, 0.14, 0.4) if woman else (0.78, 0.22, 0.0)
        parts["bottom"] = _garment(rng, ("pants", "shorts", "skirt")[rng.choice(3, p=shares)])
    if rng.random() < 0.44:
        parts["outer"] = _garment(rng, "outwear")
        if rng.random() < 0.3:
            shape = replace(parts["outer"].shape, neckline="lapels")
            parts["outer"] = replace(parts["outer"], shape=shape)
    if rng.random() < 0.94:
        parts["shoes"] = _garment(rng, "shoes")
        dark = float(rng.uniform(0.04, 0.25))
        if rng.random() < 0.5:
            parts["shoes"] = _recoloured(parts["shoes"], (dark, dark * 0.85, dark * 0.75), plain=True)
    if rng.random() < 0.19:
        parts["hat"] = _garment(rng, "hat")
    parts = {name: worn(part.shape, part.look, rng) for name, part in parts.items()}
    if slot in ("top", "bottom", "dress") and "outer" in parts:
        parts["outer"] = _opened(parts["outer"], rng)
    mood = rng.random()
    for name, part in parts.items():
        draw = rng.random()
        if draw < 0.07:
            parts[name] = _recoloured(part, _near(rng, skin, 0.04), plain=True)
        elif draw < 0.17:
            parts[name] = _recoloured(part, _near(rng, ground, 0.03), plain=True)
        elif mood < 0.07:
            parts[name] = _recoloured(part, _near(rng, (0.07, 0.07, 0.07), 0.02), plain=True)
        elif mood < 0.12:
            parts[name] = _recoloured(part, _near(rng, (0.93, 0.92, 0.9), 0.02), plain=True)
        elif draw < NEUTRAL_SHARES[name]:
            value = NEUTRALS[rng.integers(len(NEUTRALS))]
            neutral = _near(rng, (value * 1.04, value, value * 0.95), 0.02 + 0.04 * value)
            parts[name] = _recoloured(part, neutral, plain=bool(rng.random() < 0.7))
    if wanted:
        parts[slot] = wanted
    bare = "dress" in parts or parts["bottom"].shape.type != "pants"
    bag = _bag(rng, BAGS[rng.integers(len(BAGS))]) if rng.random() < 0.45 else None
    return Outfit(
        **parts,
        bag=bag,
        hat_style="brim"
        if slot == "hat"
        else str(rng.choice(["brim", "beanie", "cap"], p=[0.5, 0.28, 0.22])),
        tights=_tone(rng) if bare and woman and rng.random() < 0.25 else None,
        socks=_tone(rng) if rng.random() < 0.3 else None,
    )
