"""A server under measurement: started, waited for, and the CPU time and memory of its processes (Linux)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import click

from benchmarks.processes import cpu_seconds, shared_memory

PATIENCE = 240.0
"""Seconds that a server gets until it answers."""

QUIET = 0.5
"""Seconds without work after which it counts as ready: all its processes have loaded what they need."""


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A server on this machine, as its first process and the port that it listens on."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """Return the CPU time that all its processes have had, their kernel's part included."""
        return cpu_seconds(self.process.pid)

    def memory(self) -> float:
        """Return the MB of memory of all its processes, pages that they share counted once (PSS)."""
        return shared_memory(self.process.pid) / 1e6


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _wait(server: Server, log: Path) -> None:
    """Return once the server answers and none of its processes works any more."""
    until, answers, had = time.monotonic() + PATIENCE, False, -1.0
    while not answers or server.cpu_seconds() > had:
        if server.process.poll() is not None or time.monotonic() > until:
            raise click.ClickException(f"The server did not start. It said:\n{log.read_text()[-2000:]}")
        answers = answers or _answers(server.port)
        had = server.cpu_seconds()
        time.sleep(QUIET)


@contextmanager
def running(
    arguments: Sequence[str], *, port: int, settings: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """Run `python ARGUMENTS` as a server on `port`; it ends with the block.

    Raises
    ------
    click.ClickException
        It does not answer; its last words are told.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, *arguments], env={**os.environ, **settings}, stdout=file, stderr=file
        )
    try:
        server = Server(process, port)
        _wait(server, log)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
