"""The items of an index in SQLite: row (its vector's), id, path and metadata; written once, then read."""

import json
import sqlite3
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

from index.errors import IndexDamaged, IndexNotWritten, ItemUnknown
from training.catalogue import Item

SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY,
    item_id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    metadata TEXT NOT NULL
)
"""


def _stored(item_id: str, path: str, metadata: str) -> Item:
    return Item(item_id=item_id, path=Path(path), metadata=json.loads(metadata))


def _close_all(connections: deque[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


class Items:
    """A read-only store of items that any number of threads may ask at once.

    A connection is used by one thread at a time and kept for the next one; all are closed when the last
    thread has let go of the store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the store at `path`; raises `IndexDamaged` where there is none."""
        items = cls(path)
        len(items)
        return items

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM items")[0][0])

    def by_id(self, item_id: str) -> tuple[int, Item]:
        """Return the row and the item of that id; raises `ItemUnknown`."""
        found = self._ask("SELECT row, item_id, path, metadata FROM items WHERE item_id = ?", item_id)
        if not found:
            raise ItemUnknown(f"The index holds no item '{item_id}'. Item ids are those of the catalogue.")
        row, *columns = found[0]
        return row, _stored(*columns)

    def by_rows(self, rows: Sequence[int]) -> list[Item]:
        """Return the items of the given rows, in their order; raises `IndexDamaged` where one is missing."""
        found = self._ask(
            "SELECT row, item_id, path, metadata FROM items WHERE row IN (SELECT value FROM json_each(?))",
            json.dumps([int(row) for row in rows]),
        )
        items = {row: _stored(*columns) for row, *columns in found}
        try:
            return [items[int(row)] for row in rows]
        except KeyError as error:
            raise self._damaged(f"there is no row {error}") from error

    def _ask(self, query: str, *values: Any) -> list[tuple]:
        try:
            with self._connection() as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            address = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _damaged(self, reason: str) -> IndexDamaged:
        return IndexDamaged(
            f"The items in '{self._path}' can't be read ({reason}). "
            "Activate another version, or build the index again."
        )


def write_items(path: Path, items: Iterable[Item]) -> None:
    """Write a new store of `items` to `path`; the first item gets row 0, and so on.

    Raises
    ------
    IndexNotWritten
        An id comes twice, or the file could not be written.
    """
    columns = (
        (row, item.item_id, str(item.path), json.dumps(item.metadata)) for row, item in enumerate(items)
    )
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(SCHEMA)
            connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?)", columns)
    except (sqlite3.Error, UnicodeEncodeError) as error:
        raise IndexNotWritten(f"The items could not be written to '{path}': {error}.") from error
