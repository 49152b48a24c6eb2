"""What part features are learned from: garments in several looks, and where their parts lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from training.drawing.appearance import sample_appearance
from training.drawing.drawn_parts import PARTS, Sample, marked
from training.drawing.shape import TYPES, Shape, sample_shape
from training.fit.garment_views import drawn_garment
from training.parallel import in_order
from training.parts.part_maps import edge_cells, in_cells, inner_bounds
from training.photo.segmenter import Segmenter

SEED = 776
"""Of the garments that are drawn; `training.evaluation.part_search` has others."""

OFTEN = 3
"""How many times as many garments are drawn of a type with known parts as of another."""

_OF_TYPES = [
    kind for kind in TYPES for _ in range(OFTEN if any(kind in p.had_by for p in PARTS.values()) else 1)
]


@dataclass(frozen=True, eq=False)
class Looks:
    """Garments, each in several looks.

    Parameters
    ----------
    cells : uint8 (n, v, 30, 30, 8)
        The edges in each look, see `training.parts.part_maps.edge_cells`.
    bounds : float32 (n, v, 4)
        Where the garment lies in its cut-out, in cells of the part map.
    frames : float32 (n, v, p, 4)
        Where each of `PARTS` lies, in fractions of the garment's box; NaN where a garment can't ask by it.
    shapes : tuple of Shape
        Of garments that are drawn; empty for photographs, of which no part is known.
    """

    cells: np.ndarray
    bounds: np.ndarray
    frames: np.ndarray
    shapes: tuple[Shape, ...] = ()

    def __len__(self) -> int:
        return len(self.cells)


_Look = tuple[np.ndarray, np.ndarray, np.ndarray]


def _drawn(sample: Sample, *, segmenter: Segmenter) -> _Look | None:
    garment = drawn_garment(sample, segmenter=segmenter)
    if not garment.found:
        return None
    frames = [
        marked(part, sample, garment.box) if part.asked_by(sample[0]) else (np.nan,) * 4
        for part in PARTS.values()
    ]
    return edge_cells(garment.cutout), in_cells(inner_bounds(garment.mask)), np.array(frames)


def _samples(index: int) -> list[Sample]:
    rng = np.random.default_rng((SEED, index))
    shape = sample_shape(rng, _OF_TYPES[rng.integers(len(_OF_TYPES))])
    return [(shape, sample_appearance(rng)) for _ in range(2)]


def drawn_looks(count: int, *, segmenter: Segmenter, processes: int | None = None) -> Looks:
    """Draw garments in two looks, and cut them out of their pictures."""
    samples = [sample for index in range(count) for sample in _samples(index)]
    made = partial(_drawn, segmenter=segmenter)
    found: list[Any] = list(in_order(made, samples, processes=processes, progress="Drawing", unit="garment"))
    pairs = ((row, found[row : row + 2]) for row in range(0, len(samples), 2))
    kept = {row: pair for row, pair in pairs if all(isinstance(look, tuple) for look in pair)}
    return _stacked([*kept.values()], tuple(samples[row][0] for row in kept))


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    a, b = (cells.astype(np.float32).ravel() - cells.mean() for cells in (first, second))
    return float(a @ b / max(np.sqrt((a @ a) * (b @ b)), 1.0))


def _as_first(views: np.ndarray) -> list[_Look]:
    """Return the looks of a garment's cut-outs, (v, 128, 128, 4), mirrored where the first one is."""
    looks: list[_Look] = []
    for view in views:
        ways = [view, view[:, ::-1]] if looks else [view]
        cells = [edge_cells(way) for way in ways]
        best = int(np.argmax([_cosine(one, looks[0][0]) for one in cells])) if looks else 0
        looks.append((cells[best], in_cells(inner_bounds(ways[best][..., 3])), np.zeros((0, 4))))
    return looks


def photograph_looks(views: np.ndarray, *, processes: int | None = None) -> Looks:
    """Return the looks of photographed garments, by views as `training.fit.dataset` has them.

    Parameters
    ----------
    views : uint8 (n, v, 128, 128, 4)
        Some of them mirrored, which is undone here.
    processes : int, optional
    """
    made = in_order(_as_first, list(views), processes=processes, progress="Edges", unit="garment")
    return _stacked([one for one in made if isinstance(one, list)], ())


def _stacked(looks: Sequence[Sequence[_Look]], shapes: tuple[Shape, ...]) -> Looks:
    cells, bounds, frames = (np.array([[look[at] for look in each] for each in looks]) for at in range(3))
    return Looks(cells, bounds.astype(np.float32), frames.astype(np.float32), shapes)
