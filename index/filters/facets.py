"""Facets: what items can be filtered by, fields of values that items share and fields of numbers."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from index.filters.predicates import TEXTS, Value, order_key, value_of

MOST_VALUES = 10_000
MOST_FIELDS = 8
LONGEST = 60
FEW = 24

_FIELDS = """
WITH RECURSIVE fields(field) AS (
    SELECT min(field) FROM postings
    UNION ALL
    SELECT (SELECT min(field) FROM postings WHERE field > fields.field) FROM fields WHERE field IS NOT NULL
)
SELECT field FROM fields WHERE field IS NOT NULL
"""
_VALUES = """
SELECT value, length(item_rows) / 4 AS items FROM postings
WHERE field = ? AND (value >= ? AND value < ? OR value IN (?, ?))
ORDER BY items DESC, value LIMIT ?
"""
_AMONG = """
SELECT value, length(item_rows) / 4 FROM postings
WHERE field = ? AND (value IN (SELECT value FROM json_each(?)) OR value IN (?, ?))
"""
_NUMBERS = """
SELECT value, length(item_rows) / 4 FROM postings WHERE field = ? AND value < '' ORDER BY value {} LIMIT ?
"""
_RESERVED = ("and", "or", "not")
_BOOLEANS = {value_of(value): value for value in (False, True)}

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IDS = {"id", "ids", "uuid", "guid", "sku", "gtin", "ean", "upc", "isbn", "mpn", "barcode", "handle"}
_LINKS = {"link", "links", "url", "urls", "uri", "href", "path", "file", "filename", "image", "images"}
_TITLES = {
    "title",
    "titel",
    "name",
    "produktname",
    "artikelname",
    "bezeichnung",
    "description",
    "beschreibung",
}
_NAMED = {"product", "item", "display", "produkt", "artikel"}
"""What a `name` is of that is a title; one of a brand or a colour is shared."""

_SPLITS = {"split", "subset", "fold", "partition"}
_PARTS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
_ADDRESS = re.compile(r"(\w+:)?//\S+")

Ask = Callable[..., list[tuple]]

Differences = Mapping[str, Mapping[Value, int]]
"""By field and value, how many more items have it, or fewer, than the postings say."""


@dataclass(frozen=True)
class Facet:
    """A field to filter by.

    Parameters
    ----------
    field : str
    values : tuple of (str or bool, int)
        Each value with the number of items that have it, the most common first, at most `MOST_VALUES`; empty
        for a field of numbers.
    lowest, highest : float
        The range of a field of numbers.
    """

    field: str
    values: tuple[tuple[str | bool, int], ...] = ()
    lowest: float = 0.0
    highest: float = 0.0


def _fits(value: Value) -> bool:
    return not isinstance(value, str) or 0 < len(value) <= LONGEST


def _values(field: str, ask: Ask, more: Mapping[Value, int]) -> Facet | None:
    changed = [value for value in more if isinstance(value, str | bytes)]
    items: dict[Any, int] = dict(ask(_VALUES, field, *TEXTS, *_BOOLEANS, MOST_VALUES + len(changed)))
    if changed:
        texts = json.dumps([value for value in changed if isinstance(value, str)])
        items |= ask(_AMONG, field, texts, *_BOOLEANS)
    for value in changed:
        items[value] = items.get(value, 0) + more[value]
    found = sorted(items.items(), key=lambda pair: (-pair[1], order_key(pair[0])))[:MOST_VALUES]
    counted = tuple(
        (_BOOLEANS.get(value, value), count) for value, count in found if count > 0 and _fits(value)
    )
    return Facet(field, counted) if counted else None


def _numbers(field: str, ask: Ask, more: Mapping[Value, int]) -> Facet | None:
    changed = {value: count for value, count in more.items() if isinstance(value, int | float)}
    added = [value for value, count in changed.items() if count > 0]

    def end(order: str, choose: Callable[..., float]) -> float:
        built = ask(_NUMBERS.format(order), field, len(changed) + 1)
        left = [value for value, items in built if items + changed.get(value, 0) > 0]
        return choose([*left[:1], *added], default=math.nan)

    lowest, highest = end("ASC", min), end("DESC", max)
    if lowest == highest or not (math.isfinite(lowest) and math.isfinite(highest)):
        return None
    return Facet(field, lowest=lowest, highest=highest)


def _is_left_out(field: str) -> bool:
    """Return whether a field's name says that it is an id, a link, a title or a split."""
    words = [word.lower() for word in _WORDS.findall(field)] or [field.lower()]
    if words[-1] == "name" and len(words) > 1 and words[-2] not in _NAMED:
        return False
    return words[-1] in _IDS | _LINKS | _TITLES | _SPLITS


def _helps(facet: Facet) -> bool:
    """Return whether a facet is likely to help to choose: no id, link, title or split; values are shared."""
    if _is_left_out(facet.field):
        return False
    if not facet.values:
        return True
    texts = {str(value).lower() for value, _ in facet.values}
    count, items = len(facet.values), sum(items for _, items in facet.values)
    is_shared = items > count if count <= FEW else items >= 2 * count
    return count > 1 and is_shared and not texts <= _PARTS and not all(map(_ADDRESS.fullmatch, texts))


def facets_of(fields: Iterable[str], ask: Ask, differences: Differences) -> list[Facet]:
    """Return a facet for each of some fields that has values, or different numbers.

    A field that has texts or booleans is one of values, whatever else it has.

    Parameters
    ----------
    fields : iterable of str
    ask : function
        Runs a query with its parameters on a database that has postings, and returns its rows.
    differences : mapping
        What has changed since the postings were written.
    """
    named = [field for field in fields if field not in _RESERVED and len(field) <= LONGEST]
    more = {field: differences.get(field, {}) for field in named}
    found = [_values(field, ask, more[field]) or _numbers(field, ask, more[field]) for field in named]
    return [facet for facet in found if facet is not None]


def all_facets(ask: Ask) -> list[Facet]:
    """Return the facets of all fields of the postings, by name; `ask` as for `facets_of`."""
    return facets_of([field for (field,) in ask(_FIELDS)], ask, {})


def offered(facets: Sequence[Facet], fields: Sequence[str] = ()) -> list[Facet]:
    """Return the facets that a page offers.

    Parameters
    ----------
    facets : sequence of Facet
        Those of all fields.
    fields : sequence of str
        The fields that are wanted, in their order; those that there are. Without them the first `MOST_FIELDS`
        that are likely to help to choose: the category, then fields of values, then fields of numbers.
    """
    if fields:
        known = {facet.field: facet for facet in facets}
        return [known[field] for field in fields if field in known]
    found = sorted(filter(_helps, facets), key=lambda facet: (facet.field != "category", not facet.values))
    return found[:MOST_FIELDS]
