"""Batches of searches by a part: edges and windows of garments, and what each is worth as an answer."""

import keras
import numpy as np
from numpy.random import Generator

from training.drawing.drawn_parts import PARTS
from training.part_network.looks import Looks
from training.parts.part_matching import coverage, within

DRAWN, PHOTOGRAPHS = 48, 16
"""Garments in a batch, each in two looks."""

KNOWN_SHARE = 0.75
"""Share of drawn garments that ask by a part that is known; the others ask by any, of the same garment."""

ASKED = ("neckline", "neckline", "sleeve", "hem")
"""How often garments ask by each part; necklines are the hardest to tell."""

SIZES = (0.22, 0.6)
"""Sides of other parts, in fractions of the garment's box."""

INEXACT = 0.06
"""Deviation of a part's sides, in its own length: no one marks it exactly."""

Batch = tuple[tuple[np.ndarray, np.ndarray], np.ndarray]


def _anywhere(rng: Generator) -> np.ndarray:
    size = rng.uniform(*SIZES, 2)
    corner = rng.uniform(0, 1 - size)
    return np.concatenate([corner, corner + size])


def _inexact(frame: np.ndarray, rng: Generator) -> np.ndarray:
    sides = np.tile(frame[2:] - frame[:2], 2)
    return np.clip(frame + INEXACT * rng.normal(size=4) * sides, 0, 1)


class PartBatches(keras.utils.PyDataset):
    """Batches of `steps` an epoch, other ones each epoch.

    Parameters
    ----------
    drawn, photographs : Looks
    steps, seed : int
    """

    def __init__(self, drawn: Looks, photographs: Looks, *, steps: int, seed: int) -> None:
        super().__init__(workers=2, max_queue_size=8)
        self.drawn, self.photographs, self.steps, self.seed = drawn, photographs, steps, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        """Switch to new batches."""
        self.epoch += 1

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        rows, looks = self._chosen(self.drawn, DRAWN, rng)
        others, views = self._chosen(self.photographs, PHOTOGRAPHS, rng)
        cells = np.concatenate([self.drawn.cells[rows, looks], self.photographs.cells[others, views]])
        bounds = np.concatenate([self.drawn.bounds[rows, looks], self.photographs.bounds[others, views]])
        each = np.arange(len(cells))
        gains = np.zeros((len(cells), len(cells)), np.float32)
        gains[each, each ^ 1] = 1  # the other look
        gains[each, each] = np.nan
        frames = np.stack([_anywhere(rng) for _ in each])
        for place, (row, look) in enumerate(zip(rows, looks, strict=True)):
            name = self._asked(row, rng)
            if name is not None:
                frames[place] = _inexact(self.drawn.frames[row, look, [*PARTS].index(name)], rng)
                gains[place] = np.nan
                gains[place, : len(rows)] = self._worth(name, row, rows)
        windows = np.stack([coverage(box) for box in within(bounds, frames)])
        return (cells, windows), gains

    def _asked(self, row: int, rng: Generator) -> str | None:
        """Return the known part that a drawn garment asks by, if it asks by one."""
        asked = [name for name in ASKED if PARTS[name].asked_by(self.drawn.shapes[row])]
        return asked[rng.integers(len(asked))] if asked and rng.random() < KNOWN_SHARE else None

    def _worth(self, name: str, row: int, others: np.ndarray) -> list[float]:
        """Return what garments are worth to one that asks by a part; NaN for itself, in whatever look."""
        part, shapes = PARTS[name], self.drawn.shapes
        return [np.nan if other == row else part.gain(shapes[row], shapes[other]) for other in others]

    @staticmethod
    def _chosen(looks: Looks, count: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw garments, two looks of each after the other: rows and looks, int64 (2 * count,)."""
        rows = rng.choice(len(looks), min(count, len(looks)), replace=False)
        views = np.stack([rng.permutation(looks.cells.shape[1])[:2] for _ in rows])
        return rows.repeat(2), views.ravel()
