"""What the libraries in C++ say of themselves on standard error: kept off it, while all else is passed on.

LiteRT has no setting for its line on XNNPACK, and TensorFlow follows its own one only after its first lines.
Both write to the file descriptor, below Python.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

SHOW = "TF_CPP_MIN_LOG_LEVEL"
"""Set to 0, this variable of TensorFlow shows all that is kept off otherwise."""

_THEIRS = re.compile(
    rb"INFO: |[IW]\d{4} \d\d|WARNING: All log messages before absl::|E\d{4} .* failed call to cuInit"
)
_lock = threading.Lock()


def _buffer() -> BinaryIO:
    """Return a file in memory, as the disk may be full."""
    if sys.platform == "linux":
        return open(os.memfd_create("standard error"), "w+b")
    return tempfile.TemporaryFile()


def _pass_on(lines: Iterable[bytes]) -> None:
    for line in lines:
        if not _THEIRS.match(line):
            os.write(2, line)


@contextmanager
def kept_off() -> Iterator[None]:
    """Hold back what any thread writes to standard error meanwhile, then pass on all but their lines."""
    if os.environ.get(SHOW) == "0":
        yield
        return
    with _lock, _buffer() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            _pass_on(file)
