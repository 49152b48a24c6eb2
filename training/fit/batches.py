"""The input of training: batches of garments in a new random order each epoch, as one endless stream.

Keras asks a stream for the next batch while the device is busy with the last, also across the end of an
epoch: nothing is restarted, so nothing waits.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from training import device


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
        self.views, self.categories, self.seed = views, categories, seed
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
        random = np.random.default_rng(self.seed)
        for number in itertools.count():
            order = random.permutation(len(self.views))
            seen = self._seen(random)
            if number >= epoch:
                for start in range(0, len(self) * self.batch, self.batch):
                    rows = device.share(np.sort(order[start : start + self.batch]))
                    yield self.views[rows[:, None], seen[rows]], self.categories[rows]

    def _seen(self, random: np.random.Generator) -> np.ndarray:
        """Return which views of each garment an epoch shows: int (n, 1 or 3)."""
        count, first = self.views.shape[1], np.zeros((len(self.views), 1), np.int64)
        if count == 1:
            return first
        two = random.random((len(self.views), count)).argsort(axis=1)[:, :2]
        return np.concatenate([first, two], axis=1)
