"""Logos, prints and grounds drawn on photographs: uint8 (h, w, 3) RGB in and out, with the garment's mask.

Masks are float32 (h, w) in [0, 1].
"""

from dataclasses import replace
from math import radians

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

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
