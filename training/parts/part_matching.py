"""Where a part of one garment is found in others, and how well: part maps (n,) in, scores float32 (n,) out.

The part's features are laid on every garment's at several places and sizes; normalised cross-correlation says
how well they fit. What is missing counts, and so does what is too much.
"""

from dataclasses import dataclass

import numpy as np

from training.errors import PartEmpty
from training.parts.part_maps import (
    CELL,
    CELLS,
    CHANNELS,
    FEATURES,
    MARGIN,
    ZERO,
    edge_cells,
    in_cells,
    part_map,
)
from training.photo.boxes import Box
from training.photo.garment import Garment

REACH = 3
"""How far from its own place a part is looked for, in cells: a fifth of the garment's longer side."""

SIZES = ((1.0, REACH), (0.85, 1), (1.18, 1))
"""Sizes at which a part is looked for, as multiples of its own, and how far each, in cells."""

WEIGHT = 0.6
"""What the part counts beside the whole, unless told."""

ALIKE = 0.6
"""Score of the whole from which garments are alike enough: above it the part decides alone."""

FAR, _RESIZED = 0.4, 0.1
"""What the score loses for a part that lies a whole side away, and for one of e times the size."""

_LEAST = 0.05 * 255**2
"""Energy of the edges, in [0, 255], below which there is nothing in a part to be found."""


