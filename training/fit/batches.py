"""The input of training: batches of garments in a new random order each epoch, as one endless stream.

Keras asks a stream for the next batch while the device is busy with the last, also across the end of an
epoch: nothing is restarted, so nothing waits.
"""

import itertools
import math
import sys
from collections.abc import Iterator

import numpy as np

from training import device

ALIGNMENT = 64
"""Bytes at whose multiples TensorFlow takes memory over; what lies elsewhere it copies."""

_FREE = 3
"""References to memory that no array lies in: of the list, of the loop and of the call that counts them."""


class _Memory:
    """Memory for batches, used again once nobody holds an array in it, for new memory is slow at first."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array, uint8, whose contents are any."""
        size = math.prod(shape)
        for memory in self._kept:
            if sys.getrefcount(memory) == _FREE and len(memory) == size + ALIGNMENT:
                break
        else:
            memory = np.empty(size + ALIGNMENT, np.uint8)
            self._kept.append(memory)
        start = -memory.ctypes.data % ALIGNMENT
        return memory[start : start + size].reshape(shape)


class Batches:
    """Garments and category numbers in a new random order each epoch; an incomplete last batch is dropped.

    Parameters
    ----------
    views : uint8 (n, 1 + v, 128, 128, 4)
    categories : int32 (n,)
    batch : int
        Photographs a step, over all devices; fewer where there are fewer, or where the devices could not
        share them evenly.
    seed : int
        Of the order, which is the same on every host.
    """

    def __init__(self, views: np.ndarray, categories: np.ndarray, *, batch: int, seed: int) -> None:
        self.views, self.categories, self.seed = np.ascontiguousarray(views), categories, seed
        batch = min(batch, len(views))
        self.batch = batch - batch % device.count()

    def __len__(self) -> int:
        return len(self.views) // self.batch

    def stream(self, *, epoch: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield batches, or this host's part of each, endlessly from the beginning of an epoch.

        Of each garment, there are its cut-out as it is, uint8 (b, 1, 128, 128, 4), and, where it has other
        views, two different ones of all, (b, 3, 128, 128, 4).

        Parameters
        ----------
        epoch : int
            Counted from 1; the order within an epoch does not depend on where the stream begins.
        """
        random, memory = np.random.default_rng(self.seed), _Memory()
        shape = self.views.shape[2:]
        flat = self.views.reshape(-1, *shape)
        for number in itertools.count():
            order = random.permutation(len(self.views))
            seen = self._seen(random)
            if number >= epoch:
                for start in range(0, len(self) * self.batch, self.batch):
                    rows = device.share(np.sort(order[start : start + self.batch]))
                    places = rows[:, None] * self.views.shape[1] + seen[rows]
                    batch = memory.empty((*places.shape, *shape))
                    # With another mode NumPy fills a copy of the batch first.
                    yield flat.take(places, axis=0, out=batch, mode="clip"), self.categories[rows]

    def _seen(self, random: np.random.Generator) -> np.ndarray:
        """Return which views of each garment an epoch shows: int (n, 1 or 3)."""
        count, first = self.views.shape[1], np.zeros((len(self.views), 1), np.int64)
        if count == 1:
            return first
        two = random.random((len(self.views), count)).argsort(axis=1)[:, :2]
        return np.concatenate([first, two], axis=1)
