"""The part map of a garment: its edges by direction on a coarse grid, in a record of 1,824 bytes.

References
----------
N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
"""

import numpy as np

from training.alignment.edge_maps import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN, gradients
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


def _edges(cutout: np.ndarray) -> np.ndarray:
    """Return the edges of a cut-out, uint8 (128, 128, 4), as float32 (8, 128, 128) in [0, 1].

    Four directions of the outline, then of the inner lines.
    """
    luminance, mask = np.moveaxis(encoder_input(cutout[None])[0], -1, 0).astype(np.float32) / 255
    right, down = gradients(np.stack([mask, luminance]))
    energy = right * right + down * down
    magnitude = np.sqrt(energy) + np.float32(1e-6)
    gains = np.stack([np.full_like(mask, OUTLINE_GAIN), mask])
    strength = (energy[1] / magnitude[1] * mask).sum() / (mask.sum() + 1)
    gains[1] /= LINES_SPREAD * max(float(strength), LINES_FLOOR)
    gains /= magnitude
    even, odd = (right - down) * (right + down) * gains, 2 * right * down * gains
    edges = np.stack([even, odd, -even, -odd], axis=1).reshape(CHANNELS, *mask.shape)
    return np.clip(edges, 0, 1, out=edges)


def part_map(garment: Garment) -> np.ndarray:
    """Return the part map of a garment, a `PART_MAP` record ().

    Each cell holds the square roots of the mean strengths of its edges, so that faint ones count, too.
    """
    grid = slice(EDGE, SIDE - EDGE)
    rows = _edges(garment.cutout)[:, grid, grid].reshape(CHANNELS, CELLS, CELL, -1).sum(axis=2)
    cells = np.moveaxis(rows.reshape(CHANNELS, CELLS, CELLS, CELL).sum(axis=3), 0, -1) / CELL**2
    inside = garment.mask >= 128
    record = np.zeros((), PART_MAP)
    record["edges"] = np.rint(np.sqrt(cells) * 255)
    record["box"] = garment.box
    record["inner"] = np.rint(np.array(bounds(inside) if inside.any() else WHOLE) * SIDE)
    record["turned"] = garment.turned // 90
    return record


def as_garment(cutout: np.ndarray) -> Garment:
    """Return a cut-out, uint8 (128, 128, 4), as the garment of a photograph that shows no more."""
    mask = cutout[..., 3]
    return Garment(cutout[..., :3], mask, bounds(mask >= 128), confidence=1.0)
