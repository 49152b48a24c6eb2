"""gunicorn, set up for this service: threads within a few workers, each with its own encoder and index."""

import ctypes
import gc
import importlib
import logging
import mmap
import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from service.config import METRICS_FOLDER, Config
from service.errors import InvalidSetting, PortInUse, ServiceUnusable
from service.http.capacity import threads
from service.http.logs import configure_logs
from service.http.metrics_folder import fold_worker, join_metrics, remove_metrics, share_metrics
from service.run.generation import Generation, check_generation
from service.run.shared_queue import SharedQueue

OMP_THREADS = "OMP_NUM_THREADS"
MOST_ARENAS = 2
TRIM_SECONDS = 1.0
OLD_AFTER = 100
"""Collections of what is young between two of all that is left; Python's own number is 10."""

KEEP_ALIVE_SECONDS = 5
LONGEST_ADDRESS = 8190
"""Bytes of a request's first line: as far as gunicorn goes, and room for two ids of the longest kind."""

RETRY_SECONDS = 2
"""How long a worker waits that can't take another one's place, before it is tried again."""

HEARTBEATS = "/dev/shm"
"""In memory, so that a full disk does not end a worker: the files by which workers show that they live."""

SILENT_SECONDS = 120
"""How long a worker may be without a sign of life, such as while it opens a large index."""

_M_ARENA_MAX = -8  # from malloc.h

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8000
    prefix: str = ""

    @classmethod
    def of(cls, config: Config) -> "Address":
        """Return the address that the settings name."""
        return cls(config.host, config.port, config.prefix)

    @property
    def url(self) -> str:
        """The URL for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}{self.prefix}"


class ServerLog(Logger):
    """gunicorn's log, merged into the service's."""

    def setup(self, cfg: Any) -> None:
        """Redirect gunicorn's log to that of the service."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Master(Arbiter):
    """gunicorn's master, which lets its workers go only for others that can serve."""

    def reload(self) -> None:
        """Start new workers with the settings read again, and end the old ones; or leave all as it is."""
        if self.app.renew():
            super().reload()


class _Server(BaseApplication):
    """gunicorn configured by our settings instead of its command line."""

    def __init__(
        self, read: Callable[[], Config], config: Config, example: Path | None, found: Generation
    ) -> None:
        self._read = read
        self.config = config
        self._example = example
        self.found = found
        self._served = mmap.mmap(-1, 1)  # shared with all workers
        super().__init__()

    @cached_property
    def shared(self) -> SharedQueue:
        """The queue that all workers share."""
        return SharedQueue()

    @property
    def has_served(self) -> bool:
        """Whether any worker has ever been able to answer."""
        return self._served[0] == 1

    def load_config(self) -> None:
        text = greeting(Address.of(self.config), self._example, self.found.not_ready)
        for name, value in settings(self.config).items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", partial(self._greet, text))

    def _greet(self, text: str, worker: Any) -> None:
        self._served[0] = 1
        if worker.age == 1:  # the first that is able to answer; later ones replace or join it
            click.echo(text)
            sys.stdout.flush()

    def run(self) -> None:
        with closing(self.shared):
            _Master(self).run()

    def renew(self) -> bool:
        """Read the settings again; return whether workers can serve with them, else the present ones stay."""
        try:
            config = self._read()
        except InvalidSetting as error:
            _log.error("Nothing was reloaded. %s", error)
            return False
        found = check_generation(config)
        if problem := found.failure or (found.not_ready if found.index_at_fault else ""):
            _log.error("Nothing was reloaded: the workers go on with what they have. %s", problem)
            return False
        self.config, self.found = config, found
        configure_logs(config)
        return True

    def load(self) -> Flask:
        """Make the application, in a worker."""
        from service.run.app import create_app

        join_metrics()
        try:
            app = create_app(self.config)
        except Exception as error:
            if self.has_served:
                _log.error("A new worker can't start, and is tried again: %s", error)
                time.sleep(RETRY_SECONDS)
                raise SystemExit(1) from error  # gunicorn ends the service at the codes of its own errors
            raise AppImportError(f"Error: {error}") from error
        share_memory()
        keep_loaded()
        app.extensions["silhouette.queries"].sweep_on()
        app.extensions["silhouette.usage"].keep_on()
        return app


