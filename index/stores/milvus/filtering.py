"""Filters in Milvus's language, without the cases in which its engines answer differently.

Comparing what an item does not have is true in one engine and unknown in another, whose complement is unknown
again. So a comparison always stands behind a term that says that there is something to compare, and what is
joined and negated is only ever true or false.
"""

import json
from collections.abc import Callable, Sequence

from index.filters.predicates import All, AnyOf, Between, Filter, Has, Not, OneOf
from index.stores.milvus import terms

EVERYTHING, NOTHING = "row >= 0", "row < 0"

Longest = Callable[[str], int]


def contains(*wanted: str) -> str:
    """Return what is true for items that have one of the terms."""
    if len(wanted) == 1:
        return f'array_contains(terms, "{wanted[0]}")'
    return f"array_contains_any(terms, {json.dumps(wanted)})"


def joined(parts: Sequence[str], word: str) -> str:
    """Join with "and" or "or", as a balanced tree: Milvus's time to read a chain grows with its square."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({joined(parts[:middle], word)} {word} {joined(parts[middle:], word)})"


def _between(where: Between, position: int) -> str:
    value = f'sort_keys["{terms.column(where.field)}"][{position}]'
    low = f'{value} {">" if where.low_open else ">="} "{terms.sort_key(where.low)}"'
    high = f'{value} {"<" if where.high_open else "<="} "{terms.sort_key(where.high)}"'
    return f"({contains(terms.has_many(where.field, position))} and {low} and {high})"


def expression(where: Filter | None, longest: Longest) -> str:
    """Return a filter as Milvus reads it.

    Parameters
    ----------
    where : Filter or None
    longest : callable
        Returns how many different values of a field an item has at most: at least 1.
    """
    match where:
        case None:
            return EVERYTHING
        case OneOf(field, values):
            return contains(*(terms.equals(field, value) for value in values)) if values else NOTHING
        case Has(field):
            return contains(terms.has(field))
        case Between(field):
            return joined([_between(where, position) for position in range(longest(field))], "or")
        case Not(part):
            return f"not ({expression(part, longest)})"
        case All(parts):
            return joined([expression(part, longest) for part in parts] or [EVERYTHING], "and")
        case AnyOf(parts):
            return joined([expression(part, longest) for part in parts] or [NOTHING], "or")
    raise TypeError(f"{where!r} is not a filter of index.filters.predicates.")
