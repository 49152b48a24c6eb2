"""The step of training on TensorFlow, timed: alone, with its input, with what a run does beside it."""

import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.processes import peak_memory
from training import device
from training.config import Config
from training.fit.batches import Batches
from training.fit.dataset import Dataset
from training.fit.loop import callbacks, compiled
from training.fit.validation import Validation
from training.model.autoencoder import Autoencoder

WARM = 2


@dataclass(frozen=True)
class Spent:
    """What some steps took.

    Parameters
    ----------
    images : int
    seconds, cpu_seconds : float
        By the clock, and of the processor, in all threads of the process.
    peak_mb : float
        Most memory so far: the GPU's where there is one, else the process's.
    """

    images: int
    seconds: float
    cpu_seconds: float
    peak_mb: float

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds

    @property
    def cost(self) -> float:
        """Seconds of an image: by the clock beside a GPU, else of the processor, which others use too."""
        return (self.seconds if device.has_gpu() else self.cpu_seconds) / self.images

    @property
    def cpu_of_1000(self) -> float:
        """CPU seconds of a thousand images."""
        return 1000 * self.cpu_seconds / self.images


def _peak_mb() -> float:
    if device.has_gpu():
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    return peak_memory(os.getpid()) / 2**20


def _unlabelled(count: int) -> np.ndarray:
    return np.full(count, -1, np.int32)


def _in_memory(views: np.ndarray) -> tf.data.Dataset:
    """Return one batch again and again, which costs no work."""
    return tf.data.Dataset.from_tensors((views, _unlabelled(len(views)))).repeat()


def _timed(model: Autoencoder, source: Iterable[Any], *, steps: int, batch: int, **options: Any) -> Spent:
    start, cpu = time.perf_counter(), time.process_time()
    model.fit(source, steps_per_epoch=steps, verbose=0, shuffle=False, **options)
    seconds, spent = time.perf_counter() - start, time.process_time() - cpu
    return Spent(steps * batch * options.get("epochs", 1), seconds, spent, _peak_mb())


def step_alone(
    config: Config, cutouts: np.ndarray, *, policy: str | None = None, jit: bool | None = None, steps: int
) -> Spent:
    """Time steps on one batch in memory.

    Parameters
    ----------
    config : Config
    cutouts : uint8 (n, 128, 128, 4)
        Repeated until they fill a batch.
    policy : str, optional
        Keras's number format; the one that `fit` takes on this device without it.
    jit : bool, optional
        Whether XLA compiles the step; as in `fit` without it.
    steps : int
    """
    if policy is None:
        device.set_precision()
    else:
        keras.config.set_dtype_policy(policy)
    model = compiled(config, steps)
    if jit is not None:
        model.compile(model.optimizer, jit_compile=jit)
    source = _in_memory(np.resize(cutouts, (config.batch, *cutouts.shape[1:]))[:, None])
    _timed(model, source, steps=WARM, batch=config.batch)
    return _timed(model, source, steps=steps, batch=config.batch)


def compare(
    config: Config, data: Dataset, held_out: Dataset, *, rounds: int
) -> tuple[list[Spent], list[Spent], Spent]:
    """Time epochs: of the step alone, with their input, and with what a run does beside it.

    The first two take turns, an epoch a round; the last is as many epochs as lie between two validations.
    """
    device.set_precision()
    batches = Batches(data.views, _unlabelled(len(data.items)), batch=config.batch, seed=config.seed)
    size = {"steps": len(batches), "batch": batches.batch}
    model = compiled(config, len(batches))
    memory = _in_memory(data.views[: batches.batch])
    with tempfile.TemporaryDirectory() as folder:
        monitor, watching = callbacks(
            Path(folder), model, Validation.of(data, held_out, seed=config.seed), len(batches)
        )
        monitor.embed(data.cutouts[:1])
        for source in (memory, batches.stream()):
            _timed(model, source, steps=1, batch=batches.batch)
        turns = [
            (_timed(model, memory, **size), _timed(model, batches.stream(), **size)) for _ in range(rounds)
        ]
        run = _timed(model, batches.stream(), **size, epochs=config.validate_every, callbacks=watching)
    alone, fed = ([turn[at] for turn in turns] for at in (0, 1))
    return alone, fed, run
