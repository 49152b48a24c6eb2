"""A training run small enough for the suite: 60 drawn garments, two epochs, the whole way to the bundle."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, partialmethod
from pathlib import Path

import pytest

from training.catalogue import drawn
from training.catalogue.reader import read_catalogue
from training.config import QUICK

TINY = replace(QUICK, epochs=2, batch=16, validate_every=1)


@pytest.fixture(scope="session")
def tiny():
    return TINY


@pytest.fixture(scope="session")
def drawn_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


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


@pytest.fixture(scope="session")
def finished(tmp_path_factory, read, drawn_cache):
    """The folder of a finished run."""
    from training.fit.fit import fit
    from training.fit.run import Run

    out = tmp_path_factory.mktemp("run") / "tiny"
    run = Run("drawn:60", None, None, None, TINY)
    fit(run, out, read=read, cache=drawn_cache, processes=1)
    return out


@pytest.fixture(scope="session")
def shared_drawings(tmp_path_factory):
    """A cache with the drawn garments that commands ask for which are stopped while they use them."""
    cache = tmp_path_factory.mktemp("shared") / "cache"
    drawn.rows(300, seed=0, cache=cache)
    return cache


@contextmanager
def _run_until(folder, words, sign):
    """Run Python in a session of its own; yield it and what it has said once a line has the sign.

    Afterwards it is killed if it still runs: `with process` would wait for it.
    """
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
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
