"""Boxes: left, top, right and bottom of a part of a picture, as fractions of its width and height.

And the main parts of a mask, which they are drawn around.
"""

from functools import cache

import numpy as np
import scipy

from training.photo.preprocessing import CONNECTIVITY, SMALLEST_PART

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


@cache
def _touching() -> np.ndarray:
    return np.asarray(scipy.ndimage.generate_binary_structure(2, CONNECTIVITY))


def components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Return each pixel's component, int32 (h, w), 0 beside the mask, and how many there are."""
    labels, count = scipy.ndimage.label(mask, _touching())
    return labels, count


def main_parts(mask: np.ndarray) -> np.ndarray:
    """Keep the largest component of a mask, bool (h, w), and those that are not small beside it."""
    labels, count = components(mask)
    if count < 2:
        return mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    return (areas >= SMALLEST_PART * areas.max()).take(labels)
