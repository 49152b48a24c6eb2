"""A folder of files that its writers keep within a limit in bytes, and in age: the oldest files go first."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

SWEEPS = 16
"""How often the folder is swept in the time that a file is kept, and while it fills once."""


class BoundedFolder:
    """A folder that forgets each file after `seconds`, and the oldest above `max_bytes` in all.

    A sweep looks at every file. So `make_room` sweeps only where the last sweep is a sixteenth of `seconds`
    ago, or where this process has written its share of a sixteenth of `max_bytes` since, for which it makes
    room: all `writers` together keep within `max_bytes`.

    Parameters
    ----------
    path : Path
    max_bytes : int
    seconds : float
        By default, files are kept however old they are.
    writers : int
        Processes that write into the folder.
    clock : callable
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        seconds: float = math.inf,
        writers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._writers = writers
        self._clock = clock
        self._sweeping = threading.Lock()
        self._swept = -math.inf
        self._written = 0

    def is_over(self, written: float) -> bool:
        """Return whether a file's time is over; also where its time lies ahead, as the clock was put back."""
        return abs(time.time() - written) > self._seconds

    def make_room(self, size: int) -> None:
        """Sweep if that is due, before `size` bytes are written; raises `OSError`."""
        with self._sweeping:
            self._written += size
            now, share = self._clock(), self._max_bytes // (SWEEPS * self._writers)
            if self._written < share and now - self._swept < self._seconds / SWEEPS:
                return
            self._swept, self._written = now, size
        self.sweep(room_for=size + share * self._writers)

    def sweep(self, *, room_for: int = 0) -> None:
        """Remove what is past its time, and the oldest above `max_bytes - room_for`; raises `OSError`."""
        kept = room_for
        for path, written, size in self._newest_first():
            kept += size
            if self.is_over(written) or kept > self._max_bytes:
                with suppress(FileNotFoundError):  # another process swept the same file in this moment
                    os.unlink(path)

    def _newest_first(self) -> Iterator[tuple[str, float, int]]:
        stats = []
        with suppress(FileNotFoundError):  # no folder yet
            for entry in os.scandir(self.path):
                with suppress(FileNotFoundError):
                    stats.append((entry.path, entry.stat()))
        for path, stat in sorted(stats, key=lambda pair: -pair[1].st_mtime):
            yield path, stat.st_mtime, stat.st_size
