"""Disturbances of a photograph that leave the garment's shape alone: uint8 (h, w, 3) RGB in and out.

Those that move the garment say where to, so that a mask found in the disturbed photograph can be moved back.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import radians
from zlib import crc32

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.exposure import adjust_gamma
from skimage.transform import AffineTransform, warp
from skimage.util import random_noise

from training.drawing.appearance import sample_appearance
from training.drawing.background import background
from training.drawing.fabric import print_weight
from training.photo.garment import LUMINANCE

CONTRAST = 0.35  # least distance in RGB, sides of 1, of a print, logo or background from the garment's colour
LENGTH = 70.0  # centimetres that the garment's longer side is taken for, to size its print
PRINTS = ("stripes", "checks", "dots", "floral")
WORDS = ("SURF", "1987", "NOVA", "TEAM", "OK", "Rio")


def pixels(rgb: np.ndarray) -> np.ndarray:
    """Return colours in [0, 1], or a little beyond, as uint8."""
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)


def _mean_colour(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the garment's mean colour, float (3,) in [0, 1]."""
    return np.average(rgb.reshape(-1, 3), axis=0, weights=mask.ravel() + 1e-6) / 255


def _unlike(rng: Generator, colour: np.ndarray) -> np.ndarray:
    """Draw a colour that can be told from another."""
    while np.linalg.norm((other := rng.uniform(0, 1, 3)) - colour) < CONTRAST:
        pass
    return other


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the first row, the end of the rows, the first column and the end of the columns."""
    inside = mask > 0.5
    rows, columns = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    if not len(rows):
        return 0, mask.shape[0], 0, mask.shape[1]
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _folds(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Light and shade on the cloth, float (h, w, 1) around 1, so that ink on it looks printed."""
    light = rgb @ LUMINANCE / 255
    mean = np.average(light, weights=mask + 1e-6)
    return np.clip(1 + 0.8 * (light - mean), 0.5, 1.3)[..., None]


