"""The check of a generation of workers before it serves: settings, keys, encoder and index are opened once.

It runs in a process of its own, since the master may not load what its workers do: it forks them.
"""

import json
import logging
import os
import select
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from service.config import Config

CHECK_SECONDS = 60.0

_SIGNALS = (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1)


@dataclass(frozen=True)
class Generation:
    """What workers with certain settings would find.

    Parameters
    ----------
    failure : str
        Why they could not start; empty where they can.
    not_ready : str
        Why they would answer searches with 503; empty where an index can be opened.
    index_at_fault : bool
        Whether there is an index, which can't be used with these settings.
    version, items
        The index in use.
    """

    failure: str = ""
    not_ready: str = ""
    index_at_fault: bool = False
    version: str = ""
    items: int = 0


def _open(config: Config) -> Generation:
    from index.errors import IndexDamaged
    from service.http.metrics_folder import count_for_itself
    from service.run.app import create_app
    from training.errors import EncoderMismatch, SilhouetteError

    count_for_itself()
    try:
        app = create_app(config)
    except SilhouetteError as error:
        return Generation(failure=str(error))
    except Exception as error:
        return Generation(failure=f"The service can't start: {error!r}.")
    try:
        searcher = app.extensions["silhouette.live_index"].searcher()
    except SilhouetteError as error:
        return Generation(
            not_ready=str(error), index_at_fault=isinstance(error, EncoderMismatch | IndexDamaged)
        )
    return Generation(version=searcher.manifest.version, items=searcher.count)


def _answer(config: Config, writer: int) -> None:
    """Write what was found as a line of JSON, and end this process."""
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        logging.disable(logging.CRITICAL)  # the caller tells what is wrong, once
        os.write(writer, json.dumps(asdict(_open(config))).encode() + b"\n")
    finally:
        os._exit(0)


def _read_line(reader: int, *, seconds: float) -> bytes:
    """Return what arrives up to the end of a line, of the stream or of the time."""
    line, deadline = b"", time.monotonic() + seconds
    while not line.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reader], [], [], left)
        if not ready or not (part := os.read(reader, 65_536)):
            break
        line += part
    return line


def check_generation(config: Config, *, seconds: float = CHECK_SECONDS) -> Generation:
    """Open what workers with these settings would open, in a process of its own, and return what was found.

    Parameters
    ----------
    config : Config
    seconds : float
        How long it may take; after that the generation has failed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _answer(config, writer)
    os.close(writer)
    try:
        line = _read_line(reader, seconds=seconds)
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):  # gunicorn's master may have reaped it
            os.waitpid(child, 0)
    if not line.endswith(b"\n"):
        return Generation(failure=f"The check of the service crashed, or took longer than {seconds:g} s.")
    return Generation(**json.loads(line))
