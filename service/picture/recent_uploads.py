"""Recent uploads: bytes on disk under random ids, shared by all workers, kept for a limited time."""

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from service.errors import RefusedRequest

_ID = re.compile(r"q_[A-Za-z0-9_-]{16}")

SWEEPS = 16
"""How often the folder is swept in the time that a photograph is kept, and while it fills once."""


class RecentQueries:
    """A folder of uploads that forgets each after `seconds`, and the oldest above `max_bytes` in all.

    A sweep looks at every file. So `put` begins with one only where the last is a sixteenth of `seconds` ago,
    or this process has written a sixteenth of `max_bytes` since, for which it makes room. Files are named by
    unguessable ids, readable by the service's user only, and hold the plain bytes.
    """

    def __init__(
        self, folder: Path, *, seconds: int, max_bytes: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._sweeping = threading.Lock()
        self._swept = float("-inf")
        self._written = 0

    def put(self, photo: bytes) -> str:
        """Keep a photograph; return its new id."""
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
            if _ID.fullmatch(query_id) and time.time() - path.stat().st_mtime <= self._seconds:
                return path.read_bytes()
        except FileNotFoundError:
            pass
        raise RefusedRequest(
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
            now, share = self._clock(), self._max_bytes // SWEEPS
            if self._written < share and now - self._swept < self._seconds / SWEEPS:
                return
            self._swept, self._written = now, room_for
        self._sweep(room_for=room_for + share)

    def _newest_first(self) -> Iterator[tuple[str, float, int]]:
        stats = [(entry.path, entry.stat()) for entry in os.scandir(self._folder)]
        for path, stat in sorted(stats, key=lambda pair: -pair[1].st_mtime):
            yield path, stat.st_mtime, stat.st_size

    def _sweep(self, *, room_for: int) -> None:
        kept, oldest = room_for, time.time() - self._seconds
        try:
            for path, written, size in self._newest_first():
                kept += size
                if written < oldest or kept > self._max_bytes:
                    os.unlink(path)
        except FileNotFoundError:
            pass  # no folder yet, or another worker swept the same file in this moment