def _inked(rgb: np.ndarray, mask: np.ndarray, weight: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Lay ink on the garment where the weight, float (h, w) in [0, 1], says so."""
    cover = (weight * mask)[..., None]
    return pixels(rgb / 255 * (1 - cover) + ink * _folds(rgb, mask) * cover)


def _chest(mask: np.ndarray) -> tuple[float, float, float]:
    """Return x and y of the middle of the garment at 30 % of its height, and its width there."""
    top, end, left, right = _extent(mask)
    y = round(top + 0.3 * (end - top))
    columns = np.nonzero(mask[min(y, len(mask) - 1)] > 0.5)[0]
    if not len(columns):
        return (left + right) / 2, y, right - left
    return (columns[0] + columns[-1]) / 2, y, min(columns[-1] - columns[0], end - top)


def _emblem(size: tuple[int, int], x: float, y: float, width: float, rng: Generator) -> Image.Image:
    """Draw a badge with a word cut out of it, or the word alone, as a mask of the given size."""
    layer = Image.new("L", size)
    draw = ImageDraw.Draw(layer)
    box = (x - width / 2, y - width * 0.3, x + width / 2, y + width * 0.3)
    badge = rng.integers(3)
    if badge == 1:
        draw.rounded_rectangle(box, radius=width * 0.08, fill=255)
    if badge == 2:
        draw.ellipse(box, fill=255)
    word = str(rng.choice(WORDS))
    height = (1.15 if badge else 1.6) * width / len(word)
    font = ImageFont.load_default(size=max(height, 1.0))
    draw.text((x, y), word, font=font, anchor="mm", fill=0 if badge else 255)
    return layer


def _background(rng: Generator, size: tuple[int, int], colour: np.ndarray) -> np.ndarray:
    """Draw a wall, carpet, planks or tiles that can be told from the garment: float (h, w, 3)."""
    while True:
        look = sample_appearance(rng)
        ground = background(look, rng, size=size)
        if np.linalg.norm(ground.mean(axis=(0, 1)) - colour) >= CONTRAST:
            return ground


def with_logo(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Paste a logo on the chest, a third to a half as wide as the garment is there."""
    x, y, width = _chest(mask)
    height, full_width = mask.shape
    layer = _emblem((full_width, height), x, y, width * rng.uniform(0.33, 0.5), rng)
    return _inked(rgb, mask, np.asarray(layer) / 255, _unlike(rng, _mean_colour(rgb, mask)))


def with_print(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Print stripes, checks, dots or flowers all over the cloth, a little aslant."""
    top, end, left, right = _extent(mask)
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] * (LENGTH / max(end - top, right - left))
    slant = radians(rng.uniform(-12, 12))
    u, v = x * np.cos(slant) + y * np.sin(slant), y * np.cos(slant) - x * np.sin(slant)
    look = replace(sample_appearance(rng), print=str(rng.choice(PRINTS)))
    weight = np.asarray(print_weight(look, u.astype(np.float32), v.astype(np.float32)))
    return _inked(rgb, mask, weight, _unlike(rng, _mean_colour(rgb, mask)))


def on_another_background(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Lay the cut-out on another ground, with a soft shadow."""
    ground = _background(rng, mask.shape, _mean_colour(rgb, mask))
    shadow = ndimage.shift(ndimage.gaussian_filter(mask, 4), (3, 2), order=1)
    matte = mask[..., None]
    return pixels(rgb / 255 * matte + ground * (1 - 0.35 * shadow[..., None]) * (1 - matte))


TURN = 10.0  # degrees
ZOOM = 0.8
SHIFT = 0.08  # of each side
QUALITY = 25
BLUR = 1.5  # pixels
NOISE = 0.06  # standard deviation, of the full range


@dataclass(frozen=True)
class Disturbance:
    """A change of a photograph that leaves the garment's shape alone.

    Parameters
    ----------
    name : str
    change : function
        Of the photograph, uint8 (h, w, 3), the garment's mask in it, float32 (h, w) in [0, 1], and a
        random generator; it returns a new photograph of the same form.
    move : function, optional
        Of the photograph's width and height, and a generator in the state that `change` gets it in; it
        returns where `change` moves each pixel. None where everything stays in its place.
    """

    name: str
    change: Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]
    move: Callable[[np.ndarray, Generator], AffineTransform] | None = None


def _hue(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Turn all hues by a quarter to three quarters of the circle."""
    hsv = rgb2hsv(rgb)
    return pixels(hsv2rgb(np.dstack([(hsv[..., 0] + rng.uniform(0.25, 0.75)) % 1, hsv[..., 1:]])))


def _grey(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).convert("L").convert("RGB"))


def _gamma(exponent: float) -> Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]:
    return lambda rgb, mask, rng: adjust_gamma(rgb, exponent)


def _negative(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return 255 - rgb


def _mirrored(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return rgb[:, ::-1].copy()


def _mirroring(size: np.ndarray, rng: Generator) -> AffineTransform:
    return AffineTransform(scale=(-1, 1), translation=(size[0] - 1, 0))


def _compressed(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file))


def _blurred(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return ndimage.gaussian_filter(rgb, (BLUR, BLUR, 0))


def _noisy(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return pixels(random_noise(rgb, var=NOISE**2, rng=rng))


def _about_centre(
    size: np.ndarray, *, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> AffineTransform:
    """Turn and scale about the centre, then shift by shares of width and height."""
    centre = (size - 1) / 2
    about = AffineTransform(translation=-centre) + AffineTransform(scale=scale, rotation=radians(degrees))
    return about + AffineTransform(translation=centre + size * shift)


def _turning(degrees: float) -> Callable[[np.ndarray, Generator], AffineTransform]:
    return lambda size, rng: _about_centre(size, degrees=degrees)


def _zooming_out(size: np.ndarray, rng: Generator) -> AffineTransform:
    return _about_centre(size, scale=ZOOM)


def _shifting(size: np.ndarray, rng: Generator) -> AffineTransform:
    """Shift to the left, right, top or bottom."""
    return _about_centre(size, shift=((SHIFT, 0), (-SHIFT, 0), (0, SHIFT), (0, -SHIFT))[rng.integers(4)])


def _moving(name: str, move: Callable[[np.ndarray, Generator], AffineTransform]) -> Disturbance:
    """Move the whole photograph; its border is repeated."""

    def change(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
        return pixels(warp(rgb, move(np.array(rgb.shape[1::-1]), rng).inverse, mode="edge"))

    return Disturbance(name, change, move)


DISTURBANCES = (
    Disturbance("hue turned", _hue),
    Disturbance("grey", _grey),
    Disturbance("gamma 0.5", _gamma(0.5)),
    Disturbance("gamma 2", _gamma(2.0)),
    Disturbance("negative", _negative),
    Disturbance("mirrored", _mirrored, _mirroring),
    Disturbance(f"JPEG quality {QUALITY}", _compressed),
    Disturbance("blur", _blurred),
    Disturbance("noise", _noisy),
    _moving(f"zoomed out to {ZOOM}", _zooming_out),
    _moving(f"shifted {SHIFT:.0%}", _shifting),
    _moving(f"turned +{TURN:.0f}°", _turning(TURN)),
    _moving(f"turned -{TURN:.0f}°", _turning(-TURN)),
    Disturbance("logo on the chest", with_logo),
    Disturbance("all-over print", with_print),
    Disturbance("another background", on_another_background),
)


def _generator(disturbance: Disturbance, item_id: str, seed: int) -> Generator:
    return np.random.default_rng([seed, crc32(disturbance.name.encode()), crc32(item_id.encode())])


def disturb(
    rgb: np.ndarray, mask: np.ndarray, disturbance: Disturbance, *, item_id: str, seed: int
) -> np.ndarray:
    """Disturb a photograph, always in the same way for one item and one seed.

    Parameters
    ----------
    rgb : uint8 (h, w, 3)
    mask : float32 (h, w) in [0, 1]
        Where the garment is.
    disturbance : Disturbance
    item_id : str
    seed : int

    Returns
    -------
    uint8 (h, w, 3)
    """
    return disturbance.change(rgb, mask, _generator(disturbance, item_id, seed))


def undo(
    found: np.ndarray, disturbance: Disturbance, *, item_id: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move a mask that was found in a disturbed photograph back to where it lies in the undisturbed one.

    Parameters
    ----------
    found : bool (h, w)
    disturbance : Disturbance
    item_id : str
    seed : int
        As in `disturb`.

    Returns
    -------
    mask : bool (h, w)
    kept : bool (h, w)
        What of the undisturbed photograph is in the disturbed one; nothing can be said of the rest.
    """
    if disturbance.move is None:
        return found, np.ones_like(found)
    size = np.array(found.shape[::-1])
    move = disturbance.move(size, _generator(disturbance, item_id, seed))
    layers = np.dstack([found, np.ones_like(found)]).astype(np.float32)
    back = warp(layers, move, mode="constant", cval=0) > 0.5
    return back[..., 0], back[..., 1]
