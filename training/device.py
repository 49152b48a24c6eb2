"""Hosts and devices that training runs on: how a batch is distributed over them, and in which precision."""

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from training.errors import UnsupportedBackend
from training.native_logs import kept_off

gc.disable()  # to look for garbage in all that is loaded would take a fifth of the time
with kept_off():
    import keras
gc.freeze()
gc.enable()


@dataclass(frozen=True)
class Hosts:
    """The machines that train one encoder together, started by the same command with different numbers.

    Parameters
    ----------
    coordinator : str
        Address and a free port of host 0, such as ``10.0.0.1:7700``.
    count, number : int
        Number of hosts, and number of this one, from 0.
    """

    coordinator: str
    count: int
    number: int


def join(hosts: Hosts) -> None:
    """Wait for the other hosts; from then on a batch is distributed over the devices of all.

    Raises
    ------
    UnsupportedBackend
        Keras runs on a backend other than JAX.
    """
    if keras.backend.backend() != "jax":
        raise UnsupportedBackend(
            f"Keras runs on {keras.backend.backend()}, which can't train on several hosts. Use JAX: "
            "pip install -r requirements-scale.txt, and set KERAS_BACKEND=jax."
        )
    keras.distribution.initialize(hosts.coordinator, hosts.count, hosts.number)


def leave() -> None:
    """Disconnect from the other hosts, if there are any."""
    if count_hosts() > 1:
        import jax

        jax.distributed.shutdown()


def _here() -> tuple[int, int]:
    """Return the number of this host and how many there are."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def count_hosts() -> int:
    """Return how many hosts train together."""
    return _here()[1]


def is_first() -> bool:
    """Return whether this host is the one that writes the run's files."""
    return _here()[0] == 0


def gather(value: np.ndarray) -> np.ndarray:
    """Return the values of all hosts in order, (...) -> (hosts, ...); every host must call it."""
    if count_hosts() == 1:
        return value[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(value))


def share(rows: np.ndarray) -> np.ndarray:
    """Return this host's share of a batch's rows, (batch,) -> (batch / hosts,)."""
    number, hosts = _here()
    return np.split(rows, hosts)[number]


def _devices() -> list[str]:
    with kept_off():
        return keras.distribution.list_devices()


def _accelerators() -> list[str]:
    return [name for name in _devices() if not name.startswith("cpu")]


def begin() -> None:
    """Find the devices, before anything else makes TensorFlow do that in many words."""
    _devices()


def has_gpu() -> bool:
    """Return whether there is a device other than the CPU."""
    return bool(_accelerators())


def count() -> int:
    """Return how many devices share a batch, over all hosts."""
    return len(_devices())


def describe() -> str:
    """Return one line on the devices in use, such as `1 GPU (gpu:0), mixed_bfloat16, tensorflow`."""
    found = _accelerators()
    policy = keras.config.dtype_policy().name
    devices = f"{len(found)} GPU ({', '.join(found)})" if found else "CPU (no GPU found)"
    hosts = f" on {count_hosts()} hosts" if count_hosts() > 1 else ""
    return f"{devices}{hosts}, {policy}, {keras.backend.backend()}"


def set_precision() -> None:
    """Use mixed bfloat16 (float32 weights) on a GPU, and float32 on a CPU, where it is as fast."""
    keras.config.set_dtype_policy("mixed_bfloat16" if has_gpu() else "float32")


def spread() -> AbstractContextManager:
    """Return the scope to build a model in, so that every device takes its share of each batch.

    On TensorFlow each device normalises and contrasts its own share; on JAX they share the whole batch, so
    that a run on several devices equals the run on one.
    """
    if count() < 2:
        return nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    # Each host reads its own part of a batch, so Keras must not shard it again.
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return nullcontext()


def replicas() -> int:
    """Return how many replicas compute a loss each: on TensorFlow one a device, else one."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


@contextmanager
def alone() -> Iterator[None]:
    """Compute on this host's first device, whatever the model in training is distributed over."""
    spread_over = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(spread_over)


def compiles() -> bool | str:
    """Return whether to compile with XLA, which halves the speed of TensorFlow's convolutions on a CPU."""
    return "auto" if has_gpu() or keras.backend.backend() != "tensorflow" else False