@dataclass(frozen=True, eq=False)
class Match:
    """How well a part was found in garments, and where.

    Parameters
    ----------
    scores : float32 (n,) in [0, 1]
        1 for its own garment, 0 where nothing of it was found, and for a garment without a map.
    part : Part
    maps : PART_MAP (n,)
    best : int64 (n,)
        At which of its places and sizes the part fits each garment best.
    """

    scores: np.ndarray
    part: "Part"
    maps: np.ndarray
    best: np.ndarray

    def boxes(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return where the part was found in some garments, float32 (k, 4).

        As fractions of each photograph; NaN where nothing was found.
        """
        return self.part.boxes(self.maps[rows], self.best[rows], self.scores[rows] > 0)


def _turned(boxes: np.ndarray) -> np.ndarray:
    """Turn boxes (..., 4) by a quarter clockwise, with the square that they are fractions of."""
    left, top, right, bottom = np.moveaxis(boxes, -1, 0)
    return np.stack([1 - bottom, left, 1 - top, right], axis=-1)


def within(bounds: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return boxes that are given as shares (..., 4) of other boxes, (..., 4)."""
    corners = np.asarray(bounds)
    low, high = corners[..., :2], corners[..., 2:]
    return np.concatenate([low, low], axis=-1) + shares * np.concatenate([high - low, high - low], axis=-1)


def coverage(box: np.ndarray) -> np.ndarray:
    """Return how much of each cell a box in cells, (4,), covers: float32 (15, 15)."""
    left, top, right, bottom = box
    return np.outer(_covered(top, bottom), _covered(left, right)).astype(np.float32)


def _covered(low: float, high: float) -> np.ndarray:
    """Return how much of each cell a span in cells covers, float (15,)."""
    cells = np.arange(CELLS)
    return np.clip(np.minimum(cells + 1, high) - np.maximum(cells, low), 0, 1)


def _resized(image: np.ndarray, scale: float, centre: np.ndarray) -> np.ndarray:
    """Resize an image, (15, 15, c), around a centre (2,) in cells, with `REACH` cells more on each side.

    By bilinear interpolation, as two products of matrices; what lies beyond the image is zero.
    """
    cells, canvas = np.arange(CELLS), np.arange(-REACH, CELLS + REACH)
    places = (canvas - centre[:, None]) / scale + centre[:, None]
    down, across = np.maximum(1 - np.abs(places[..., None] - cells), 0).astype(np.float32)
    return across @ np.tensordot(down, image, 1)


def _shifted(canvas: np.ndarray, reach: int) -> np.ndarray:
    """Return a canvas, (21, 21, c), shifted by each of `steps`: (k, 225, c)."""
    windows = np.lib.stride_tricks.sliding_window_view(canvas, (CELLS, CELLS), (0, 1))
    kept = slice(REACH - reach, REACH + reach + 1)
    return np.moveaxis(windows[kept, kept], 2, -1).reshape(-1, CELLS * CELLS, canvas.shape[2])


def steps(reach: int) -> np.ndarray:
    """Return all shifts by up to so many cells, to the right and down: int64 (k, 2)."""
    each = np.arange(reach, -reach - 1, -1)
    return np.stack(np.meshgrid(each, each), axis=-1).reshape(-1, 2)


def mixed(whole: np.ndarray, part: np.ndarray, weight: float) -> np.ndarray:
    """Return scores by which to rank: those of the part count `weight` in [0, 1], of the whole the rest.

    Those of the whole count up to `ALIKE`.
    """
    return weight * part + (1 - weight) * np.minimum(whole, ALIKE)


class Part:
    """A part of a garment, to be looked for in others.

    Parameters
    ----------
    garment : Garment
    box : Box
        The part, in fractions of the garment's box in its photograph.

    Raises
    ------
    PartEmpty
        There is no edge in it that could be found elsewhere.
    """

    def __init__(self, garment: Garment, box: Box) -> None:
        edges = edge_cells(garment.cutout)
        record = part_map(garment, edges)
        shares = np.array(box)
        for _ in range(int(record["turned"])):
            shares = _turned(shares)
        self._window = within(in_cells(record["inner"]), shares)
        weights = coverage(self._window)[..., None]
        strengths = (edges.astype(np.float32) ** 2).reshape(CELLS, 2, CELLS, 2, -1).mean(axis=(1, 3))
        if float((weights * strengths).sum()) < _LEAST:
            raise PartEmpty(
                f"There is no edge in the part {list(box)} of the garment, so nothing can be found by it. "
                "Draw it around an outline or a seam, such as a neckline or a sleeve."
            )
        self._lay(record[FEATURES] - np.float32(ZERO), weights)

    def _lay(self, features: np.ndarray, weights: np.ndarray) -> None:
        """Lay the part at every size and place: `_templates` (k, cells * 8), `_weights` (k, cells)."""
        left, top, right, bottom = self._window
        centre = np.array([top + bottom, left + right]) / 2 - 0.5
        templates, covers, energies, shifts, scales = [], [], [], [], []
        for scale, reach in SIZES:
            canvas, cover = _resized(features, scale, centre), np.maximum(_resized(weights, scale, centre), 0)
            templates.append(_shifted(canvas * cover, reach))
            covers.append(_shifted(cover, reach)[..., 0])
            shifts.append(steps(reach))
            energies.append(np.full(len(shifts[-1]), (canvas**2 * cover).sum()))
            scales.append(np.full(len(shifts[-1]), scale))
        self._shifts, self._scales = np.concatenate(shifts), np.concatenate(scales)
        self._cells = np.flatnonzero(np.concatenate(covers).any(axis=0))
        self._weights = np.concatenate(covers)[:, self._cells]
        self._templates = np.concatenate(templates)[:, self._cells].reshape(len(self._weights), -1)
        self._energies = np.concatenate(energies)
        lost = FAR * np.hypot(*self._shifts.T) / CELLS + _RESIZED * np.abs(np.log(self._scales))
        self._lost = lost.astype(np.float32)

    def _cosines(self, features: np.ndarray) -> np.ndarray:
        """Return the cosine of the part, as it is laid, with features (n, 15, 15, 8): float32 (n, k)."""
        cells = features.reshape(len(features), CELLS * CELLS, CHANNELS).take(self._cells, axis=1)
        centred = cells - np.float32(ZERO)
        products = centred.reshape(len(features), self._templates.shape[1]) @ self._templates.T
        energies = np.einsum("ncd,ncd->nc", centred, centred) @ self._weights.T
        return products / np.sqrt(np.maximum(energies * self._energies, 1.0))

    def find(self, maps: np.ndarray) -> Match:
        """Look for the part in garments.

        Parameters
        ----------
        maps : PART_MAP (n,)

        Returns
        -------
        Match
        """
        fits = self._cosines(maps[FEATURES]) - self._lost
        fits *= self._inside(maps)
        best = fits.argmax(axis=1)
        scores = np.clip(fits[np.arange(len(maps)), best], 0, 1).astype(np.float32)
        return Match(scores, self, maps, best)

    def _inside(self, maps: np.ndarray) -> np.ndarray:
        """Return at which places the middle of the part lies in each garment whose map is known: (n, k)."""
        across, down = ((self._window[:2] + self._window[2:]) / 2 + self._shifts).T
        left, top, right, bottom = in_cells(maps["inner"]).T[..., None]
        return np.asarray((left < across) & (across < right) & (top < down) & (down < bottom))

    def boxes(self, maps: np.ndarray, best: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Return where the part lies at its place number `best` in each garment that has it: see `Match`."""
        low, high = self._window[:2], self._window[2:]
        middle = (low + high) / 2 + self._shifts[best]
        half = (high - low) / 2 * self._scales[best, None]
        places = (np.hstack([middle - half, middle + half]) * CELL + MARGIN)[found]
        inner = maps["inner"][found].astype(float)
        corner, size = np.tile(inner[:, :2], 2), np.tile(inner[:, 2:] - inner[:, :2], 2)
        shares = np.clip((places - corner) / size, 0, 1)
        quarters = (4 - maps["turned"][found].astype(int)) % 4
        for quarter in range(3):
            shares[quarters > quarter] = _turned(shares[quarters > quarter])
        placed = np.full((len(maps), 4), np.nan, np.float32)
        placed[found] = within(maps["box"][found], shares)
        return placed
