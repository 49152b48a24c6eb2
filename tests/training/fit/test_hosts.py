"""Several hosts, on JAX: processes on this machine that find each other by a port of it."""

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from training.__main__ import main

ROOT = Path(__file__).parents[3]

jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed: make scale")


def _free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def start(drawn_cache):
    """Start trainings on JAX; those that still run are killed."""
    begun = []

    def run(out, *more, devices=1):
        line = ["fit", "--catalogue", "drawn:60", "--config", "quick", "--epochs", "2", "--processes", "1"]
        flags = f"--xla_force_host_platform_device_count={devices}"
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "training", *line, "--cache", drawn_cache, "--out", out, *more],
                cwd=ROOT,
                env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def _together(start, out, *more):
    where = ["--coordinator", f"127.0.0.1:{_free_port()}", "--hosts", "2"]
    return [start(out, *where, "--host", str(host), *extra) for host, extra in enumerate(more)]


def _losses(out):
    return [record["loss"] for record in json.loads((out / "history.json").read_text())]


@jax
def test_two_hosts_learn_what_two_devices_of_one_host_learn(start, read, tmp_path):
    read("drawn:60")
    pair = _together(start, tmp_path / "hosts", [], [])
    single = start(tmp_path / "devices", devices=2)
    for process in (*pair, single):
        output, _ = process.communicate(timeout=500)
        assert process.returncode == 0, output
    assert _losses(tmp_path / "hosts") == pytest.approx(_losses(tmp_path / "devices"), rel=1e-2)
    assert (tmp_path / "hosts" / "weights.npz").exists()


@jax
def test_hosts_that_were_started_differently_are_reported(start, read, tmp_path):
    read("drawn:60")
    for process in _together(start, tmp_path / "run", [], ["--epochs", "3"]):
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 1
        assert "do not have the same settings" in output


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["--hosts", "2"], "go together"),
        (["--coordinator", "a:1", "--hosts", "2", "--host", "2"], "numbered from 0 to 1"),
        (["--coordinator", "a:1", "--hosts", "2", "--host", "0"], "KERAS_BACKEND=jax"),
    ],
)
def test_wrong_use_is_reported_before_anything_begins(line, reason, tmp_path):
    result = CliRunner().invoke(main, ["fit", "--catalogue", "drawn:60", "--out", str(tmp_path), *line])
    assert result.exit_code != 0
    assert reason in result.output
