"""Outlines of masks, and the polygons of a garment in its picture."""

import numpy as np
from skimage.measure import find_contours

_LEVEL = 127.5
_TOLERANCE = 0.4
_SMALLEST = 12  # points; what has fewer is a speck
_COARSE = 0.5  # tolerance of polygons, in cells of two by two pixels


def _distances(points: np.ndarray, start: complex, end: complex) -> np.ndarray:
    """Return how far points, complex (n,), are from the straight line between two others."""
    length = abs(end - start)
    offsets = (points - start) * (np.conj(end - start) / length if length else 1)
    return np.abs(offsets - np.minimum(np.maximum(offsets.real, 0), length))


def _simplified(line: np.ndarray, tolerance: float = _TOLERANCE) -> np.ndarray:
    """Leave out the points of a line, float (n, 2), that lie within `tolerance` of what is left.

    `skimage.measure.approximate_polygon` does the same, and brings scipy.signal and 25 MB into every worker.

    References
    ----------
    D. Douglas, T. Peucker, "Algorithms for the reduction of the number of points required to represent a
    digitized line or its caricature", 1973.
    """
    points = line @ (1, 1j)
    kept, parts = {0, len(line) - 1}, [(0, len(line) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        at = int(distances.argmax())
        if distances[at] > tolerance:
            farthest = first + 1 + at
            kept.add(farthest)
            parts += [(first, farthest), (farthest, last)]
    return line[sorted(kept)]


def _lines(mask: np.ndarray) -> list[np.ndarray]:
    return find_contours(np.pad(mask, 1), _LEVEL)  # padded: at the border, too, an outline is closed


def outlines(mask: np.ndarray) -> list[np.ndarray]:
    """Trace where a mask crosses one half.

    Parameters
    ----------
    mask : uint8 (h, w)

    Returns
    -------
    list of float (n, 2)
        Closed lines of x and y, in pixels from the upper left corner of the mask.
    """
    return [_simplified(line)[:, ::-1] - 0.5 for line in _lines(mask) if len(line) >= _SMALLEST]


def polygons(mask: np.ndarray) -> list[np.ndarray]:
    """Trace a garment for display, to about a pixel.

    Parameters
    ----------
    mask : bool (h, w), both even

    Returns
    -------
    list of float (n, 2) in [0, 1]
        The corners of each part and hole, x and y as fractions of the mask's width and height; the last is
        connected with the first.
    """
    height, width = (side // 2 for side in mask.shape)
    pixels = mask.view(np.uint8)
    fours = pixels[::2, ::2] + pixels[1::2, ::2] + pixels[::2, 1::2] + pixels[1::2, 1::2]
    halved = fours * (255 / 4)  # half the points, a quarter smoother
    lines = [_simplified(line, _COARSE)[:-1, ::-1] - 0.5 for line in _lines(halved)]
    return [np.clip(line / (width, height), 0, 1) for line in lines]
