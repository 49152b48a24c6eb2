"""What a process that this product starts does first: it leaves Ctrl-C to its parent, and ends with it."""

import ctypes
import fcntl
import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LAST_SECONDS = 20.0  # that a program has for its end after Ctrl-C
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def end_with(parent: int) -> None:
    """Let the kernel kill this process as soon as the one that has started it ends, however that ends.

    Only Linux can do that. It counts as the end if the thread that has started this process ends.

    Parameters
    ----------
    parent : int
        The process that has started this one; where it has ended already, this one ends at once.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def end_at_close(pipe: int) -> None:
    """Let the kernel kill this process as soon as the other end of a pipe is closed, whoever started it.

    Only Linux can do that.

    Parameters
    ----------
    pipe : int
        File descriptor of the end to read from; nothing is ever written to the other one.
    """
    if sys.platform == "linux":
        fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([pipe], [], [], 0)[0]:
            os.kill(os.getpid(), signal.SIGKILL)


def ending_with_this() -> Callable[[], None]:
    """Return the `preexec_fn` of a program that ends with this process; see `end_with`."""
    parent = os.getpid()
    return lambda: end_with(parent)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a program that ends with this process; after Ctrl-C, which it receives as well, wait for its end.

    `subprocess.run` kills it after a quarter of a second then, which is too early for one that has workers.

    Parameters
    ----------
    command : sequence of str
    options
        As for `subprocess.Popen`.
    """
    with subprocess.Popen(command, preexec_fn=ending_with_this(), **options) as process:
        try:
            process.wait()
        except KeyboardInterrupt:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_SECONDS)
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode)


def begin(parent: int | None = None) -> None:
    """Begin as a worker, which leaves Ctrl-C to the process that it works for, and ends with it.

    Parameters
    ----------
    parent : int, optional
        The process that has started this one, if `multiprocessing` has not.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent is not None:
        end_with(parent)
    elif (served := multiprocessing.parent_process()) is not None:
        end_at_close(served.sentinel)
