"""gunicorn, set up for this service: threads within a few workers, each with its own encoder and index."""

import ctypes
import logging
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from service.config import METRICS_FOLDER, Config
from service.errors import InvalidSetting, PortInUse
from service.http.capacity import threads
from service.http.logs import configure_logs
from training.errors import SilhouetteError

OMP_THREADS = "OMP_NUM_THREADS"
MOST_ARENAS = 2
KEEP_ALIVE_SECONDS = 5
SILENT_SECONDS = 120
"""How long a worker may be without a sign of life, such as while it opens a large index."""

_M_ARENA_MAX = -8  # from malloc.h

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8000

    @classmethod
    def of(cls, config: Config) -> "Address":
        """Return the address that the settings name."""
        return cls(config.host, config.port)

    @property
    def url(self) -> str:
        """The URL for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"


class ServerLog(Logger):
    """gunicorn's log, merged into the service's."""

    def setup(self, cfg: Any) -> None:
        """Redirect gunicorn's log to that of the service."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Server(BaseApplication):
    """gunicorn configured by our settings instead of its command line."""

    def __init__(self, read: Callable[[], Config], config: Config, example: Path | None) -> None:
        self._read = read
        self.config = config
        self._example = example
        super().__init__()

    def load_config(self) -> None:
        for name, value in settings(self.config, example=self._example).items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """Read the settings again; if they are invalid, the present ones stay in use."""
        try:
            self.config = self._read()
            configure_logs(self.config)
        except InvalidSetting as error:
            _log.error("The settings stay as they were. %s", error)
        super().reload()

    def load(self) -> Flask:
        from service.run.app import create_app  # in the worker: before the fork nothing may start threads

        try:
            app = create_app(self.config)
        except SilhouetteError as error:
            raise AppImportError(f"Error: {error}") from error
        share_memory()
        return app


def share_memory() -> None:
    """Limit glibc's malloc to a few arenas that all threads share.

    Else each of dozens of threads keeps what its largest photograph has needed.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, MOST_ARENAS)


def check_port_free(address: Address) -> None:
    """Raise `PortInUse` where something listens there already."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise PortInUse(
                f"{address.host}:{address.port} can't be used ({error.strerror}). Stop the other program or "
                f"choose another port, such as PORT={address.port + 1} in front of the command."
            ) from error


def greeting(address: Address, example: Path | None) -> str:
    """Return the greeting once searches are answered: the URL, and a command to try it with."""
    lines = [f"Silhouette answers at {address.url}"]
    if example is not None:
        lines.append(f"Try:  curl -F {shlex.quote(f'file=@{example}')} '{address.url}/v1/search?limit=5'")
    return "\n".join(lines)


def _forget_worker(_: Any, worker: Any) -> None:
    from service.http.metrics_folder import fold_worker  # once the variable METRICS_FOLDER is set, not before

    fold_worker(worker.pid, Path(os.environ[METRICS_FOLDER]))


def _clean_up(_: Any) -> None:
    shutil.rmtree(os.environ[METRICS_FOLDER], ignore_errors=True)


def settings(config: Config, *, example: Path | None = None) -> dict[str, Any]:
    """All settings of gunicorn that differ from its defaults."""
    address = Address.of(config)

    def greet(worker: Any) -> None:
        if worker.age == 1:  # the first that is able to answer; later ones replace or join it
            click.echo(greeting(address, example))
            sys.stdout.flush()

    host = f"[{address.host}]" if ":" in address.host else address.host
    return {
        "bind": f"{host}:{address.port}",
        "workers": config.workers,
        "worker_class": "service.run.worker.Worker",
        "threads": threads(config),
        "timeout": SILENT_SECONDS,
        "graceful_timeout": config.graceful_seconds,
        "keepalive": KEEP_ALIVE_SECONDS,
        "forwarder_headers": "",  # no client may set SCRIPT_NAME or PATH_INFO by a header
        "control_socket_disable": True,  # else two services of one user share a socket in the home folder
        "logger_class": ServerLog,
        "loglevel": "warning",
        "proc_name": "silhouette",
        "post_worker_init": greet,
        "child_exit": _forget_worker,
        "on_exit": _clean_up,
    }


def serve(read: Callable[[], Config], *, example: Path | None = None) -> None:
    """Serve until a signal ends it; requests that have begun are answered first.

    Parameters
    ----------
    read : callable
        Returns the settings: called now, and again at each SIGHUP.
    example : Path, optional
        A photograph for the line to try that is printed.

    Raises
    ------
    InvalidSetting, InvalidKeys, PortInUse
        Before anything was loaded.
    """
    config = read()
    check_port_free(Address.of(config))
    configure_logs(config)
    os.environ.setdefault(OMP_THREADS, "1")  # searches run side by side: threads of FAISS would only wait
    os.environ[METRICS_FOLDER] = tempfile.mkdtemp(prefix="silhouette-figures-")
    _Server(read, config, example).run()
