"""The part map of a garment: its edges by direction on a coarse grid, in a record of 1,824 bytes.

References
----------
N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
"""

import numpy as np
from scipy import ndimage

from training.alignment.edge_maps import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN
from training.photo.boxes import WHOLE, bounds
from training.photo.garment import Garment, encoder_input
from training.photo.preprocessing import SIDE

VERSION = 1
"""Raised by hand whenever another map comes out of the same cut-out."""

CELLS, CHANNELS = 15, 8
"""Cells along a side of the grid; four directions of the outline and four of the inner lines in each."""

CELL = 8
"""Side of a cell in pixels of the cut-out."""

EDGE = (SIDE - CELLS * CELL) // 2
"""Pixels at each side of the cut-out that lie beyond the grid; the garment does not reach into them."""

PART_MAP = np.dtype(
    [
        ("edges", np.uint8, (CELLS, CELLS, CHANNELS)),
        ("box", "<f4", 4),
        ("inner", np.uint8, 4),
        ("turned", "<u4"),
    ]
)
"""A record: the edges; the garment's box in its photograph; its bounds in the cut-out, in pixels; and by how
many quarters the photograph was turned clockwise to be cut out. All zero where no map is known."""

_STEP = np.array([-1, 0, 1], np.float32) / np.float32(np.sqrt(2))
_SMOOTH = np.array([1, 2, 1], np.float32) / 4


def _directed(images: np.ndarray) -> np.ndarray:
    """Return the Sobel magnitudes, float32 (n, h, w), of edges near each of four directions: (4, n, h, w)."""
    right, down = (
        ndimage.correlate1d(ndimage.correlate1d(images, _STEP, along), _SMOOTH, across)
        for along, across in ((-1, -2), (-2, -1))
    )
    magnitude = np.sqrt(right**2 + down**2) + np.float32(1e-6)
    even, odd = (right + down) * (right - down) / magnitude, 2 * right * down / magnitude
    return np.maximum(np.stack([even, odd, -even, -odd]), 0)


def _edges(cutout: np.ndarray) -> np.ndarray:
    """Return the edges of a cut-out, uint8 (128, 128, 4), as float32 (8, 128, 128) in [0, 1]."""
    luminance, mask = np.moveaxis(encoder_input(cutout[None])[0], -1, 0).astype(np.float32) / 255
    outline, lines = np.moveaxis(_directed(np.stack([mask, luminance])), 1, 0)
    lines = lines * mask
    strength = np.sqrt((lines**2).sum(axis=0)).sum() / (mask.sum() + 1)
    lines /= LINES_SPREAD * max(float(strength), LINES_FLOOR)
    return np.minimum(np.concatenate([outline * OUTLINE_GAIN, lines]), 1)


def part_map(garment: Garment) -> np.ndarray:
    """Return the part map of a garment, a `PART_MAP` record ().

    Each cell holds the square roots of the mean strengths of its edges, so that faint ones count, too.
    """
    grid = slice(EDGE, SIDE - EDGE)
    edges = _edges(garment.cutout)[:, grid, grid].reshape(CHANNELS, CELLS, CELL, CELLS, CELL)
    cells = np.moveaxis(edges.mean(axis=(2, 4)), 0, -1)
    inside = garment.mask >= 128
    record = np.zeros((), PART_MAP)
    record["edges"] = np.rint(np.sqrt(cells) * 255)
    record["box"] = garment.box
    record["inner"] = np.rint(np.array(bounds(inside) if inside.any() else WHOLE) * SIDE)
    record["turned"] = garment.turned // 90
    return record