def share_memory(wait: Callable[[float], object] = time.sleep) -> None:
    """Limit glibc's malloc to a few arenas that all threads share, and have them give back what is free.

    Else each of dozens of threads keeps what its largest photograph has needed, and the arenas what all of
    them together have.

    Parameters
    ----------
    wait : callable
        Waits so many seconds; something true ends the giving back.
    """
    library = ctypes.CDLL(None)

    def trimming() -> None:
        while not wait(TRIM_SECONDS):
            library.malloc_trim(0)

    with suppress(AttributeError):
        library.mallopt(_M_ARENA_MAX, MOST_ARENAS)
        threading.Thread(target=trimming, name="memory", daemon=True).start()


def keep_loaded() -> None:
    """Let the garbage collector pass over all that has been loaded, and seldom look through all that is old.

    The first stays to the end. To look through it would stop all threads for tens of milliseconds, now and
    then, and write to pages that this process shares with the one that it was forked from. So would looking
    through the changes of many items, which are old soon and no garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], OLD_AFTER)


def preload() -> None:
    """Load the code of the workers, for them to share, unless that starts threads: a fork would lose them."""
    if os.environ[OMP_THREADS] == "1":
        importlib.import_module("service.run.app")
        keep_loaded()


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


def greeting(address: Address, example: Path | None, not_ready: str = "") -> str:
    """Return the greeting: the URL, and a command to try it with, or why searches can't be answered yet."""
    if not_ready:
        return (
            f"Silhouette listens at {address.url}, but can't answer searches yet (503). {not_ready}\n"
            "It takes up an index that it can use as soon as there is one."
        )
    lines = [f"Silhouette answers at {address.url}"]
    if example is not None:
        lines.append(f"Try:  curl -F {shlex.quote(f'file=@{example}')} '{address.url}/v1/search?limit=5'")
    return "\n".join(lines)


def _forget_worker(_: Any, worker: Any) -> None:
    if METRICS_FOLDER in os.environ:
        fold_worker(worker.pid, Path(os.environ[METRICS_FOLDER]))


def settings(config: Config) -> dict[str, Any]:
    """All settings of gunicorn that differ from its defaults."""
    address = Address.of(config)
    host = f"[{address.host}]" if ":" in address.host else address.host
    return {
        "bind": f"{host}:{address.port}",
        "workers": config.workers,
        "worker_class": "service.run.worker.Worker",
        "threads": threads(config),
        "timeout": SILENT_SECONDS,
        "graceful_timeout": config.graceful_seconds,
        "keepalive": KEEP_ALIVE_SECONDS,
        "limit_request_line": LONGEST_ADDRESS,
        "forwarder_headers": "",  # no client may set SCRIPT_NAME or PATH_INFO by a header
        "control_socket_disable": True,  # else two services of one user share a socket in the home folder
        "logger_class": ServerLog,
        "loglevel": "warning",
        "proc_name": "silhouette",
        "worker_tmp_dir": HEARTBEATS if Path(HEARTBEATS).is_dir() else None,
        "child_exit": _forget_worker,
        "on_exit": lambda _: remove_metrics(),
    }


def usable(config: Config) -> Generation:
    """Return what workers with these settings would find; raises `ServiceUnusable` where they can't start."""
    found = check_generation(config)
    if found.failure:
        raise ServiceUnusable(found.failure)
    return found


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
    InvalidSetting, PortInUse, ServiceUnusable
        Before anything is answered.
    """
    config = read()
    check_port_free(Address.of(config))
    os.environ.setdefault(OMP_THREADS, "1")  # searches run side by side: threads of FAISS would only wait
    preload()
    found = usable(config)
    configure_logs(config)
    share_metrics(config.metrics_folder)
    _Server(read, config, example, found).run()
