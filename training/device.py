"""Where training runs: the hosts and devices, how a batch is spread over them, and their number formats."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import keras
import numpy as np

from training.errors import UnsupportedBackend


@dataclass(frozen=True)
class Hosts:
    """The machines that train one encoder together, each started by the same command but for its number.

    Parameters
    ----------
    coordinator : str
        Address of host 0 and a free port of it, such as ``10.0.0.1:7700``.
    count, number : int
        How many hosts there are, and which of them this is, from 0.
    """

    coordinator: str
    count: int
    number: int


def join(hosts: Hosts) -> None:
    """Wait for the other hosts; from now on a batch is spread over the devices of all.

    Raises
    ------
    UnsupportedBackend
        Keras runs on another backend than JAX.
    """
    if keras.backend.backend() != "jax":
        raise UnsupportedBackend(
            f"Keras runs on {keras.backend.backend()}, where it can't train on several hosts. Use JAX: "
            "pip install -r requirements-scale.txt, and set KERAS_BACKEND=jax."
        )
    keras.distribution.initialize(hosts.coordinator, hosts.count, hosts.number)


def leave() -> None:
    """Part from the other hosts, if there are any."""
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
    """Return whether this host is the one that writes what a run leaves."""
    return _here()[0] == 0


def gather(value: np.ndarray) -> np.ndarray:
    """Return the values of all hosts, in the order of their numbers: (...) -> (hosts, ...); all must call."""
    if count_hosts() == 1:
        return value[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(value))


def share(rows: np.ndarray) -> np.ndarray:
    """Return this host's part of a batch's rows, (batch,) -> (batch / hosts,)."""
    number, hosts = _here()
    return np.split(rows, hosts)[number]


def _devices() -> list[str]:
    return keras.distribution.list_devices()


def _accelerators() -> list[str]:
    return [name for name in _devices() if not name.startswith("cpu")]


def has_gpu() -> bool:
    """Return whether there is another device than the processor."""
    return bool(_accelerators())


def count() -> int:
    """Return how many devices share a batch, those of all hosts together."""
    return len(_devices())


def describe() -> str:
    """Return one line on what training will use, such as `1 GPU (gpu:0), mixed_bfloat16, tensorflow`."""
    found = _accelerators()
    policy = keras.config.dtype_policy().name
    devices = f"{len(found)} GPU ({', '.join(found)})" if found else "CPU (no GPU found)"
    hosts = f" on {count_hosts()} hosts" if count_hosts() > 1 else ""
    return f"{devices}{hosts}, {policy}, {keras.backend.backend()}"


def set_precision() -> None:
    """Compute in bfloat16 and keep weights in float32 on a GPU; on a CPU float32 is as fast."""
    keras.config.set_dtype_policy("mixed_bfloat16" if has_gpu() else "float32")


def spread() -> AbstractContextManager:
    """Return the scope to build a model in, so that every device takes its share of each batch.

    On TensorFlow each device normalises and contrasts its own share, on JAX all share the whole batch: there
    a run on several devices is the run on one.
    """
    if count() < 2:
        return nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    # Each host reads its own part of a batch, so Keras must not part it again.
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return nullcontext()


def replicas() -> int:
    """Return how many copies of the model compute a loss each, on TensorFlow one a device; else one."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


@contextmanager
def alone() -> Iterator[None]:
    """Compute on this host's first device, whatever a model in training is spread over."""
    spread_over = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(spread_over)


def compiles() -> bool | str:
    """Return whether to compile the step: XLA halves the speed of TensorFlow's convolutions on a CPU."""
    return "auto" if has_gpu() or keras.backend.backend() != "tensorflow" else False
