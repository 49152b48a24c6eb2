"""Photographs of recent searches: bytes on disk under random ids, shared by all workers, for a while."""

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from service.errors import RefusedRequest

_ID = re.compile(r"q_[A-Za-z0-9_-]{16}")


class RecentQueries:
    """A folder of uploads that forgets each after `seconds`, and the oldest above `max_bytes` in all.

    Every `put` sweeps, so nobody's photograph outlives the next search by more than its time. Files are
    named by unguessable ids, readable by the service's user only, and hold the plain bytes.
    """

    def __init__(self, folder: Path, *, seconds: int, max_bytes: int) -> None:
        self._folder = folder
        self._seconds = seconds
        self._max_bytes = max_bytes

    def put(self, photo: bytes) -> str:
        """Keep a photograph; returns its new id."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep(room_for=len(photo))
        query_id = "q_" + secrets.token_urlsafe(12)
        handle, temporary = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(photo)
        os.replace(temporary, self._folder / query_id)
        return query_id

    def get(self, query_id: str) -> bytes:
        """Bytes of an earlier search's photograph.

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

    def _newest_first(self) -> Iterator[tuple[Path, float, int]]:
        stats = [(Path(entry.path), entry.stat()) for entry in os.scandir(self._folder)]
        for path, stat in sorted(stats, key=lambda pair: -pair[1].st_mtime):
            yield path, stat.st_mtime, stat.st_size

    def _sweep(self, *, room_for: int) -> None:
        kept, oldest = room_for, time.time() - self._seconds
        try:
            for path, written, size in self._newest_first():
                kept += size
                if written < oldest or kept > self._max_bytes:
                    path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass  # another worker swept the same file in this moment; the next search sweeps again
