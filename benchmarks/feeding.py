"""How fast a device the input of training can feed: one that is busy for a given time with each batch.

The device is made up: it takes the batch as the step does and then waits, so that the processor is free, as
it is beside a GPU. All else is that of `fit`: Keras's loop, its epochs and the stream of batches.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from training.fit.batches import Batches


@dataclass(frozen=True)
class Fed:
    """How a device was fed through one epoch.

    Parameters
    ----------
    images : int
    seconds, busy_seconds : float
        By the clock, from one epoch's end to the next, and of them those that the device was busy.
    cpu_seconds : float
        Of the processor, in all threads.
    """

    images: int
    seconds: float
    busy_seconds: float
    cpu_seconds: float


class _Device(keras.Model):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.busy = seconds, 0.0
        self.compile("sgd")
        self.built = True

    def make_train_function(self, force: bool = False) -> None:
        self.train_function = self._step

    def _step(self, batches: Iterator[Any]) -> dict[str, float]:
        next(batches)
        start = time.perf_counter()
        if self.seconds:
            time.sleep(self.seconds)
        self.busy += time.perf_counter() - start
        return {"loss": 0.0}


def feed(cutouts: np.ndarray, *, batch: int, rate: float, epochs: int) -> list[Fed]:
    """Feed a device that computes `rate` images a second (0: as many as come); needs TensorFlow.

    Parameters
    ----------
    cutouts : uint8 (n, 128, 128, 4)
    batch : int
    rate : float
    epochs : int
        After a first one that is not counted.
    """
    batches = Batches(cutouts[:, None], np.full(len(cutouts), -1, np.int32), batch=batch, seed=0)
    unit = _Device(batches.batch / rate if rate else 0.0)
    ends: list[tuple[float, float, float]] = []

    def note(epoch: int, logs: Any = None) -> None:
        ends.append((time.perf_counter(), unit.busy, time.process_time()))

    unit.fit(
        batches.stream(),
        steps_per_epoch=len(batches),
        epochs=1 + epochs,
        verbose=0,
        shuffle=False,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
    )
    images = len(batches) * batches.batch
    return [Fed(images, *map(float, np.subtract(end, start))) for start, end in itertools.pairwise(ends)]
