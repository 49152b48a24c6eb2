from contextlib import nullcontext

import keras
import pytest
import tensorflow as tf

from training import device


@pytest.fixture
def gpus(monkeypatch):
    """Let training believe that some GPUs are there; the number format is put back afterwards."""
    policy = keras.config.dtype_policy()

    def found(count):
        monkeypatch.setattr(device, "_accelerators", lambda: [f"gpu:{n}" for n in range(count)])

    yield found
    keras.config.set_dtype_policy(policy)


def test_without_a_gpu_training_says_so_and_stays_in_float32(gpus):
    gpus(0)
    device.set_precision()
    assert device.describe() == "CPU (no GPU found), float32, tensorflow"
    assert device.compiles() is False
    assert isinstance(device.spread(), nullcontext)


def test_on_a_gpu_training_computes_in_bfloat16_and_compiles(gpus):
    gpus(1)
    device.set_precision()
    assert device.describe() == "1 GPU (gpu:0), mixed_bfloat16, tensorflow"
    assert device.compiles() == "auto"
    assert isinstance(device.spread(), nullcontext)


def test_two_gpus_share_each_batch(gpus):
    gpus(2)
    with device.spread():
        assert isinstance(tf.distribute.get_strategy(), tf.distribute.MirroredStrategy)
