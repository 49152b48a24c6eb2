"""gunicorn, set up for this service: threads within a few workers, each with its own encoder and index."""

import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.errors import AppImportError  # type: ignore[import-untyped]

from service.config import Config
from service.errors import PortInUse
from training.errors import SilhouetteError

THREADS = 4
GRACEFUL_SECONDS = 20


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def url(self) -> str:
        """The address as a browser on this machine takes it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{host}:{self.port}"


class _Server(BaseApplication):
    """gunicorn with settings handed over instead of read from its command line."""

    def __init__(self, config: Config, settings: dict[str, Any]) -> None:
        self._config = config
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        from service.app import create_app  # in the worker: before the fork nothing may start threads

        try:
            return create_app(self._config)
        except SilhouetteError as error:
            raise AppImportError(f"Error: {error}") from error


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
    """Return what to print once searches are answered: the address, and a line to try it with."""
    lines = [f"Silhouette answers at {address.url}"]
    if example is not None:
        lines.append(f"Try:  curl -F {shlex.quote(f'file=@{example}')} '{address.url}/v1/search?limit=5'")
    return "\n".join(lines)


def settings(address: Address, *, workers: int, example: Path | None = None) -> dict[str, Any]:
    """Everything that gunicorn is told, beside its defaults."""

    def greet(worker: Any) -> None:
        if worker.age == 1:  # the first that is able to answer; later ones replace or join it
            click.echo(greeting(address, example))
            sys.stdout.flush()

    host = f"[{address.host}]" if ":" in address.host else address.host
    return {
        "bind": f"{host}:{address.port}",
        "workers": workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "graceful_timeout": GRACEFUL_SECONDS,
        "control_socket_disable": True,  # else two services of one user share a socket in the home folder
        "loglevel": "warning",
        "proc_name": "silhouette",
        "post_worker_init": greet,
    }


def serve(config: Config, address: Address, *, workers: int, example: Path | None = None) -> None:
    """Serve until a signal ends it; requests that have begun are answered first.

    Raises
    ------
    PortInUse
        Before anything was loaded.
    """
    check_port_free(address)
    _Server(config, settings(address, workers=workers, example=example)).run()
