import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training import device
from training.errors import UnsupportedBackend

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpus(monkeypatch):
    """Let training believe that some GPUs are there; the number format is put back afterwards."""
    policy = keras.config.dtype_policy()

    def found(count):
        names = [f"gpu:{n}" for n in range(count)] or ["cpu:0"]
        monkeypatch.setattr(device, "_devices", lambda: names)

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


def test_one_host_is_the_first_and_only_one():
    assert device.is_first() and device.replicas() == 1
    assert device.gather(np.array([3, 4])).tolist() == [[3, 4]]
    assert device.share(np.arange(6)).tolist() == [0, 1, 2, 3, 4, 5]
    device.leave()


def test_several_hosts_need_jax():
    with pytest.raises(UnsupportedBackend, match="KERAS_BACKEND=jax"):
        device.join(device.Hosts("127.0.0.1:7700", 2, 0))


MIRRORED = """
from dataclasses import replace

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
from training import device
from training.fit.batches import Batches
from training.config import QUICK
from training.fit.loop import compiled, current_embedding

cutouts = np.random.default_rng(0).integers(0, 255, (16, 128, 128, 4), np.uint8)
batches = Batches(cutouts[:, None], np.zeros(16, np.int32), batch=9, seed=0)
with device.spread():
    model = compiled(replace(QUICK, blocks=(0, 0, 0)), len(batches))
losses = model.fit(batches.stream(), steps_per_epoch=2, verbose=0, shuffle=False).history
weighted = 0.5 * losses["reconstruction"][0] + losses["invariance"][0] + losses["category"][0]
assert batches.batch == 8 and device.count() == 2
assert abs(losses["loss"][0] - weighted) < 1e-3 * weighted, losses
assert np.isfinite(current_embedding(model)(cutouts)).all()
"""


def test_two_devices_of_tensorflow_train_one_model_and_its_loss_is_their_mean():
    """In a process of its own, where the processor is two devices."""
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED], cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
