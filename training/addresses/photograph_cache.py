"""The photographs that were fetched: files named by the SHA-256 of their bytes, and which address has which.

A file is durable before its row is written, and nothing is changed in place: whoever is killed leaves a cache
that is whole. A published version keeps links to its photographs (`index.photographs`), so that what is
removed here is missed by nobody.
"""

import fcntl
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from training.addresses.download import Validators
from training.errors import CacheUnusable
from training.files import write_atomically
from training.photo import media_types

log = logging.getLogger(__name__)

FOLDER = "photographs"
KEPT_SECONDS = 2 * 86_400
"""What was used since then is not removed: a build or a training that has read its catalogue needs it yet."""

_ROWS = "addresses.sqlite"
_LOCK = ".lock"
_FIRST_LETTERS = 2
_WAIT_SECONDS = 60
_COMMIT_EVERY = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS photographs (
    address TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    last_modified TEXT NOT NULL,
    fetched TEXT NOT NULL,
    used REAL NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Kept:
    """The photograph that an address had when it was fetched last.

    Parameters
    ----------
    path : Path
        Absolute.
    validators : Validators
        By which the server tells whether it has changed.
    fetched : str
        The date, such as 2026-11-21 (UTC).
    """

    path: Path
    validators: Validators
    fetched: str


class PhotographCache:
    """The photographs in a folder; a context manager, which several processes may hold at once.

    Photographs may be stored by any thread; all else is for the thread that made it.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    clock : callable
        The time, in seconds since 1970.

    Raises
    ------
    CacheUnusable
        The folder can't be written to; by all methods.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder.absolute()
        self._clock = clock
        self._uncommitted = 0
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / _LOCK).open("a")
            fcntl.flock(self._lock, fcntl.LOCK_SH)
            self._rows = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._writing():
            self._rows.commit()
            self._rows.close()
        self._lock.close()

    def find(self, addresses: Iterable[str]) -> dict[str, Kept]:
        """Return the photographs of those addresses that have one, and note that they are used."""
        asked = json.dumps(list(addresses))
        among = "address IN (SELECT value FROM json_each(?))"
        with self._writing():
            rows = self._rows.execute(
                f"SELECT address, name, bytes, etag, last_modified, fetched FROM photographs WHERE {among}",
                (asked,),
            ).fetchall()
            self._rows.execute(f"UPDATE photographs SET used = ? WHERE {among}", (self._clock(), asked))
            self._rows.commit()
        return {
            address: Kept(self._path(name), Validators(etag, modified), fetched)
            for address, name, size, etag, modified, fetched in rows
            if _size(self._path(name)) == size
        }

    def store(self, data: bytes) -> Path:
        """Make a photograph durable and return its path, the same for the same bytes."""
        found = media_types.detect(data[: media_types.HEAD])
        name = sha256(data).hexdigest() + (found.suffixes[0] if found else "")
        path = self._path(name)
        if _size(path) != len(data):
            with self._writing():
                write_atomically(path, data)
        return path

    def record(self, address: str, path: Path, validators: Validators) -> None:
        """Note what was stored as the photograph of an address."""
        now = self._clock()
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        values = (address, path.name, _size(path), validators.etag, validators.last_modified, today, now)
        with self._writing():
            self._rows.execute("INSERT OR REPLACE INTO photographs VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            self._uncommitted += 1
            if self._uncommitted >= _COMMIT_EVERY:
                self._rows.commit()
                self._uncommitted = 0

    def shrink(self, limit: int) -> int:
        """Remove what was not used for longest, until the rest takes `limit` bytes at most; return how many.

        What was used lately (`KEPT_SECONDS`) stays whatever it takes. While another process holds the cache,
        nothing is removed.
        """
        with self._writing():
            self._rows.commit()
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            doomed = set(self._unneeded(limit))
            self._rows.executemany("DELETE FROM photographs WHERE name = ?", ((name,) for name in doomed))
            self._rows.commit()
            known = {name for (name,) in self._rows.execute("SELECT DISTINCT name FROM photographs")}
            for path in self.folder.glob(f"{'?' * _FIRST_LETTERS}/*"):
                if path.name in doomed or (path.name not in known and self._is_old(path.stat().st_mtime)):
                    path.unlink(missing_ok=True)
        return len(doomed)

    def _path(self, name: str) -> Path:
        return self.folder / name[:_FIRST_LETTERS] / name

    def _is_old(self, used: float) -> bool:
        return used < self._clock() - KEPT_SECONDS

    def _unneeded(self, limit: int) -> Iterator[str]:
        rows = self._rows.execute(
            "SELECT name, max(bytes), max(used) FROM photographs GROUP BY name ORDER BY max(used)"
        ).fetchall()
        excess = sum(size for _, size, _ in rows) - limit
        for name, size, used in rows:
            if excess <= 0 or not self._is_old(used):
                return
            excess -= size
            yield name

    def _open(self) -> sqlite3.Connection:
        path = self.folder / _ROWS
        try:
            return self._connect(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.damaged")
            log.warning(
                "'%s' is damaged (%s): set aside as %s, and all is fetched again.", path, error, aside
            )
            os.replace(path, aside)
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            return self._connect(path)

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=_WAIT_SECONDS)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            ((verdict,),) = connection.execute("PRAGMA quick_check(1)")
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise CacheUnusable(
                f"Photographs can't be kept in '{self.folder}': {getattr(error, 'strerror', None) or error}. "
                "Make room there or allow writing, or name another folder with --cache."
            ) from error


def _size(path: Path) -> int:
    """Return how many bytes a file has; -1 where there is none."""
    with suppress(OSError):
        return path.stat().st_size
    return -1
