"""Facets: what items can be filtered by, fields of values that items share and fields of numbers."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index.filters.predicates import TEXTS, Value, value_of

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
_VALUES = f"""
SELECT value, length(item_rows) / 4 AS items FROM postings
WHERE field = ? AND (value >= ? AND value < ? OR value IN (?, ?))
ORDER BY items DESC, value LIMIT {MOST_VALUES}
"""
_NUMBER = "SELECT value FROM postings WHERE field = ? AND value < '' ORDER BY value {} LIMIT 1"
_RESERVED = ("and", "or", "not")
_BOOLEANS = {value_of(value): value for value in (False, True)}

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IDS = {"id", "ids", "uuid", "guid", "sku", "gtin", "ean", "upc", "isbn", "mpn", "barcode", "handle"}
_LINKS = {"link", "links", "url", "urls", "uri", "href", "path", "file", "filename", "image", "images"}
_SPLITS = {"split", "subset", "fold", "partition"}
_PARTS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
_ADDRESS = re.compile(r"(\w+:)?//\S+")

Ask = Callable[..., list[tuple]]


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


def _values(field: str, ask: Ask) -> Facet | None:
    found = ask(_VALUES, field, *TEXTS, *_BOOLEANS)
    found = [(_BOOLEANS.get(value, value), items) for value, items in found if _fits(value)]
    return Facet(field, tuple(found)) if found else None


def _numbers(field: str, ask: Ask) -> Facet | None:
    ends = [value for order in ("ASC", "DESC") for (value,) in ask(_NUMBER.format(order), field)]
    if len(ends) < 2 or ends[0] == ends[1] or not all(math.isfinite(end) for end in ends):
        return None
    return Facet(field, lowest=ends[0], highest=ends[1])


def _last_word(field: str) -> str:
    return [field, *_WORDS.findall(field)][-1].lower()


def _helps(facet: Facet) -> bool:
    """Return whether a facet is likely to help to choose: no id, no link, no split, and values are shared."""
    if _last_word(facet.field) in _IDS | _LINKS | _SPLITS:
        return False
    if not facet.values:
        return True
    texts = {str(value).lower() for value, _ in facet.values}
    count, items = len(facet.values), sum(items for _, items in facet.values)
    is_shared = items > count if count <= FEW else items >= 2 * count
    return count > 1 and is_shared and not texts <= _PARTS and not all(map(_ADDRESS.fullmatch, texts))


def all_facets(ask: Ask) -> list[Facet]:
    """Return a facet for each field that has values, or different numbers, by name.

    A field that has texts or booleans is one of values, whatever else it has.

    Parameters
    ----------
    ask : function
        Runs a query with its parameters on a database that has postings, and returns its rows.
    """
    fields = [field for (field,) in ask(_FIELDS) if field not in _RESERVED and len(field) <= LONGEST]
    found = [_values(field, ask) or _numbers(field, ask) for field in fields]
    return [facet for facet in found if facet is not None]


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
