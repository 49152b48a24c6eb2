"""A Ray cluster, joined or started here, that keeps quiet: a build has a progress bar of its own."""

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import ray
import ray.data
from joblib import cpu_count

import index
import training
from index.errors import EmbedderUnavailable

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
_STORE = 256 * 2**20  # bytes for paths and vectors under way, where Ray is started here
_AUTO = "auto"
_PATIENCE = 10  # seconds


def _hush() -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False


def _package(module: Any) -> str:
    return str(Path(module.__file__).parent)


def _options(address: str | None, processes: int | None) -> dict[str, Any]:
    """Return the options of `ray.init`; a cluster gets our code, so that all machines run the same."""
    if address is not None:
        return {"address": address, "runtime_env": {"py_modules": [_package(index), _package(training)]}}
    cores = {"num_cpus": processes or cpu_count(), "object_store_memory": _STORE}
    return {"address": "local", "include_dashboard": False, **cores}


def _knock(address: str) -> None:
    """Raise `OSError` or `ValueError` where nothing listens; Ray itself would retry for 15 minutes."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), _PATIENCE).close()


def _join(address: str | None, processes: int | None) -> None:
    try:
        if address is None:
            os.environ.setdefault(
                "RAY_AUTH_TOKEN", secrets.token_hex()
            )  # or Ray keeps one in the home folder
        elif address != _AUTO:
            _knock(address)
        ray.init(**_options(address, processes), log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, OverflowError, ray.exceptions.RayError) as error:
        where = "start here" if address is None else f"answer at {address!r}"
        raise EmbedderUnavailable(
            f"Ray does not {where} ({str(error).splitlines()[0]}). Start it with `ray start --head`, on "
            "further machines with `ray start --address=HOST:6379` (docs/scale.md). Without --address no "
            "cluster is needed."
        ) from error


@contextmanager
def joined(address: str | None, *, processes: int | None = None) -> Iterator[None]:
    """Join a cluster for the block; a cluster that this process has already joined is used as it is.

    Parameters
    ----------
    address : str or None
        "auto" or HOST:PORT of a cluster to which this machine belongs; without it Ray is started here, and
        ended with the block. What Ray prints goes to standard error meanwhile.
    processes : int, optional
        Cores that a Ray which is started here may use; by default all.

    Raises
    ------
    EmbedderUnavailable
        Ray does not start, or does not answer.
    """
    _hush()
    before = ray.is_initialized()
    with redirect_stdout(sys.stderr):
        if not before:
            _join(address, processes)
        try:
            yield
        finally:
            if not before:
                ray.shutdown()
