"""A training run small enough for the suite: 60 drawn garments, four epochs, the whole way to the bundle."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, partialmethod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.catalogue import drawn
from training.catalogue.parsed import is_held_out
from training.catalogue.reader import Item, read_catalogue
from training.config import QUICK
from training.native_logs import SHOW

ROOT = Path(__file__).parents[2]
TINY = replace(QUICK, epochs=4, batch=16)
FIT = "training fit --catalogue drawn:60 --out run --config quick --epochs 4 --batch 16"
"""The command of a training with the configuration `TINY`."""


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def drawn_cache(once):
    """A cache that the processes of a run share, as those of the product may."""
    return once("cache", Path.mkdir)


@pytest.fixture(scope="session")
def read(drawn_cache):
    return partial(read_catalogue, cache=drawn_cache)


@pytest.fixture(scope="module")
def eager_training():
    """A context to train without tracing graphs, which takes longer than a few steps."""
    import keras

    @contextmanager
    def eagerly():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keras.Model, "compile", partialmethod(keras.Model.compile, run_eagerly=True))
            yield

    return eagerly


@pytest.fixture
def without_graphs(eager_training):
    """Train without tracing graphs in this test, where another one traces them."""
    with eager_training():
        yield


def _command(folder, words, **more):
    """What `subprocess` takes for a command of ours in a folder, from a shell that says nothing of logs."""
    clean = {name: value for name, value in os.environ.items() if name not in (SHOW, "PYTHONWARNINGS")}
    environment = {**clean, "PYTHONPATH": str(ROOT), **more}
    return {"args": [sys.executable, "-m", *words.split()], "cwd": folder, "env": environment, "text": True}


def _run_command(folder, words, **more):
    command = _command(folder, words, **more)
    return subprocess.run(**command, capture_output=True, timeout=300, check=False)


@pytest.fixture(scope="session")
def run_command():
    """Run a command of ours to its end: `run_command(folder, words)`."""
    return _run_command


def _run_until_an_epoch_is_done(folder, words):
    with (
        (folder / "killed.txt").open("w") as file,
        subprocess.Popen(**_command(folder, words), stdout=subprocess.DEVNULL, stderr=file) as process,
    ):
        try:
            while not (folder / "run" / "history.json").exists():
                assert process.poll() is None, (folder / "killed.txt").read_text()
                time.sleep(0.05)
        finally:
            process.kill()
    shutil.copytree(folder / "run", folder / "killed")


@pytest.fixture(scope="session")
def trained(once):
    """A run as it was killed and the same resumed: the folders `killed` and `run`, and what both said."""

    def train(folder):
        folder.mkdir()
        _run_until_an_epoch_is_done(folder, FIT)
        resumed = _run_command(folder, f"{FIT} --resume")
        assert resumed.returncode == 0, resumed.stderr
        (folder / "run.txt").write_text(resumed.stderr)

    return once("trained", train)


@pytest.fixture(scope="session")
def finished(trained):
    """The folder of a finished run."""
    return trained / "run"


@pytest.fixture(scope="session")
def shared_drawings(once):
    """A cache with the drawn garments that commands ask for which are stopped while they use them."""
    return once("drawings", lambda cache: drawn.rows(300, seed=0, cache=cache))


@contextmanager
def _run_until(folder, words, sign):
    """Run Python in a session of its own; yield it and what it has said once a line has the sign.

    Afterwards it is killed if it still runs: `with process` would wait for it.
    """
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said = ""
            for line in process.stderr:
                said += line
                if sign in line:
                    break
            yield process, said
        finally:
            process.kill()


@pytest.fixture(scope="session")
def run_until():
    """Run a program until a line of its standard error has a sign: `with run_until(folder, words, sign)`."""
    return _run_until


@pytest.fixture
def dressed(tmp_path, wearing, parsed_catalogue):
    """A parsed catalogue of four pictures of a top over trousers, one of them held out of training."""
    boxes = {"person": (90, 20, 150, 90), "upper": (70, 90, 170, 200), "trousers": (80, 200, 160, 370)}
    photo = wearing.photo(**boxes)
    labels = Image.new("L", photo.size)
    for number, (left, top, right, bottom) in enumerate(boxes.values(), 1):
        labels.paste(number, (left, top, right + 1, bottom + 1))
    names = [str(number) for number in range(40)]
    kept = [name for name in names if is_held_out(Item(name, tmp_path))][:1]
    kept += [name for name in names if not is_held_out(Item(name, tmp_path))][:3]
    pictures = dict.fromkeys(kept, (np.asarray(photo), np.asarray(labels)))
    path = parsed_catalogue(tmp_path, pictures, ["background", "skin", "blouse", "jeans"])
    return read_catalogue(str(path))
