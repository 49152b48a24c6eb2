"""The part map of a garment: features of its edges on a coarse grid, in a record of 1,824 bytes.

A small network sees the edges by direction and gives each cell eight numbers. It has learned which parts of
garments are cut alike, whatever they look like (`training.part_network`).

References
----------
N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
"""

from functools import cache
from pathlib import Path

import numpy as np

from training.alignment.edge_maps import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN, gradients
from training.photo.boxes import WHOLE, bounds
from training.photo.garment import Garment, encoder_input
from training.photo.litert import LiteModel
from training.photo.preprocessing import SIDE

VERSION = 3
"""Raised by hand whenever another map comes out of the same cut-out, as by another network."""

FEATURES = f"features_{VERSION}"
"""The field of a record's features. Records of another version have another, and are never compared."""

CELLS, CHANNELS = 15, 8
"""Cells along a side of the grid, and features of each."""

CELL = 8
"""Side of a cell in pixels of the cut-out."""

EDGE_CELLS, DIRECTIONS = 30, 8
"""Cells along a side of the finer grid of edges; four directions of outline and four of inner lines."""

MARGIN = (SIDE - CELLS * CELL) // 2
"""Pixels at each side of the cut-out that lie beyond the grid; the garment does not reach into them."""

ZERO = 127.5
"""The number that stands for a feature of 0, of 0 to 255 for -1 to 1."""

PART_MAP = np.dtype(
    [
        (FEATURES, np.uint8, (CELLS, CELLS, CHANNELS)),
        ("box", "<f4", 4),
        ("inner", np.uint8, 4),
        ("turned", "<u4"),
    ]
)
"""A record: the features; the garment's box in its photograph; its bounds in the cut-out, in pixels; and by
how many quarters the photograph was turned clockwise to be cut out. All zero where no map is known."""

NETWORK_FILE = "features.tflite"


@cache
def _network() -> LiteModel:
    return LiteModel(Path(__file__).with_name(NETWORK_FILE).read_bytes())


def edge_cells(cutout: np.ndarray) -> np.ndarray:
    """Return the edges of a cut-out, uint8 (128, 128, 4), by direction: uint8 (30, 30, 8).

    Four directions of the outline, then of the inner lines. Each cell holds the square roots of the mean
    strengths of its edges, so that faint ones count, too.
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
    edges = np.stack([even, odd, -even, -odd], axis=1).reshape(DIRECTIONS, *mask.shape)
    grid, size = slice(MARGIN, SIDE - MARGIN), CELLS * CELL // EDGE_CELLS
    rows = np.clip(edges[:, grid, grid], 0, 1).reshape(DIRECTIONS, EDGE_CELLS, size, -1).sum(axis=2)
    cells = rows.reshape(DIRECTIONS, EDGE_CELLS, EDGE_CELLS, size).sum(axis=3) / size**2
    return np.rint(np.sqrt(np.moveaxis(cells, 0, -1)) * 255).astype(np.uint8)


def inner_bounds(mask: np.ndarray) -> np.ndarray:
    """Return the bounds of a cut-out's garment, by its mask, uint8 (128, 128), in pixels: uint8 (4,)."""
    inside = mask >= 128
    return np.rint(np.array(bounds(inside) if inside.any() else WHOLE) * SIDE).astype(np.uint8)


def in_cells(inner: np.ndarray) -> np.ndarray:
    """Return bounds in the cut-out, in pixels (..., 4), in cells of the grid: float (..., 4)."""
    return (np.asarray(inner, float) - MARGIN) / CELL


def part_map(garment: Garment, cells: np.ndarray | None = None) -> np.ndarray:
    """Return the part map of a garment, a `PART_MAP` record (); `cells` are its `edge_cells`, where known."""
    cells = edge_cells(garment.cutout) if cells is None else cells
    record = np.zeros((), PART_MAP)
    record[FEATURES] = np.rint(ZERO + ZERO * _network().run(cells[None])[0])
    record["box"] = garment.box
    record["inner"] = inner_bounds(garment.mask)
    record["turned"] = garment.turned // 90
    return record


def as_garment(cutout: np.ndarray) -> Garment:
    """Return a cut-out, uint8 (128, 128, 4), as the garment of a photograph that shows no more."""
    mask = cutout[..., 3]
    return Garment(cutout[..., :3], mask, bounds(mask >= 128), confidence=1.0)
