"""The input of training: batches of cut-outs in a new random order each epoch, as one endless stream.

Keras asks a stream for the next batch while the device is busy with the last, also across the end of an
epoch: nothing is restarted, so nothing waits.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from training import device


class Batches:
    """Cut-outs and category numbers in a new random order each epoch; an incomplete last batch is dropped.

    Parameters
    ----------
    cutouts : uint8 (n, 128, 128, 4)
    categories : int32 (n,)
    batch : int
        Photographs a step, over all devices; fewer where there are fewer, or where the devices could not
        share them evenly.
    seed : int
        Of the order, which is the same on every host.
    """

    def __init__(self, cutouts: np.ndarray, categories: np.ndarray, *, batch: int, seed: int) -> None:
        self.cutouts, self.categories, self.seed = cutouts, categories, seed
        batch = min(batch, len(cutouts))
        self.batch = batch - batch % device.count()

    def __len__(self) -> int:
        return len(self.cutouts) // self.batch

    def stream(self, *, epoch: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield batches, or this host's part of each, endlessly from the beginning of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 1; the order within an epoch does not depend on where the stream begins.
        """
        random = np.random.default_rng(self.seed)
        for number in itertools.count():
            order = random.permutation(len(self.cutouts))
            if number >= epoch:
                for start in range(0, len(self) * self.batch, self.batch):
                    rows = device.share(np.sort(order[start : start + self.batch]))
                    yield self.cutouts[rows], self.categories[rows]
