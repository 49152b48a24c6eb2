"""Scenes to learn segmentation from: pictures, uint8 (128, 128, 3), and masks, float32 (128, 128) in [0, 1].

Photographs with reliable masks, augmented, and garments cut from them and pasted on the backgrounds of
other photographs, often in the background's own colour, so that edges and texture must decide where colour
can't. Some scenes are empty.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from training.segmentation.labels import Label

PASTED_SHARE = 0.55
DRAWN_SHARE = 0.1
EMPTY_SHARE = 0.04
PLAIN_SHARE = 0.1
ALIKE_SHARE = 0.45
SHADOW_SHARE = 0.4
SHAVED_SHARE = 0.6
GAMMA_SHARE = 0.4
SWAPPED_SHARE = 0.15
GREY_SHARE = 0.12
NEGATIVE_SHARE = 0.06
BLUR_SHARE = 0.3
NOISE_SHARE = 0.3

_SMALLEST_STRIP = 10

Scene = tuple[np.ndarray, np.ndarray]


class Scenes:
    """An endless supply of scenes from labelled photographs and drawn garments.

    Parameters
    ----------
    labels : sequence of Label
        Photographs with reliable masks.
    drawn : sequence of Label
        Drawn garments with their true masks.
    """

    def __init__(self, labels: Sequence[Label], drawn: Sequence[Label]) -> None:
        self.labels, self.drawn = labels, drawn
        self.backgrounds = [strip for label in labels if (strip := _strip(label)) is not None]

    def scene(self, rng: np.random.Generator) -> Scene:
        """Return a random scene; the same state of `rng` gives the same one."""
        draw = rng.random()
        if draw < EMPTY_SHARE:
            side = self.labels[0].photo.shape[0]
            picture, mask = self._background(rng, side), np.zeros((side, side), np.float32)
        elif draw < EMPTY_SHARE + PASTED_SHARE:
            picture, mask = self._pasted(rng)
        elif draw < EMPTY_SHARE + PASTED_SHARE + DRAWN_SHARE and self.drawn:
            picture, mask = _zoomed(_one(self.drawn, rng), rng)
        else:
            picture, mask = _zoomed(_one(self.labels, rng), rng)
        return _degraded(picture, rng), mask

    def _background(self, rng: np.random.Generator, size: int) -> np.ndarray:
        if not self.backgrounds or rng.random() < PLAIN_SHARE:
            colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.choice([0, 250]))
            return np.broadcast_to(colour, (size, size, 3)).astype(np.float32)
        strip = self.backgrounds[rng.integers(len(self.backgrounds))]
        missing = [(0, max(0, size + size // 4 - side)) for side in strip.shape[:2]]
        tiled = np.pad(strip, [*missing, (0, 0)], mode="symmetric")
        top, left = (rng.integers(side - size + 1) for side in tiled.shape[:2])
        background = tiled[top : top + size, left : left + size]
        background = background.transpose(1, 0, 2) if rng.random() < 0.5 else background
        return _recoloured(background[:, :: rng.choice([-1, 1])], rng, strength=0.8)

    def _pasted(self, rng: np.random.Generator) -> Scene:
        label = _one(self.labels, rng)
        garment = _warped(np.dstack([label.photo, label.mask.astype(np.uint8) * 255]), rng)
        alpha = garment[..., 3]
        if rng.random() < SHAVED_SHARE:  # remains of the old background at the outline would give it away
            alpha = ndimage.minimum_filter(alpha, 3)
        mask = alpha[..., None] / np.float32(255)
        colours = _recoloured(garment[..., :3], rng)
        background = self._background(rng, label.photo.shape[0])
        if rng.random() < ALIKE_SHARE:
            mean = (colours * mask).sum((0, 1)) / max(mask.sum(), 1)
            colours = colours + rng.uniform(0.5, 1) * (background.mean((0, 1)) - mean) + rng.normal(0, 12)
        if rng.random() < SHADOW_SHARE:
            soft = ndimage.gaussian_filter(mask[..., 0], rng.uniform(1, 4))
            shadow = ndimage.shift(soft, rng.normal(0, 3, 2), order=1)
            background = background * (1 - rng.uniform(0.1, 0.5) * shadow[..., None])
        return colours * mask + background * (1 - mask), mask[..., 0]


def _one(labels: Sequence[Label], rng: np.random.Generator) -> Label:
    return labels[int(rng.integers(len(labels)))]


def _strip(label: Label) -> np.ndarray | None:
    """Return the largest strip of background beside a garment, or None where it is too small."""
    around = ndimage.binary_dilation(label.mask, iterations=4)
    rows, columns = np.flatnonzero(around.any(1)), np.flatnonzero(around.any(0))
    photo = label.photo
    sides = [photo[: rows[0]], photo[rows[-1] + 1 :], photo[:, : columns[0]], photo[:, columns[-1] + 1 :]]
    largest = max(sides, key=lambda side: min(side.shape[:2]))
    return largest if min(largest.shape[:2]) >= _SMALLEST_STRIP else None


def _recoloured(picture: np.ndarray, rng: np.random.Generator, *, strength: float = 1.0) -> np.ndarray:
    """Vary contrast, brightness, white balance and saturation: float32 out, not yet clipped."""
    colours = (picture.astype(np.float32) - 128) * np.exp(rng.normal(0, 0.25 * strength)) + 128
    colours = colours + rng.normal(0, 20 * strength)
    colours = colours * np.exp(rng.normal(0, 0.08 * strength, 3))
    grey = colours.mean(axis=-1, keepdims=True)
    return grey + (colours - grey) * np.clip(1 + rng.normal(0, 0.4 * strength), 0, 2)


def _zoomed(label: Label, rng: np.random.Generator) -> Scene:
    """Crop a photograph at random, mirror it at random, and recolour it."""
    side = label.photo.shape[0]
    part = int(side * rng.uniform(0.75, 1))
    top, left = rng.integers(side - part + 1, size=2)
    mirror = rng.choice([-1, 1])
    photo, mask = (  # separately: with an alpha channel, resizing would blacken the background
        np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))[:, ::mirror]
        for pixels in (
            label.photo[top : top + part, left : left + part],
            label.mask[top : top + part, left : left + part].astype(np.uint8) * 255,
        )
    )
    return _recoloured(photo, rng, strength=0.7), mask / np.float32(255)


def _warped(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotate, scale, stretch, mirror and shift a cut-out about the centre; transparent beyond it."""
    side = rgba.shape[0]
    scale, aspect = np.exp(rng.uniform(-0.45, 0.15)), np.exp(rng.uniform(-0.15, 0.15))
    angle = rng.normal(0, 0.125)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cosine * aspect, sine * aspect], [-sine / aspect, cosine / aspect]])
    matrix[0] *= rng.choice([-1, 1])
    centre = np.full(2, side / 2)
    offset = centre - matrix @ (centre + rng.uniform(-0.12, 0.12, 2) * side)
    data = [*matrix[0], offset[0], *matrix[1], offset[1]]
    warped = Image.fromarray(rgba).transform(
        (side, side), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    return np.asarray(warped)


def _toned(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply gamma, swap channels, remove the colour or invert, each with its probability."""
    if rng.random() < GAMMA_SHARE:
        picture = 255 * np.clip(picture / 255, 0, 1) ** np.exp(rng.normal(0, 0.4))
    if rng.random() < SWAPPED_SHARE:
        picture = picture[..., rng.permutation(3)]
    if rng.random() < GREY_SHARE:
        picture = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    return 255 - picture if rng.random() < NEGATIVE_SHARE else picture


def _degraded(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    picture = _toned(picture, rng)
    if rng.random() < BLUR_SHARE:
        picture = ndimage.gaussian_filter(picture, (0.6, 0.6, 0))
    if rng.random() < NOISE_SHARE:
        picture = picture + rng.normal(0, rng.uniform(2, 10), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)
