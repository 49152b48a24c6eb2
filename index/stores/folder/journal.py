"""The SQLite file beneath the change log: one durable writer at a time, and readers who never wait.

Between changes everything lies in the file itself: a writer moves what it has written out of the WAL. Only a
writer that was killed leaves something there, which the next one moves.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from index.errors import ChangeNotWritten, ChangesDamaged

_WAIT_SECONDS = 30
_SIDES = ("", "-wal", "-shm")
_MIGRATIONS = (  # each makes the next format; 0 is a new file, or one of the releases that wrote no number
    """
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    action TEXT NOT NULL,
    item_id TEXT NOT NULL UNIQUE,
    photograph TEXT,
    metadata TEXT,
    encoder TEXT,
    vector BLOB
)
""",
    "ALTER TABLE changes ADD COLUMN views BLOB",
    "ALTER TABLE changes ADD COLUMN further TEXT",
    "ALTER TABLE changes ADD COLUMN photographed INTEGER",  # and the action "patch"
    "SELECT 'views may have part maps'",
    "SELECT 'part maps hold features'",
    "SELECT 'part maps hold the features of another network'",
)

FORMAT = len(_MIGRATIONS)
"""The format of the file, its `user_version`."""


class Position(NamedTuple):
    """A position in a log: the file's inode (0 for none), and the number of the last change."""

    file: int
    seq: int


NOWHERE = Position(0, 0)
"""Where a log is that does not exist."""


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )


def _begin(connection: sqlite3.Connection) -> None:
    """Take the write lock; while another writer creates the file, SQLite reports busy without waiting."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _open_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Return a connection, and whether it sees what is written later.

    On a read-only volume SQLite can't follow a writer; without one, the file as it lies there is complete.
    """
    connection = _connect(path, "ro")
    try:
        _has_table(connection)
    except sqlite3.OperationalError:
        connection.close()
        wal = path.with_name(f"{path.name}-wal")
        if wal.exists() and wal.stat().st_size:
            raise
        return _connect(path, "ro&immutable=1"), False
    return connection, True


class _NewerFormat(ValueError):
    """A newer release has written the file."""


def _require_known_format(connection: sqlite3.Connection) -> int:
    """Return the number of the file's format, 0 for none; raises `_NewerFormat`."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > FORMAT:
        raise _NewerFormat(
            f"a newer release wrote it, in format {found}; this one reads up to {FORMAT}. Upgrade again"
        )
    return int(found)


def _move_out_of_wal(connection: sqlite3.Connection) -> None:
    """Move the changes into the file; where a reader holds that up, the next writer does it."""
    with suppress(sqlite3.Error):  # they are committed, whatever happens here
        connection.execute("PRAGMA busy_timeout = 100")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _is_damage(error: Exception) -> bool:
    """Whether an error says that the file is not what was written, and not that there is no room for more."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, _NewerFormat) or getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


def _has_table(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'changes'").fetchall())


def last_number(connection: sqlite3.Connection) -> int:
    """Return the number of the last change ever made, 0 for none."""
    numbers = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchall()
    return int(numbers[0][0]) if numbers else 0


def _close(readers: dict[int, sqlite3.Connection]) -> None:
    while readers:
        readers.popitem()[1].close()


class Journal:
    """A file of changes; any number of threads and processes may use it concurrently.

    Parameters
    ----------
    path : Path
        Made, with its folder, by the first writer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._readers: dict[int, sqlite3.Connection] = {}  # at most one, by the file's inode
        self._follows = True
        weakref.finalize(self, _close, self._readers)

    @contextmanager
    def writing(self, *, number_from: int = 0) -> Iterator[sqlite3.Connection]:
        """Hold the write lock; at the end everything written is committed and durable, or nothing is.

        Parameters
        ----------
        number_from : int
            Changes get higher numbers than this, whatever the file holds.

        Raises
        ------
        ChangeNotWritten
            The disk is full or read-only, or another writer did not let go.
        ChangesDamaged
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(_connect(self.path, "rwc")) as connection:
                with connection:
                    _begin(connection)
                    _prepare(connection, number_from)
                    yield connection
                _move_out_of_wal(connection)
        except (sqlite3.Error, OSError, _NewerFormat) as error:
            if _is_damage(error):
                raise self._damaged(error) from error
            raise ChangeNotWritten(
                f"The change could not be written to '{self.path}': {error}. Nothing was changed. "
                "Make room there or allow writing, and try again."
            ) from error

    @contextmanager
    def reading(self) -> Iterator[tuple[int, sqlite3.Connection | None]]:
        """Lend a connection and the inode of the file that it reads; None and 0 where there is no log yet.

        Raises
        ------
        ChangesDamaged
        """
        with self._lock:
            try:
                yield self._reader()
            except (sqlite3.Error, ValueError) as error:
                _close(self._readers)
                raise self._damaged(error) from error
            finally:
                if not self._follows:
                    _close(self._readers)

    def file(self) -> int:
        """Return the number of the file, another one where it was replaced; 0 where there is none."""
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return NOWHERE.file

    def damage(self) -> list[str]:
        """Return what is wrong with the file, one line each; nothing where it is sound or not there."""
        try:
            with self.reading() as (_, connection):
                found = (
                    connection.execute("PRAGMA integrity_check(5)").fetchall() if connection else [("ok",)]
                )
        except ChangesDamaged as error:
            return [str(error)]
        return [str(self._damaged(text)) for (text,) in found if text != "ok"]

    def set_aside(self) -> None:
        """Rename the file and what belongs to it, so that the next writer begins a new one."""
        name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S-%fZ}-damaged-{self.path.name}"
        with self._lock:
            _close(self._readers)
            for side in _SIDES[::-1]:  # the file last: until then it is found damaged, not empty
                with suppress(FileNotFoundError):
                    os.rename(f"{self.path}{side}", self.path.with_name(f"{name}{side}"))

    def _damaged(self, error: Exception | str) -> ChangesDamaged:
        return ChangesDamaged(
            f"The log of changes '{self.path}' can't be read ({error}). Put a backup back: "
            "`python -m index restore BACKUP`. Without one, move it away together with its -wal and -shm, "
            "which loses the changes made since the last build."
        )

    def _reader(self) -> tuple[int, sqlite3.Connection | None]:
        file = self.file()
        if not file:
            _close(self._readers)
            return file, None
        if file not in self._readers:
            _close(self._readers)
            connection, self._follows = _open_to_read(self.path)
            _require_known_format(connection)
            if not _has_table(connection):  # a writer was killed before it had made it, or makes it now
                connection.close()
                return NOWHERE.file, None
            self._readers[file] = connection
        return file, self._readers[file]


def _prepare(connection: sqlite3.Connection, number_from: int) -> None:
    for number in range(_require_known_format(connection), FORMAT):
        connection.execute(_MIGRATIONS[number])
        connection.execute(f"PRAGMA user_version = {number + 1}")
    if last_number(connection) < number_from:
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'changes'")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('changes', ?)", (number_from,))
