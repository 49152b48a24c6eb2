"""Metadata fields laid over rows, as columns in memory, so that filters need not look at items one by one.

Columns are immutable: what changes is copied, a few bytes a value, so that a search ends on those that it
began with.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from index.filters.predicates import Between, Has, Leaf, OneOf, Value, values_of

_EXACT = 2.0**53  # integers up to which a float holds each

Pairs = list[tuple[int, Value]]


def _is_exact(value: Value) -> bool:
    """Return whether a number is the same as a float; a text counts, as it is compared with none."""
    return not isinstance(value, int) or abs(value) <= _EXACT


def _objects(values: Iterable[Value]) -> np.ndarray:
    listed = list(values)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array


@dataclass(frozen=True, eq=False)
class _Values:
    """Values of one type, and the row of each.

    Parameters
    ----------
    values : float64 (k,) or object (k,)
    rows : int64 (k,)
    """

    values: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, pairs: Pairs, dtype: type) -> Self:
        values = [value for _, value in pairs]
        rows = np.array([row for row, _ in pairs], np.int64)
        return cls(np.array(values, np.float64) if dtype is float else _objects(values), rows)

    def followed_by(self, other: Self, changed: np.ndarray) -> Self:
        """Return those of the rows that are not in a mask, bool (n,), and others behind them."""
        kept = ~changed[self.rows]
        return type(self)(
            np.concatenate([self.values[kept], other.values]), np.concatenate([self.rows[kept], other.rows])
        )

    def equal(self, wanted: tuple[Value, ...]) -> np.ndarray:
        """Return the rows of the values that are among those wanted."""
        if self.values.dtype == object:
            among = frozenset(wanted)
            return self.rows[np.fromiter((value in among for value in self.values), bool, len(self.values))]
        numbers = [float(value) for value in wanted if isinstance(value, int | float) and _is_exact(value)]
        return self.rows[np.isin(self.values, numbers)]

    def between(self, where: Between) -> np.ndarray:
        """Return the rows of the values within bounds of their type."""
        values = self.values
        if not (_is_exact(where.low) and _is_exact(where.high)):
            values = values.astype(object)
        found = values > where.low if where.low_open else values >= where.low
        if not isinstance(where.high, bytes):  # which lies above all texts
            found &= values < where.high if where.high_open else values <= where.high
        return self.rows[found.astype(bool)]


@dataclass(frozen=True, eq=False)
class Column:
    """One field of some rows.

    Parameters
    ----------
    field : str
    laid : bool (n,)
        The rows whose field this is; those without a value of it have lost theirs.
    numbers, texts, others : _Values
        Others are booleans, and integers that no float holds.
    """

    field: str
    laid: np.ndarray
    numbers: _Values
    texts: _Values
    others: _Values

    @classmethod
    def of(cls, name: str, contents: Mapping[int, Any], count: int) -> Self:
        """Return the column of a field: what it holds by row, of `count` rows."""
        laid = np.zeros(count, bool)
        laid[list(contents)] = True
        pairs = [(row, value) for row, content in contents.items() for value in values_of(content)]
        kinds: tuple[Pairs, Pairs, Pairs] = ([], [], [])
        for row, value in pairs:
            exact = not isinstance(value, bytes | str) and _is_exact(value)
            kinds[0 if exact else 1 if isinstance(value, str) else 2].append((row, value))
        numbers, texts, others = kinds
        return cls(
            name, laid, _Values.of(numbers, float), _Values.of(texts, object), _Values.of(others, object)
        )

    def followed_by(self, other: "Column", changed: np.ndarray) -> "Column":
        """Return this column with the rows of a mask, bool (n,), as another one has them."""
        return Column(
            self.field,
            (self.laid & ~changed) | other.laid,
            self.numbers.followed_by(other.numbers, changed),
            self.texts.followed_by(other.texts, changed),
            self.others.followed_by(other.others, changed),
        )

    def rows(self, where: Leaf) -> np.ndarray:
        """Return the rows that have a value which passes, one for each such value: int64 (m,)."""
        if isinstance(where, Has):
            return np.concatenate([self.numbers.rows, self.texts.rows, self.others.rows])
        if isinstance(where, OneOf):
            parts = (self.numbers, self.texts, self.others)
            return np.concatenate([part.equal(where.values) for part in parts])
        if isinstance(where.low, str):
            return self.texts.between(where)
        others = zip(self.others.rows.tolist(), self.others.values, strict=True)
        big = [row for row, value in others if where.matches({where.field: value})]
        return np.concatenate([self.numbers.between(where), np.array(big, np.int64)])

    def at(self, rows: np.ndarray) -> tuple[np.ndarray, Pairs]:
        """Return which of different rows, int64 (k,), have their field here, and its values by their places.

        Row -1 has none.
        """
        places = np.full(len(self.laid), -1)
        places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        pairs: Pairs = []
        for part in (self.numbers, self.texts, self.others):
            found = places[part.rows]
            kept = np.flatnonzero(found >= 0)
            pairs += zip(found[kept].tolist(), part.values[kept].tolist(), strict=True)
        return (rows >= 0) & self.laid[rows], pairs


@dataclass(frozen=True, eq=False)
class Columns:
    """The fields that are laid over some of `count` rows."""

    count: int
    fields: Mapping[str, Column] = field(default_factory=dict)

    def laid(self, contents: Mapping[int, Mapping[str, Any]]) -> Self:
        """Return these columns with new contents of some rows.

        Parameters
        ----------
        contents : mapping of int to mapping
            All fields laid over each of these rows, which may be none; those from before are gone.
        """
        if not contents:
            return self
        changed = np.zeros(self.count, bool)
        changed[list(contents)] = True
        by_field: dict[str, dict[int, Any]] = {}
        for row, laid in contents.items():
            for name, content in laid.items():
                by_field.setdefault(name, {})[row] = content
        fields = dict(self.fields)
        for name in {*fields, *by_field}:
            new = Column.of(name, by_field.get(name, {}), self.count)
            if name not in fields:
                fields[name] = new
            elif name in by_field or (fields[name].laid & changed).any():
                fields[name] = fields[name].followed_by(new, changed)
        return type(self)(self.count, fields)

    def has_field(self, name: str) -> bool:
        """Return whether a row has a value of a field here."""
        return name in self.fields and bool(len(self.fields[name].rows(Has(name))))

    def lay(self, where: Leaf, passing: np.ndarray) -> None:
        """Set which of the rows pass a filter where its field is laid over them, in a mask: bool (n,)."""
        column = self.fields.get(where.field)
        if column is not None:
            passing[column.laid] = False
            passing[column.rows(where)] = True
