"""The items of an index in SQLite: row (its vector's), id, paths, metadata, and which item it repeats.

Written once, then read.
"""

import json
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from index.errors import IndexDamaged, IndexNotWritten, ItemUnknown
from index.filters.facets import Differences, Facet, all_facets, facets_of
from index.filters.field_values import FieldValues
from index.filters.postings import (
    Lay,
    PostedValues,
    has_field,
    nothing_laid,
    passing,
    posted_values,
    write_postings,
)
from index.filters.predicates import Filter
from index.photographs import StoredPaths
from training.catalogue.reader import Item

SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY,
    item_id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    metadata TEXT NOT NULL,
    duplicate_of INTEGER,
    further TEXT
)
"""
_CONNECTIONS = 8  # opened up front, so that readers continue when the version's folder has been removed
_ITEMS_KEPT = 8192  # a kilobyte or two each
_IDS_AT_ONCE = 4096
_FIELDS_KEPT = 64  # kept in memory, 12 bytes an item each where a field has one value
_REPEATED = "CREATE INDEX repeated ON items (row, duplicate_of) WHERE duplicate_of IS NOT NULL"


def _close_all(connections: deque[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


class _Recent:
    """Items that were asked for lately, at most `_ITEMS_KEPT`, in two generations: the older one is dropped.

    Threads may lose what another one has kept at the same moment, no more.
    """

    def __init__(self) -> None:
        self._young: dict[int, Item] = {}
        self._old: dict[int, Item] = {}

    def find(self, rows: Sequence[int]) -> dict[int, Item]:
        """Return the items of those rows that are kept."""
        young, old = self._young, self._old
        found = {row: young[row] for row in rows if row in young}
        if len(found) < len(rows) and (again := {row: old[row] for row in rows if row in old}):
            found |= again
            self.keep(again)
        return found

    def all_young(self, rows: Sequence[int]) -> list[Item] | None:
        """Return the items of those rows, in their order, if the younger generation has all."""
        young = self._young
        try:
            return [young[row] for row in rows]
        except KeyError:
            return None

    def keep(self, items: Mapping[int, Item]) -> None:
        """Keep items by their rows; of very many none."""
        if len(self._young) + len(items) > _ITEMS_KEPT // 2:
            self._old, self._young = self._young, {}
        if len(items) <= _ITEMS_KEPT // 2:
            self._young.update(items)


class Items:
    """A read-only store of items, safe for any number of threads.

    A connection is used by one thread at a time and kept for the next one; all are closed when the last
    thread has let go of the store.
    """

    def __init__(self, path: Path, contents: np.ndarray | None = None) -> None:
        self._path = path
        self._contents = contents
        self._count: int | None = None
        self._groups: np.ndarray | None = None
        self._facets: list[Facet] | None = None
        self._values: dict[str, PostedValues] = {}
        self._recent = _Recent()
        self._locked = threading.Lock()
        self._rows_by_id: np.ndarray | None = None
        self._idle: deque[sqlite3.Connection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    @classmethod
    def open(cls, path: Path, *, contents: np.ndarray | None = None) -> Self:
        """Return the store at `path`; raises `IndexDamaged` where there is none.

        Parameters
        ----------
        path : Path
        contents : uint8 (n, 32), optional
            The digest of the photographs of each row, for `Item.content`.
        """
        items = cls(path, contents)
        try:
            items._idle.extend(items._connect() for _ in range(_CONNECTIONS))
        except sqlite3.Error as error:
            raise items._damaged(str(error)) from error
        len(items)
        return items

    @cached_property
    def _columns(self) -> str:
        """Those that make an item; before items could have several photographs, there was no `further`."""
        names = [name for _, name, *_ in self._ask("PRAGMA table_info(items)")]
        return f"row, item_id, path, metadata, {'further' if 'further' in names else 'NULL'}"

    def __len__(self) -> int:
        if self._count is None:
            self._count = int(self._ask("SELECT count(*) FROM items")[0][0])
        return self._count

    def by_id(self, item_id: str) -> tuple[int, Item]:
        """Return the row and the item of that id; raises `ItemUnknown`."""
        found = self._ask(f"SELECT {self._columns} FROM items WHERE item_id = ?", item_id)
        if not found:
            raise ItemUnknown(f"The index holds no item '{item_id}'. Item ids are those of the catalogue.")
        row, *columns = found[0]
        return row, self._item(row, *columns)

    def rows_of(self, item_ids: Sequence[str]) -> dict[str, int]:
        """Return the row of each of those ids that there is."""
        asked = json.dumps(list(item_ids))
        return dict(
            self._ask(
                "SELECT item_id, row FROM items WHERE item_id IN (SELECT value FROM json_each(?))", asked
            )
        )

    def by_rows(self, rows: Sequence[int]) -> list[Item]:
        """Return the items of the given rows, in their order; raises `IndexDamaged` where one is missing.

        Those that were asked for lately are kept. Nobody may change them.
        """
        if (kept := self._recent.all_young(rows)) is not None:
            return kept
        found = self._recent.find(rows)
        if missing := [row for row in rows if row not in found]:
            read = self._ask(
                f"SELECT {self._columns} FROM items WHERE row IN (SELECT value FROM json_each(?))",
                json.dumps(missing),
            )
            found |= (items := {row: self._item(row, *columns) for row, *columns in read})
            self._recent.keep(items)
        try:
            return [found[row] for row in rows]
        except KeyError as error:
            raise self._damaged(f"there is no row {error}") from error

    def ids(self) -> Iterator[str]:
        """Yield the ids of all items, row by row."""
        for at in range(0, len(self), _IDS_AT_ONCE):
            end = at + _IDS_AT_ONCE
            for (item_id,) in self._ask(
                "SELECT item_id FROM items WHERE row >= ? AND row < ? ORDER BY row", at, end
            ):
                yield item_id

    def by_ids(self, item_ids: Sequence[str]) -> dict[int, Item]:
        """Return the items of those ids that there are, by their rows."""
        found = self._ask(
            f"SELECT {self._columns} FROM items WHERE item_id IN (SELECT value FROM json_each(?))",
            json.dumps(list(item_ids)),
        )
        return {row: self._item(row, *columns) for row, *columns in found}

    def matching(self, where: Filter, lay: Lay = nothing_laid) -> np.ndarray:
        """Return the rows of the items that pass a filter: int64 (m,), ascending; `lay` as for `passing`."""
        return np.flatnonzero(passing(where, len(self), self._ask, lay))

    def rows_by_id(self) -> np.ndarray:
        """Return all rows in the order of the items' ids: int64 (n,)."""
        if self._rows_by_id is None:
            rows = np.array(self._ask("SELECT row FROM items ORDER BY item_id"), np.int64).reshape(-1)
            rows.setflags(write=False)
            self._rows_by_id = rows
        return self._rows_by_id

    def count_up_to(self, item_id: str) -> int:
        """Return how many ids come before that one in their order, itself included."""
        return int(self._ask("SELECT count(*) FROM items WHERE item_id <= ?", item_id)[0][0])

    def has_field(self, field: str) -> bool:
        """Return whether an item has a value of a metadata field."""
        return has_field(field, self._ask)

    def values(self, field: str, rows: np.ndarray) -> FieldValues:
        """Return the values of a field of rows, int64 (k,), by their places; read once, and kept."""
        kept = self._values.get(field) or self._read_values(field)
        return kept.at(rows)

    def _read_values(self, field: str) -> PostedValues:
        with self._locked:
            if field in self._values:
                return self._values[field]
            read = posted_values(field, len(self), self._ask)
            if read.table:  # else anyone could push the others out
                self._values[field] = read
            if len(self._values) > _FIELDS_KEPT:
                del self._values[next(iter(self._values))]
            return read

    def facets(self, differences: Differences | None = None) -> list[Facet]:
        """Return a facet for each field by name, with what has changed since."""
        if self._facets is None:
            self._facets = all_facets(self._ask)
        if not differences:
            return self._facets
        as_built = [facet for facet in self._facets if facet.field not in differences]
        recounted = facets_of(differences, self._ask, differences)
        return sorted([*as_built, *recounted], key=lambda facet: facet.field)

    def groups(self) -> np.ndarray:
        """Return the row of the first item of each row's group, its own where it is alone: int64 (n,)."""
        if self._groups is None:
            groups = np.arange(len(self))
            repeated = self._ask("SELECT row, duplicate_of FROM items WHERE duplicate_of IS NOT NULL")
            rows, firsts = np.array(repeated, np.int64).reshape(-1, 2).T
            groups[rows] = firsts
            groups.setflags(write=False)
            self._groups = groups
        return self._groups

    def _item(self, row: int, item_id: str, path: str, metadata: str, further: str | None) -> Item:
        content = None if self._contents is None else self._contents[row].tobytes().hex()
        others = StoredPaths(further) if further else ()
        return Item(item_id, path, json.loads(metadata), others, content=content)

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
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
        return sqlite3.connect(address, uri=True, check_same_thread=False)

    def _damaged(self, reason: str) -> IndexDamaged:
        return IndexDamaged(
            f"The items in '{self._path}' can't be read ({reason}). "
            "Activate another version, or build the index again."
        )


def write_items(path: Path, items: Collection[Item], *, groups: np.ndarray | None = None) -> None:
    """Write a new store of `items` to `path`; the first item gets row 0, and so on.

    Parameters
    ----------
    path : Path
    items : collection of Item
    groups : int64 (n,), optional
        The row of the first of each item's duplicates; an item's own row where it repeats none.

    Raises
    ------
    IndexNotWritten
        An id comes twice, or the file could not be written.
    """
    firsts = range(len(items)) if groups is None else groups

    def written() -> Iterator[tuple[int, Mapping[str, Any]]]:
        for row, (item, first) in enumerate(zip(items, firsts, strict=True)):
            path, *further = item.file_names
            columns = (
                row,
                item.item_id,
                path,
                json.dumps(item.metadata),
                None if first == row else int(first),
                json.dumps(further) if further else None,
            )
            connection.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", columns)
            yield row, item.metadata

    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(SCHEMA)
            write_postings(connection, written())
            connection.execute(_REPEATED)
    except (sqlite3.Error, UnicodeEncodeError) as error:
        raise IndexNotWritten(f"The items could not be written to '{path}': {error}.") from error
