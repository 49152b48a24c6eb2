"""Registration of two garments by a similarity transform: shift, scale and rotation, by cross-correlation.

Edge maps are float32 (c, s, s), as `training.alignment.edge_maps` makes them. Scales and rotations are tried,
coarse ones on small maps first; for each, one correlation finds the best shift.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image

from training.alignment.correlation import cross_correlation, translation

_COARSE, _FINE = 32, 64
"""Sides of the maps on which coarse and fine trials are made."""

_SCALES = np.geomspace(0.7, 1 / 0.7, 7)
_DEGREES = (-8.0, 0.0, 8.0)
_STEPS = ((1.06, 4.0), (1.04, 2.0), (1.02, 1.0))
"""By which scale and degrees fine trials differ."""

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
        By how much its centre moves then, as fractions of the side.
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
        """Return where places, float (..., 2) of x and y in pixels of a square, move to."""
        middle = side / 2
        return (places - middle) @ self._linear.T + middle + np.array([self.right, self.down]) * side

    def of_picture(self, picture: np.ndarray) -> np.ndarray:
        """Transform a picture, uint8 (s, s) or (s, s, 3), bilinearly; what comes into it is black."""
        side = picture.shape[0]
        back = np.linalg.inv(self._linear)
        middle = np.full(2, side / 2)
        offset = middle - back @ (middle + np.array([self.right, self.down]) * side)
        matrix = tuple(np.column_stack([back, offset]).ravel())
        image = Image.fromarray(picture)
        return np.asarray(
            image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        )


def _small(maps: np.ndarray, side: int) -> np.ndarray:
    """Average maps, float32 (c, s, s), to (c, side, side)."""
    step = maps.shape[-1] // side
    return maps.reshape(len(maps), side, step, side, step).mean(axis=(2, 4))


def _posed(maps: np.ndarray, poses: Sequence[Similarity]) -> np.ndarray:
    """Transform maps, float32 (c, s, s) in [0, 1], in several ways: float32 (n, c, s, s), to 8 bits."""
    bands = np.zeros((*maps.shape[1:], 3), np.uint8)  # one picture of all channels is transformed in one go
    bands[..., : len(maps)] = np.rint(np.moveaxis(maps, 0, -1) * 255)
    posed = np.stack([pose.of_picture(bands) for pose in poses])
    return np.moveaxis(posed[..., : len(maps)], -1, 1).astype(np.float32) / 255


def _norm(maps: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(maps).sum(axis=(-3, -2, -1)))


def _scores(fixed: np.ndarray, moving: np.ndarray, poses: Sequence[Similarity]) -> np.ndarray:
    """Return for each scale and rotation the highest cosine that a shift reaches: float (n,)."""
    posed = _posed(moving, poses)
    highest = cross_correlation(fixed, posed, channels=True).max(axis=(1, 2))
    return highest / np.maximum(_norm(posed) * _norm(fixed), 1e-12)


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
    poses = [Similarity(about.scale * growth**grown, about.degrees + degrees * turn) for grown, turn in steps]
    there, smaller, larger, back, on = _scores(fixed, moving, poses)
    return Similarity(
        about.scale * growth ** _vertex(smaller, there, larger),
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
        Of `moving`; scales from 0.65 to 1.5 and rotations up to 12 degrees are found.
    """
    coarse = [Similarity(float(scale), float(turn)) for scale, turn in product(_SCALES, _DEGREES)]
    scores = _scores(_small(fixed, _COARSE), _small(moving, _COARSE), coarse)
    best = coarse[int(scores.argmax())]
    halves = _small(fixed, _FINE), _small(moving, _FINE)
    for growth, degrees in _STEPS:
        best = _refined(*halves, best, growth=growth, degrees=degrees)
    shift = translation(halves[0], _posed(halves[1], [best])[0], upsample=_UPSAMPLE) / _FINE
    return Similarity(best.scale, best.degrees, float(shift[0]), float(shift[1]))
