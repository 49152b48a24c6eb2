"""A child process whose memory, mapped files included, the system limits: what needs more is killed."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.processes import own_memory

GROUPS = Path("/sys/fs/cgroup")
LAYOUTS = (  # folder, file of the limit, file of the highest use: cgroups of the first and the second kind
    (GROUPS / "memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    (GROUPS, "memory.max", "memory.peak"),
)


class CannotConfine(Exception):
    """No group of processes with limited memory can be made here; it takes root and cgroups."""


def _joined(limit: int) -> Path:
    """Put this process into a new group of limited memory; return the file that tells its highest use.

    What the process has by then is not counted by the system.
    """
    for folder, most, peak in LAYOUTS:
        group = folder / f"silhouette-{os.getpid()}"
        if not (folder / most).exists() and not (folder / "cgroup.controllers").exists():
            continue
        try:
            group.mkdir()
            (group / most).write_text(str(limit))
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            raise CannotConfine(f"{group}: {error.strerror}") from error
        return group / peak
    raise CannotConfine("there are no cgroups")


def _child(pipe: Connection, limit: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        before = own_memory()
        peak = _joined(limit - before)
    except CannotConfine as error:
        pipe.send(error)
        return
    answer = function(*arguments)
    pipe.send((answer, before + int(peak.read_text())))


def confined(limit: int, function: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Return what a function returns within `limit` bytes of memory, and the most bytes that it had.

    Raises
    ------
    CannotConfine
    EOFError
        The process was killed, for want of memory.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, limit, function, arguments))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    finally:
        process.join()
        for folder, _, _ in LAYOUTS:
            if (group := folder / f"silhouette-{process.pid}").is_dir():
                group.rmdir()
    if isinstance(answer, CannotConfine):
        raise answer
    return answer
