"""Recent uploads: bytes on disk under random ids, shared by all workers, kept for a limited time."""

import errno
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from service.errors import RefusedRequest

_ID = re.compile(r"q_[A-Za-z0-9_-]{16}")

SWEEPS = 16
"""How often the folder is swept in the time that a photograph is kept, and while it fills once."""

SWEEP_SECONDS = 30.0
"""How often each worker sweeps the folder, whether there are requests or not."""

_log = logging.getLogger(__name__)


class RecentQueries:
    """A folder of uploads that forgets each after `seconds`, and the oldest above `max_bytes` in all.

    A sweep looks at every file. So `put` begins with one only where the last is a sixteenth of `seconds` ago,
    or this process has written its share of a sixteenth of `max_bytes` since, for which it makes room: all
    `workers` together keep within `max_bytes`. Files are named by unguessable ids, readable by the service's
    user only, and hold the plain bytes. `sweep_on` ends their time where nobody puts any more.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seconds: int,
        max_bytes: int,
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._workers = workers
        self._clock = clock
        self._sweeping = threading.Lock()
        self._swept = float("-inf")
        self._written = 0

    def put(self, photo: bytes) -> str:
        """Keep a photograph; return its new id.

        Raises
        ------
        OSError
            There is no room for it, on the disk or within `max_bytes`.
        """
        if len(photo) > self._max_bytes:
            raise OSError(
                errno.EFBIG, f"It has {len(photo):,} bytes, more than all uploads may take together"
            )
        self._sweep_when_due(room_for=len(photo))
        query_id = "q_" + secrets.token_urlsafe(12)
        with self._created(query_id) as file:  # its id is not known to anyone yet
            file.write(photo)
        return query_id

    def get(self, query_id: str) -> bytes:
        """Return the bytes of an earlier search's photograph.

        Raises
        ------
        RefusedRequest
            With code `query_expired`: the id is unknown, or its time is over.
        """
        try:
            path = self._folder / query_id
            if _ID.fullmatch(query_id) and not self._is_over(path.stat().st_mtime):
                return path.read_bytes()
        except FileNotFoundError:
            pass
        raise self._expired()

    def delete(self, query_id: str) -> None:
        """Delete a photograph at once; raises `RefusedRequest` as `get` does."""
        try:
            if not _ID.fullmatch(query_id):
                raise self._expired()
            (self._folder / query_id).unlink()
        except FileNotFoundError:
            raise self._expired() from None

    def sweep(self) -> None:
        """Remove what is past its time, and the oldest above `max_bytes`."""
        self._sweep(room_for=0)

    def sweep_on(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Sweep at once, for what an earlier service has left, and from then on, in a thread of its own.

        Parameters
        ----------
        wait : callable
            Waits so many seconds; something true ends the sweeping.
        """

        def sweeping() -> None:
            while True:
                try:
                    self.sweep()
                except OSError as error:
                    _log.warning("Uploads past their time can't be removed: %s", error)
                if wait(min(SWEEP_SECONDS, self._seconds)):
                    return

        threading.Thread(target=sweeping, name="uploads", daemon=True).start()

    def _is_over(self, written: float) -> bool:
        """Return whether a file's time is over; also where its time lies ahead, as the clock was put back."""
        return abs(time.time() - written) > self._seconds

    def _expired(self) -> RefusedRequest:
        return RefusedRequest(
            "query_expired",
            f"Photos are kept for {self._seconds // 60 or 1} min after a search. Send the photo again.",
            param="query_id",
        )

    def _created(self, query_id: str) -> IO[bytes]:
        path, flags = self._folder / query_id, os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            return os.fdopen(os.open(path, flags, 0o600), "wb")
        except FileNotFoundError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.fdopen(os.open(path, flags, 0o600), "wb")

    def _sweep_when_due(self, *, room_for: int) -> None:
        with self._sweeping:
            self._written += room_for
            now, share = self._clock(), self._max_bytes // (SWEEPS * self._workers)
            if self._written < share and now - self._swept < self._seconds / SWEEPS:
                return
            self._swept, self._written = now, room_for
        self._sweep(room_for=room_for + share * self._workers)

    def _newest_first(self) -> Iterator[tuple[str, float, int]]:
        stats = []
        with suppress(FileNotFoundError):  # no folder yet
            for entry in os.scandir(self._folder):
                with suppress(FileNotFoundError):
                    stats.append((entry.path, entry.stat()))
        for path, stat in sorted(stats, key=lambda pair: -pair[1].st_mtime):
            yield path, stat.st_mtime, stat.st_size

    def _sweep(self, *, room_for: int) -> None:
        kept = room_for
        for path, written, size in self._newest_first():
            kept += size
            if self._is_over(written) or kept > self._max_bytes:
                with suppress(FileNotFoundError):  # another worker swept the same file in this moment
                    os.unlink(path)
