"""Registration of two garments by a similarity transform: shift, scale and rotation, by cross-correlation.

Maps are float32 (3, s, s), as `channels` makes them. Scales and rotations are tried, coarse ones on small
maps first; for each, one correlation finds the best shift.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from training.alignment.correlation import correlation_nearby, translation
from training.alignment.edge_maps import edge_maps_of

COARSE, _FINE = 32, 64
"""Sides of the maps on which coarse and fine trials are made."""

_MASK_WEIGHT = 0.7
"""Of the mask, beside outline and inner lines; else a narrow garment is laid on one side of a wide one."""

_SCALES = np.geomspace(0.7, 1 / 0.7, 7)
_STEPS = ((COARSE, 1.06, 8.0), (COARSE, 1.06, 4.0), (_FINE, 1.04, 2.0), (_FINE, 1.02, 1.0))
"""On which maps, and by which scale and degrees, further trials are made."""

_COST = 0.002
"""By how much the cosine must rise for a degree of rotation: cut-outs stand straight already."""

_DOWN, _RIGHT = 1 / 3, 1 / 8
"""The longest shifts, as shares of the side: cut-outs are centred, and garments symmetric as a rule."""

_UPSAMPLE = 8


@dataclass(frozen=True)
class Similarity:
    """A similarity transform of a square picture about its centre.

    Parameters
    ----------
    scale : float
        By which the picture grows.
    degrees : float
        By how many it turns clockwise.
    down, right : float
        By how many pixels its centre moves then.
    """

    scale: float = 1.0
    degrees: float = 0.0
    down: float = 0.0
    right: float = 0.0

    @property
    def _linear(self) -> np.ndarray:
        """The 2 x 2 matrix of scale and rotation, x to the right and y downwards."""
        angle = np.deg2rad(self.degrees)
        return self.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def of_places(self, places: np.ndarray, side: int) -> np.ndarray:
        """Return where places of a picture of a side, float (..., 2) of x and y, move to."""
        return (places - side / 2) @ self._linear.T + side / 2 + (self.right, self.down)

    def of_picture(self, picture: np.ndarray) -> np.ndarray:
        """Transform a picture, uint8 (s, s[, 3]) or float32 (s, s), bilinearly; what comes in is black."""
        return self.of_image(Image.fromarray(picture))

    def of_image(self, image: Image.Image) -> np.ndarray:
        """Transform a picture that Pillow holds already, which takes a third of the time."""
        angle, middle = math.radians(self.degrees), image.width / 2
        across, down = math.cos(angle) / self.scale, math.sin(angle) / self.scale
        x, y = middle + self.right, middle + self.down
        back = across, down, middle - across * x - down * y, -down, across, middle + down * x - across * y
        return np.asarray(
            image.transform(image.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        )


def channels(inputs: np.ndarray) -> np.ndarray:
    """Return what garments are registered by: outline, inner lines and mask.

    Parameters
    ----------
    inputs : uint8 (..., s, s, 2)
        What `training.photo.garment.encoder_input` gives.

    Returns
    -------
    float32 (..., 3, s, s) in [0, 1]
    """
    mask = inputs[..., None, :, :, 1] * np.float32(_MASK_WEIGHT / 255)
    return np.concatenate([edge_maps_of(inputs), mask], axis=-3)


def smaller(maps: np.ndarray, side: int) -> np.ndarray:
    """Average maps, float32 (..., s, s), to (..., side, side): s is side times a power of two."""
    while maps.shape[-1] > side:  # sums of slices, which take a fraction of the time of a mean along axes
        rows = maps[..., ::2, :] + maps[..., 1::2, :]
        maps = (rows[..., ::2] + rows[..., 1::2]) * np.float32(0.25)
    return maps


def _posed(maps: np.ndarray, poses: Sequence[Similarity]) -> np.ndarray:
    """Transform maps, float32 (c, s, s) in [0, 1], in several ways: float32 (n, c, s, s), to 8 bits."""
    bands = np.zeros((*maps.shape[1:], 3), np.uint8)  # one picture of all channels is transformed in one go
    bands[..., : len(maps)] = np.rint(np.moveaxis(maps, 0, -1) * 255)
    image = Image.fromarray(bands)
    posed = np.stack([pose.of_image(image) for pose in poses])
    return np.moveaxis(posed[..., : len(maps)], -1, 1).astype(np.float32) / 255


def _norm(maps: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(maps).sum(axis=(-3, -2, -1)))


def _reach(maps: np.ndarray) -> tuple[int, int]:
    return round(maps.shape[-2] * _DOWN), round(maps.shape[-1] * _RIGHT)


def _cosines(fixed: np.ndarray, posed: np.ndarray) -> np.ndarray:
    """Return the cosine of each of several poses, float32 (n, c, s, s), with a picture, where they lie."""
    return (posed * fixed).sum(axis=(1, 2, 3)) / np.maximum(_norm(posed) * _norm(fixed), 1e-12)


def _scores(fixed: np.ndarray, moving: np.ndarray, poses: Sequence[Similarity]) -> np.ndarray:
    """Return for each scale and rotation the highest cosine that a shift reaches: float (n,)."""
    posed = _posed(moving, poses)
    highest = correlation_nearby(fixed, posed, reach=_reach(fixed)).max(axis=(1, 2))
    turned = np.abs([pose.degrees for pose in poses])
    return highest / np.maximum(_norm(posed) * _norm(fixed), 1e-12) - _COST * turned


def best_cosines(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return how well a garment can be laid on others by shift and scale alone, for ranking.

    Parameters
    ----------
    fixed : float32 (n, 3, s, s)
    moving : float32 (3, s, s)
        Both with s = `COARSE`, as `smaller` makes them.

    Returns
    -------
    float (n,) in [0, 1]
        The highest cosine.
    """
    posed = _posed(moving, [Similarity(float(scale)) for scale in _SCALES])
    highest = correlation_nearby(fixed[:, None], posed, reach=_reach(moving)).max(axis=(-2, -1))
    return (highest / np.maximum(_norm(fixed)[:, None] * _norm(posed), 1e-12)).max(axis=1)


