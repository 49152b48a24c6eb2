"""Facets: what items can be filtered by, fields with few different values and fields of numbers."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from index.filters.predicates import TEXTS, Value, value_of

MOST_VALUES = 24
MOST_FIELDS = 8
LONGEST = 60

_FIELDS = """
WITH RECURSIVE fields(field) AS (
    SELECT min(field) FROM postings
    UNION ALL
    SELECT (SELECT min(field) FROM postings WHERE field > fields.field) FROM fields WHERE field IS NOT NULL
)
SELECT field FROM fields WHERE field IS NOT NULL
"""
_COUNTED = "SELECT value, length(item_rows) / 4 FROM postings WHERE field = ? AND "
_TEXTS = f"{_COUNTED} value >= ? AND value < ? LIMIT {MOST_VALUES + 1}"
_BOOLEANS = f"{_COUNTED} value IN (?, ?)"
_NUMBER = "SELECT value FROM postings WHERE field = ? AND value < '' ORDER BY value {} LIMIT 1"
_RESERVED = ("and", "or", "not")
_STORED = {value_of(value): value for value in (False, True)}

Ask = Callable[..., list[tuple]]


@dataclass(frozen=True)
class Facet:
    """A field to filter by.

    Parameters
    ----------
    field : str
    values : tuple of (str or bool, int)
        Each value with the number of items that have it, the most common first; empty for a field of numbers.
    lowest, highest : float
        The range of a field of numbers.
    """

    field: str
    values: tuple[tuple[str | bool, int], ...] = ()
    lowest: float = 0.0
    highest: float = 0.0


def _shown(value: Value) -> bool:
    return not isinstance(value, str) or 0 < len(value) <= LONGEST


def _values(field: str, ask: Ask) -> Facet | None:
    """Return the facet of a field whose values are few, and shared by items."""
    found = [*ask(_TEXTS, field, *TEXTS), *ask(_BOOLEANS, field, *_STORED)]
    found = [(value, count) for value, count in found if _shown(value)]
    few = 2 <= len(found) <= MOST_VALUES and sum(count for _, count in found) > len(found)
    if not few:
        return None
    found.sort(key=lambda pair: -pair[1])
    return Facet(field, tuple((_STORED.get(value, value), count) for value, count in found))


def _numbers(field: str, ask: Ask) -> Facet | None:
    """Return the facet of a field that has different numbers."""
    ends = [value for order in ("ASC", "DESC") for (value,) in ask(_NUMBER.format(order), field)]
    if len(ends) < 2 or ends[0] == ends[1] or not all(math.isfinite(end) for end in ends):
        return None
    return Facet(field, lowest=ends[0], highest=ends[1])


def _facets(ask: Ask) -> Iterator[Facet]:
    for (field,) in ask(_FIELDS):
        if field not in _RESERVED and len(field) <= LONGEST:
            facet = _values(field, ask) or _numbers(field, ask)
            if facet is not None:
                yield facet


def facets(ask: Ask) -> list[Facet]:
    """Return the facets in order: the category, then fields of values, then fields of numbers.

    Parameters
    ----------
    ask : function
        Runs a query with its parameters on a database that has postings, and returns its rows.
    """
    found = sorted(_facets(ask), key=lambda facet: (facet.field != "category", not facet.values))
    return found[:MOST_FIELDS]
