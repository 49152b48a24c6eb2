"""Boxes: left, top, right and bottom of a part of a picture, as fractions of its width and height."""

import numpy as np

Box = tuple[float, float, float, float]

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def extent(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and the columns of the smallest box around a mask, bool (h, w), somewhere true."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def bounds(mask: np.ndarray) -> Box:
    """Return the smallest box around a mask, bool (h, w), that is somewhere true."""
    rows, columns = extent(mask)
    height, width = mask.shape
    return columns.start / width, rows.start / height, columns.stop / width, rows.stop / height


def widened(box: Box, share: float) -> Box:
    """Return a box with a margin, as a share of its width and height, on each side, within the picture."""
    left, top, right, bottom = box
    beside, above = share * (right - left), share * (bottom - top)
    return max(0.0, left - beside), max(0.0, top - above), min(1.0, right + beside), min(1.0, bottom + above)
