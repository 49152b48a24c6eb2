"""Where training runs: the devices found, how a batch is spread over them, and their number formats."""

from contextlib import AbstractContextManager, nullcontext

import keras


def _accelerators() -> list[str]:
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def describe() -> str:
    """Return one line on what training will use, such as `1 GPU (gpu:0), mixed_bfloat16, tensorflow`."""
    found = _accelerators()
    policy = keras.config.dtype_policy().name
    devices = f"{len(found)} GPU ({', '.join(found)})" if found else "CPU (no GPU found)"
    return f"{devices}, {policy}, {keras.backend.backend()}"


def set_precision() -> None:
    """Compute in bfloat16 and keep weights in float32 on a GPU; on a CPU float32 is as fast."""
    keras.config.set_dtype_policy("mixed_bfloat16" if _accelerators() else "float32")


def spread() -> AbstractContextManager:
    """Return the scope to build a model in, so that every GPU takes its share of each batch."""
    if len(_accelerators()) < 2:
        return nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    keras.distribution.set_distribution(keras.distribution.DataParallel())
    return nullcontext()


def compiles() -> bool | str:
    """Return whether to compile the step: XLA halves the speed of TensorFlow's convolutions on a CPU."""
    return "auto" if _accelerators() or keras.backend.backend() != "tensorflow" else False
