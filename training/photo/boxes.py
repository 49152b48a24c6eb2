"""Boxes: left, top, right and bottom of a part of a picture, as fractions of its width and height."""

import numpy as np

Box = tuple[float, float, float, float]

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def bounds(mask: np.ndarray) -> Box:
    """Return the smallest box around a mask, bool (h, w), that is somewhere true."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def widened(box: Box, share: float) -> Box:
    """Return a box with a margin, as a share of its width and height, on each side, within the picture."""
    left, top, right, bottom = box
    beside, above = share * (right - left), share * (bottom - top)
    return max(0.0, left - beside), max(0.0, top - above), min(1.0, right + beside), min(1.0, bottom + above)
