"""The values of one field that some items have, as arrays: places of the items, codes of the values."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from index.filters.predicates import (
    All,
    AnyOf,
    Between,
    Filter,
    Has,
    Not,
    OneOf,
    Value,
    in_order,
    order_key,
)


@dataclass(frozen=True, eq=False)
class FieldValues:
    """Pairs of an item and a value that it has, each pair once.

    Parameters
    ----------
    places : int64 (m,)
        Of the items.
    codes : int64 (m,)
        Places in `table`.
    table : sequence of Value
        Different values, ascending.
    """

    places: np.ndarray
    codes: np.ndarray
    table: Sequence[Value]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, Value]]) -> Self:
        """Return the values of items, each given after the place of its item."""
        places, values = zip(*found, strict=True) if (found := list(pairs)) else ((), ())
        table = in_order(set(values))
        code = dict(zip(table, range(len(table)), strict=True))
        codes = np.fromiter(map(code.__getitem__, values), np.int64, len(values))
        return cls(np.array(places, np.int64), codes, table)

    def pairs(self) -> list[tuple[int, Value]]:
        """Return each value after the place of its item."""
        return list(zip(self.places.tolist(), map(self.table.__getitem__, self.codes.tolist()), strict=True))

    def counts(self) -> dict[Value, int]:
        """Return how many items have each value."""
        codes, counts = np.unique(self.codes, return_counts=True)
        return dict(zip(map(self.table.__getitem__, codes.tolist()), counts.tolist(), strict=True))

    def passing(self, where: OneOf | Between | Has) -> np.ndarray:
        """Return the places of the items that pass a filter on the field, each once or more: int64 (k,)."""
        if isinstance(where, Has):
            return self.places
        if isinstance(where, OneOf):
            spans = [self._span(value, value) for value in where.values]
            codes = [code for span in spans for code in span]
            return self.places[np.isin(self.codes, codes)]
        found = self._span(where.low, where.high, low_open=where.low_open, high_open=where.high_open)
        return self.places[(self.codes >= found.start) & (self.codes < found.stop)]

    def _span(self, low: Value, high: Value, *, low_open: bool = False, high_open: bool = False) -> range:
        """Return the codes of the values between two."""
        first, last = (
            (bisect_right if low_open else bisect_left),
            (bisect_left if high_open else bisect_right),
        )
        start = first(self.table, order_key(low), key=order_key)
        return range(start, max(start, last(self.table, order_key(high), key=order_key)))


Values = Callable[[str], FieldValues]
"""Returns the values of a field that items have, by their places."""


def mask_of(where: Filter, values: Values, count: int) -> np.ndarray:
    """Return which of `count` items pass a filter: bool (count,).

    Parameters
    ----------
    where : Filter
    values : callable
    count : int
    """
    match where:
        case Not(part):
            return ~mask_of(part, values, count)
        case All(parts):
            return np.logical_and.reduce(
                [np.ones(count, bool), *(mask_of(part, values, count) for part in parts)]
            )
        case AnyOf(parts):
            return np.logical_or.reduce(
                [np.zeros(count, bool), *(mask_of(part, values, count) for part in parts)]
            )
        case OneOf(field) | Between(field) | Has(field):
            mask = np.zeros(count, bool)
            mask[values(field).passing(where)] = True
            return mask
    raise TypeError(f"{where!r} is not a filter of index.filters.predicates.")