def _vertex(before: float, there: float, after: float) -> float:
    """Return where a parabola through scores at -1, 0 and 1 has its top, at most one step away."""
    bend = before - 2 * there + after
    if bend >= 0:
        return float(np.sign(after - before))
    return float(np.clip((before - after) / (2 * bend), -1, 1))


def _refined(
    fixed: np.ndarray, moving: np.ndarray, about: Similarity, *, growth: float, degrees: float
) -> Similarity:
    """Try one step to each side, and return the tops of the parabolas through the scores."""
    steps = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    poses = [Similarity(about.scale * growth**size, about.degrees + degrees * turn) for size, turn in steps]
    there, shrunk, grown, back, on = _scores(fixed, moving, poses)
    return Similarity(
        about.scale * growth ** _vertex(shrunk, there, grown),
        about.degrees + degrees * _vertex(back, there, on),
    )


def register(fixed: np.ndarray, moving: np.ndarray) -> Similarity:
    """Find the transform that lays a picture best on another: the highest cosine of their edge maps.

    Parameters
    ----------
    fixed, moving : float32 (c, s, s) in [0, 1]
        Up to three channels; s a multiple of 64.

    Returns
    -------
    Similarity
        Of `moving`; scales from 0.65 to 1.5 and rotations up to 12 degrees are found, and shifts up
        to a third of the side down or up and an eighth to the right or left. Where no transform is
        better than none, the picture stays as it is.
    """
    sizes = {side: (smaller(fixed, side), smaller(moving, side)) for side in (COARSE, _FINE)}
    upright = [Similarity(float(scale)) for scale in _SCALES]
    best = upright[int(_scores(*sizes[COARSE], upright).argmax())]
    for side, growth, degrees in _STEPS:
        best = _refined(*sizes[side], best, growth=growth, degrees=degrees)
    there, here = sizes[_FINE]
    shift = translation(there, _posed(here, [best])[0], reach=_reach(there), upsample=_UPSAMPLE)
    unmoved, moved = _cosines(
        there, _posed(here, [Similarity(), replace(best, down=shift[0], right=shift[1])])
    )
    if unmoved >= moved:
        return Similarity()
    down, right = (shift * fixed.shape[-1] / _FINE).tolist()
    return replace(best, down=down, right=right)
