"""Postings in SQLite: the rows of each value of each metadata field, so that filters need not read items.

A posting is one value of one field and the rows that have it, uint32, so that a filter reads few rows of the
database even where half of all items pass.
"""

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.filters.field_values import FieldValues
from index.filters.parse import MAX_TEXT
from index.filters.predicates import (
    All,
    AnyOf,
    Between,
    Filter,
    Has,
    Leaf,
    Not,
    OneOf,
    Value,
    value_of,
    values_of,
)
from training.catalogue.item_rules import is_unicode

SCHEMA = """
CREATE TABLE postings (
    field TEXT NOT NULL,
    value NOT NULL,
    item_rows BLOB NOT NULL,
    PRIMARY KEY (field, value)
) WITHOUT ROWID
"""
_STAGE = "CREATE TEMP TABLE stage (field TEXT, value, item_row INTEGER)"
_GATHER = (
    "INSERT INTO postings SELECT field, value, gathered(item_row) FROM stage GROUP BY 1, 2 ORDER BY 1, 2"
)
_ROWS = np.dtype("<u4")
_ANY = b"\xff"  # the value whose posting lists the rows that have any value of the field

Ask = Callable[..., list[tuple]]
Lay = Callable[[Leaf, np.ndarray], None]


class _Gathered:
    """An aggregate of SQLite: the rows of a group as one value, in any order."""

    def __init__(self) -> None:
        self._rows = array("I")

    def step(self, row: int) -> None:
        self._rows.append(row)

    def finalize(self) -> bytes:
        return np.asarray(self._rows, _ROWS).tobytes()


def posted_value(value: Value) -> Value:
    """Truncate a text beyond what a filter can ask for, which changes no comparison."""
    return value[: MAX_TEXT + 1] if isinstance(value, str) else value


def posted(content: Any) -> list[Value]:
    """Return the different values of a metadata field that holds `content`, in their order."""
    if isinstance(content, (list, tuple)):
        return list(dict.fromkeys(map(posted_value, values_of(content))))
    return [] if (value := value_of(content)) is None else [posted_value(value)]


def _entries(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[tuple[str, Value, int]]:
    for row, metadata in rows:
        for field, content in metadata.items():
            values = posted(content) if is_unicode(field) else []
            yield from ((field, value, row) for value in [*values, _ANY] if values)


def write_postings(connection: sqlite3.Connection, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Make the table of postings.

    Parameters
    ----------
    connection : sqlite3.Connection
    rows : iterable of (int, mapping)
        Row and metadata of each item.
    """
    connection.create_aggregate("gathered", 1, _Gathered)  # type: ignore[arg-type]
    connection.execute(SCHEMA)
    connection.execute(_STAGE)
    connection.executemany("INSERT INTO stage VALUES (?, ?, ?)", _entries(rows))
    connection.execute(_GATHER)
    connection.execute("DROP TABLE stage")


@dataclass(frozen=True, eq=False)
class PostedValues:
    """The different values of one field, row by row.

    Parameters
    ----------
    table : list of Value
        Ascending.
    starts : int64 (n + 1,)
        Where each row's codes start in `codes`; the last is their number.
    codes : int32 (m,)
        Places in `table`.
    """

    table: list[Value]
    starts: np.ndarray
    codes: np.ndarray

    def at(self, rows: np.ndarray) -> FieldValues:
        """Return the values of the given rows, int64 (k,), by their places there; row -1 has none."""
        first = self.starts[rows]
        counts = np.where(rows >= 0, self.starts[rows + 1] - first, 0)
        places = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(places)) + np.repeat(first + counts - np.cumsum(counts), counts)
        codes = self.codes[within].astype(np.int64)
        return FieldValues(places, codes, self.table)


def _found(where: Leaf, ask: Ask) -> list[tuple]:
    query = "SELECT item_rows FROM postings WHERE field = ? AND value "
    if isinstance(where, Has):
        return ask(f"{query} = ?", where.field, _ANY)
    if isinstance(where, OneOf):
        marks = ", ".join("?" * len(where.values))
        return ask(f"{query} IN ({marks})", where.field, *where.values)
    above, below = ">" if where.low_open else ">=", "<" if where.high_open else "<="
    return ask(f"{query} {above} ? AND value {below} ?", where.field, where.low, where.high)


def has_field(field: str, ask: Ask) -> bool:
    """Return whether a row has a value of a field; `ask` as for `passing`."""
    return bool(ask("SELECT 1 FROM postings WHERE field = ? AND value = ?", field, _ANY))


def posted_values(field: str, count: int, ask: Ask) -> PostedValues:
    """Return the values of a field of the rows 0 to `count` - 1; `ask` as for `passing`."""
    query = "SELECT value, item_rows FROM postings WHERE field = ? AND value != ? ORDER BY value"
    found = ask(query, field, _ANY)
    rows = np.frombuffer(b"".join(each for _, each in found), _ROWS).astype(np.int64)
    codes = np.repeat(np.arange(len(found)), [len(each) // _ROWS.itemsize for _, each in found])
    rows, codes = np.divmod(np.unique(rows * len(found) + codes), max(len(found), 1))
    starts = np.searchsorted(rows, np.arange(count + 1))
    return PostedValues([value for value, _ in found], starts, codes.astype(np.int32))


def nothing_laid(where: Leaf, mask: np.ndarray) -> None:
    """Leave a mask as it is."""


def passing(where: Filter, count: int, ask: Ask, lay: Lay = nothing_laid) -> np.ndarray:
    """Return which of the rows 0 to `count` - 1 pass a filter: bool (count,).

    Parameters
    ----------
    where : Filter
    count : int
    ask : function
        Runs a query with its parameters and returns its rows.
    lay : function
        Corrects the mask of a filter on one field, for rows whose field has changed since.
    """
    match where:
        case Not(part):
            return ~passing(part, count, ask, lay)
        case All(parts):
            return np.logical_and.reduce(
                [passing(part, count, ask, lay) for part in parts] or [np.ones(count, bool)]
            )
        case AnyOf(parts):
            return np.logical_or.reduce(
                [passing(part, count, ask, lay) for part in parts] or [np.zeros(count, bool)]
            )
        case OneOf() | Between() | Has():
            mask = np.zeros(count, bool)
            rows = b"".join(found for (found,) in _found(where, ask))
            mask[np.frombuffer(rows, _ROWS)] = True
            lay(where, mask)
            return mask
    raise TypeError(f"{where!r} is not a filter of index.filters.predicates.")
