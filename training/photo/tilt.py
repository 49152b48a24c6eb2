"""The square around a garment, stood straight by the garment's axis of symmetry.

A garment that is laid out or hung up askew has another outline than the same one that is straight; most
garments are nearly symmetric, which tells how they were meant to be seen.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from training.photo.preprocessing import (
    MARGIN,
    SIDE,
    TILT_COST,
    TILT_GAIN,
    TILT_MOST,
    TILT_SIDE,
    TILT_STEP,
)

_ANGLES = np.arange(-TILT_MOST, TILT_MOST + 1, TILT_STEP)
_UPRIGHT = len(_ANGLES) // 2


@dataclass(frozen=True)
class Frame:
    """A square of a picture.

    Parameters
    ----------
    x, y : float
        Its centre, as fractions of the picture's width and height.
    side : float
        As a fraction of the picture's width.
    tilt : float
        By how many degrees what is in it is turned clockwise to stand straight.
    """

    x: float = 0.5
    y: float = 0.5
    side: float = 1.0
    tilt: float = 0.0


def _turn(degrees: float) -> np.ndarray:
    """Return the 2 x 2 matrix that turns places clockwise, x to the right and y downwards."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _matrix(frame: Frame, width: int, height: int, side: int) -> np.ndarray:
    """Return the 2 x 3 matrix from places in a square of `side` pixels to those in the picture, in pixels."""
    linear = _turn(-frame.tilt) * frame.side * width / side
    middle = np.array([frame.x * width, frame.y * height])
    return np.column_stack([linear, middle - linear @ np.full(2, side / 2)])


def _transformed(picture: Image.Image, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(
        picture.transform(size, Image.Transform.AFFINE, matrix.ravel().tolist(), Image.Resampling.BILINEAR)
    )


_MIRROR = np.diag([-1.0, 1.0])
_REFLECTIONS = np.stack([_turn(-angle) @ _MIRROR @ _turn(angle) for angle in _ANGLES.tolist()])
"""The mirror images at each angle, about the origin: float64 (13, 2, 2)."""


def around(mask: np.ndarray, width: int, height: int, tilt: float = 0.0) -> Frame:
    """Return the square, with `MARGIN`, around what a mask shows.

    Parameters
    ----------
    mask : bool (h, w)
        Somewhere true; its rows and columns are in proportion to the picture's.
    width, height : int
        Of the picture, in pixels.
    tilt : float
        In degrees.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    first, last = mask[rows].argmax(axis=1), mask.shape[1] - mask[rows, ::-1].argmax(axis=1)
    corners = np.array([(x, y) for side in (rows, rows + 1) for x, y in ((first, side), (last, side))])
    places = corners.transpose(1, 0, 2).reshape(2, -1) * ([width / mask.shape[1]], [height / mask.shape[0]])
    seen = _turn(tilt) @ places
    low, high = seen.min(axis=1), seen.max(axis=1)
    x, y = (_turn(-tilt) @ ((low + high) / 2)).tolist()
    return Frame(x / width, y / height, float((high - low).max()) * (1 + 2 * MARGIN) / width, tilt)


def tilt_of(mask: np.ndarray) -> float:
    """Return by how many degrees a garment is to be turned clockwise to stand straight.

    Parameters
    ----------
    mask : uint8 (n, n)
        Of the garment alone, in a square of the photograph's proportions.

    Returns
    -------
    float in [-26, 26]
        The angle at which the mask and its mirror image, laid on each other by their centres of gravity,
        overlap most; 0 where that is hardly better than upright.
    """
    small = Image.fromarray(mask).resize((TILT_SIDE, TILT_SIDE), Image.Resampling.BOX)
    weights = np.asarray(small, np.float64)
    places = (np.arange(TILT_SIDE) + 0.5) / TILT_SIDE / max(weights.sum(), 1.0)
    x, y = weights.sum(axis=0) @ places, weights.sum(axis=1) @ places
    scores = _symmetries(small, x, y) - TILT_COST * np.abs(_ANGLES)
    best = int(scores.argmax())
    if scores[best] < scores[_UPRIGHT] + TILT_GAIN:
        return 0.0
    if not 0 < best < len(_ANGLES) - 1:
        return float(_ANGLES[best])
    before, there, after = scores[best - 1 : best + 2]  # the top of the parabola through them
    return float(_ANGLES[best] + TILT_STEP * (before - after) / (2 * (before - 2 * there + after)))


def _symmetries(mask: Image.Image, x: float, y: float) -> np.ndarray:
    """Return the soft intersection over union of a mask with its mirror image at each of `_ANGLES`.

    The axis goes through (x, y), in fractions of the mask's sides.
    """
    seen, middle = np.asarray(mask), np.multiply((x, y), TILT_SIDE)
    matrices = np.dstack([_REFLECTIONS, middle - _REFLECTIONS @ middle])
    mirrored = np.stack([_transformed(mask, matrix, mask.size) for matrix in matrices])
    both = np.minimum(seen, mirrored).sum(axis=(1, 2), dtype=np.int64)
    return both / np.maximum(2 * int(seen.sum(dtype=np.int64)) - both, 1)


def square(picture: Image.Image, frame: Frame, proportions: tuple[int, int] | None = None) -> np.ndarray:
    """Cut a frame out of a picture, uint8 (128, 128) or (128, 128, 3), black beyond the picture.

    Parameters
    ----------
    picture : Image
    frame : Frame
    proportions : tuple of int, optional
        Width and height of the picture where it has been squeezed to another size.
    """
    width, height = proportions or picture.size
    scales = np.array([[picture.width / width], [picture.height / height]])
    return _transformed(picture, scales * _matrix(frame, width, height, SIDE), (SIDE, SIDE))


def straight(
    picture: Image.Image, matte: Image.Image, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Frame]:
    """Cut what a mask shows out of a picture, stood straight.

    Parameters
    ----------
    picture : Image
    matte : Image
        The mask as soft as it is to be.
    mask : bool (h, w)
        Somewhere true; its rows and columns, and those of the matte, are in proportion to the picture's.

    Returns
    -------
    rgb : uint8 (128, 128, 3)
    mask : uint8 (128, 128)
    frame : Frame
        What was cut out.
    """
    frame = around(mask, *picture.size)
    cut = square(matte, frame, picture.size)
    if tilt := tilt_of(cut):
        frame = around(mask, *picture.size, tilt)
        cut = square(matte, frame, picture.size)
    return square(picture, frame), cut, frame


def laid_back(mask: np.ndarray, frame: Frame, width: int, height: int) -> np.ndarray:
    """Lay a mask, uint8 (128, 128), back where a frame was cut from: uint8 (height, width)."""
    matrix = np.vstack([_matrix(frame, width, height, SIDE), [0, 0, 1]])
    return _transformed(Image.fromarray(mask), np.linalg.inv(matrix)[:2], (width, height))
