"""Filters on metadata, from their JSON form to the algebra of `index.filters.predicates`."""

import reprlib
from collections.abc import Mapping
from typing import Any

from index.errors import InvalidFilter
from index.filters.predicates import (
    NUMBERS,
    TEXTS,
    All,
    AnyOf,
    Between,
    Filter,
    Has,
    Not,
    OneOf,
    Value,
    value_of,
)
from training.catalogue.item_rules import is_unicode

MAX_DEPTH = 16
MAX_ENTRIES = 1000
MAX_TEXT = 255

_LOWER, _UPPER = ("gt", "gte"), ("lt", "lte")
_OPERATORS = ("eq", "ne", "in", *_LOWER, *_UPPER)


def _check_size(content: Any, depth: int = 1) -> int:
    """Return how many entries a filter has, at all depths."""
    if not isinstance(content, Mapping | list):
        return 0
    if depth > MAX_DEPTH:
        raise InvalidFilter(f"The filter is nested more than {MAX_DEPTH} deep. Write it flatter.")
    inner = content.values() if isinstance(content, Mapping) else content
    entries = len(inner) + sum(_check_size(element, depth + 1) for element in inner)
    if entries > MAX_ENTRIES:
        raise InvalidFilter(f"The filter has more than {MAX_ENTRIES:,} entries. Use fewer values.")
    return entries


def _compared(field: str, content: Any) -> Value:
    value = value_of(content)
    if value is None or (isinstance(value, str) and len(value) > MAX_TEXT):
        raise InvalidFilter(
            f"Field '{field}' can't be compared with {reprlib.repr(content)}. "
            f"Accepted: a text of up to {MAX_TEXT} characters, a number, true, false; null in eq, ne and in."
        )
    return value


def _listed(field: str, operator: str, content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise InvalidFilter(
            f"'{operator}' of the field '{field}' takes a list and not {reprlib.repr(content)}."
        )
    return content


def _one_of(field: str, contents: list[Any]) -> Filter:
    """Return the filter for any of `contents`; null stands for 'no value'."""
    values = OneOf(field, tuple(_compared(field, content) for content in contents if content is not None))
    if None not in contents:
        return values
    without = Not(Has(field))
    return AnyOf((values, without)) if values.values else without


def _bound(field: str, condition: Mapping[str, Any], operators: tuple[str, str]) -> tuple[Value | None, bool]:
    """Return the bound that one of two operators names, and whether it is open; None without one."""
    named = [operator for operator in operators if operator in condition]
    if not named:
        return None, False
    if len(named) == 2:
        raise InvalidFilter(f"Field '{field}' has both '{named[0]}' and '{named[1]}'. Keep one of them.")
    value = _compared(field, condition[named[0]])
    if isinstance(value, bytes):
        raise InvalidFilter(f"'{named[0]}' of the field '{field}' takes a number or a text, not a boolean.")
    return value, named[0] in ("gt", "lt")


def _between(field: str, condition: Mapping[str, Any]) -> Between:
    low, low_open = _bound(field, condition, _LOWER)
    high, high_open = _bound(field, condition, _UPPER)
    texts = {isinstance(value, str) for value in (low, high) if value is not None}
    if len(texts) == 2:
        raise InvalidFilter(f"Field '{field}' has a number and a text as bounds. Use two of the same type.")
    lowest, highest = TEXTS if texts == {True} else NUMBERS
    low = lowest if low is None else low
    high = highest if high is None else high
    return Between(field, low, high, low_open=low_open, high_open=high_open)


def _operators(field: str, condition: Mapping[str, Any]) -> Filter:
    if not condition or not all(operator in _OPERATORS for operator in condition):
        raise InvalidFilter(
            f"Field '{field}' has the operators {reprlib.repr(list(condition))}. "
            f"Use one or more of: {', '.join(_OPERATORS)}."
        )
    parts: list[Filter] = []
    if "eq" in condition:
        parts.append(_one_of(field, [condition["eq"]]))
    if "ne" in condition:
        parts.append(Not(_one_of(field, [condition["ne"]])))
    if "in" in condition:
        parts.append(_one_of(field, _listed(field, "in", condition["in"])))
    if any(operator in condition for operator in (*_LOWER, *_UPPER)):
        parts.append(_between(field, condition))
    return _all(parts)


def _field(name: Any, condition: Any) -> Filter:
    if not (isinstance(name, str) and is_unicode(name)):
        raise InvalidFilter(
            f"{reprlib.repr(name)} is not a valid field name. Names are text in valid Unicode."
        )
    if isinstance(condition, Mapping):
        return _operators(name, condition)
    return _one_of(name, condition if isinstance(condition, list) else [condition])


def _entry(name: Any, condition: Any) -> Filter:
    if name == "not":
        return Not(_object(condition))
    if name in ("and", "or"):
        if not isinstance(condition, list):
            raise InvalidFilter(f"'{name}' takes a list of filters, not {reprlib.repr(condition)}.")
        parts = tuple(_object(part) for part in condition)
        return All(parts) if name == "and" else AnyOf(parts)
    return _field(name, condition)


def _all(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _object(fields: Any) -> Filter:
    if not isinstance(fields, Mapping):
        raise InvalidFilter(
            f'A filter is an object such as {{"category": ["dress"]}}, not {reprlib.repr(fields)}.'
        )
    return _all([_entry(name, condition) for name, condition in fields.items()])


def parse_filter(fields: Mapping[str, Any]) -> Filter:
    """Return the filter that a JSON object describes; all of its entries must be fulfilled.

    Parameters
    ----------
    fields : mapping
        ``{"field": value}``, ``{"field": [values]}`` and ``{"field": {operator: value}}`` with the operators
        eq, ne, in, gt, gte, lt and lte (several of them must all hold; bounds hold for one and the same
        value of a list), ``{"and": [filters]}``, ``{"or": [filters]}`` and ``{"not": filter}``. The value
        null stands for a field that is missing, null, or holds nothing that can be compared. A field that
        is called and, or or not can't be asked for.

    Raises
    ------
    InvalidFilter
        It is not a valid filter, is nested more than 16 deep, has more than 1,000 entries or a text of over
        255 characters.
    """
    _check_size(fields)
    return _object(fields)
