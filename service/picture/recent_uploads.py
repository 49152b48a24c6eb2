"""Recent uploads: bytes on disk under random ids, shared by all workers, kept for a limited time.

The id of a photograph ends with the quarter turns by which it was searched, where that was decided.
"""

import errno
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from service.errors import RefusedRequest
from training.bounded_folder import BoundedFolder

_ID = re.compile(r"q_[A-Za-z0-9_-]{16}([0-3]?)")

SWEEP_SECONDS = 30.0
"""How often each worker sweeps the folder, whether there are requests or not."""

_log = logging.getLogger(__name__)


class RecentQueries:
    """A folder of uploads that forgets each after `seconds`, and the oldest above `max_bytes` in all.

    Files are named by unguessable ids, readable by the service's user only, and hold the plain bytes.
    `sweep_on` ends their time where nobody puts any more.
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
        self._files = BoundedFolder(
            folder, max_bytes=max_bytes, seconds=seconds, writers=workers, clock=clock
        )

    def put(self, photo: bytes, *, turned: int | None = None) -> str:
        """Keep a photograph; return its new id.

        Parameters
        ----------
        photo : bytes
        turned : int, optional
            By how many degrees, 0, 90, 180 or 270, it was turned clockwise to be searched.

        Raises
        ------
        OSError
            There is no room for it, on the disk or within `max_bytes`.
        """
        if len(photo) > self._max_bytes:
            raise OSError(
                errno.EFBIG, f"It has {len(photo):,} bytes, more than all uploads may take together"
            )
        self._files.make_room(len(photo))
        query_id = "q_" + secrets.token_urlsafe(12) + ("" if turned is None else str(turned // 90))
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
            if _ID.fullmatch(query_id) and not self._files.is_over(path.stat().st_mtime):
                return path.read_bytes()
        except FileNotFoundError:
            pass
        raise self._expired()

    @staticmethod
    def turned(query_id: str) -> int | None:
        """Return by how many degrees a photograph was turned to be searched; None where that is not known."""
        known = _ID.fullmatch(query_id)
        return 90 * int(known[1]) if known and known[1] else None

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
        self._files.sweep()

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
