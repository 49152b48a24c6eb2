"""Predicates on an item's metadata: a small algebra of filters, and the values that it compares.

A field holds values: its text, number or boolean, or each such element of its list. Values of different types
are never equal. In order, numbers come first, then texts by code points, then booleans; a filter compares
only within numbers or within texts.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from training.catalogue.item_rules import is_unicode

Value = int | float | str | bytes

NUMBERS = (-math.inf, math.inf)
"""The lowest and the highest number."""

TEXTS = ("", b"")
"""The lowest text, and what lies above all texts."""

_FALSE, _TRUE = (
    b"\x00",
    b"\x01",
)  # booleans, distinct from 0 and 1 and sorted behind text, as SQLite sorts bytes
_INTEGERS = range(-(2**63), 2**63)


def _number(value: int | float) -> int | float:
    """Return an integer of up to 64 bits as it is, any other number as the nearest float."""
    if isinstance(value, float) or value in _INTEGERS:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def value_of(value: Any) -> Value | None:
    """Return the comparable form of a text, number or boolean; None for all else, such as null and NaN."""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, str):
        return value if is_unicode(value) else None
    if isinstance(value, (int, float)) and not math.isnan(value := _number(value)):
        return value
    return None


def values_of(content: Any) -> Iterator[Value]:
    """Yield the values of a metadata field that holds `content`, as they are compared."""
    for element in content if isinstance(content, list | tuple) else [content]:
        if (value := value_of(element)) is not None:
            yield value


def shown(value: Value) -> int | float | str | bool:
    """Return the boolean of its comparable form, and any other value as it is."""
    return value == _TRUE if isinstance(value, bytes) else value


def order_key(value: Value) -> tuple[int, Value]:
    """Return a key that sorts values as this module does: numbers, then texts, then booleans."""
    return (0 if isinstance(value, int | float) else 1 if isinstance(value, str) else 2), value


def in_order(values: Collection[Value]) -> list[Value]:
    """Return values as `order_key` sorts them; each type by itself, which takes a third of the time."""
    kinds = ((int, float), str, bytes)
    return [value for kind in kinds for value in sorted(each for each in values if isinstance(each, kind))]


class Filter(ABC):
    """A condition on an item's metadata; immutable, and comparable by value."""

    @abstractmethod
    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""


@dataclass(frozen=True)
class OneOf(Filter):
    """A value of the field is one of `values`."""

    field: str
    values: tuple[Value, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return any(value in self.values for value in values_of(metadata.get(self.field)))


@dataclass(frozen=True)
class Between(Filter):
    """A value of the field lies between `low` and `high`, both included unless open."""

    field: str
    low: Value
    high: Value
    low_open: bool = False
    high_open: bool = False

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return any(map(self._holds, values_of(metadata.get(self.field))))

    def _holds(self, value: Value) -> bool:
        low, place, high = order_key(self.low), order_key(value), order_key(self.high)
        return (low < place if self.low_open else low <= place) and (
            place < high if self.high_open else place <= high
        )


@dataclass(frozen=True)
class Has(Filter):
    """The field has a value at all."""

    field: str

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return any(True for _ in values_of(metadata.get(self.field)))


Leaf = OneOf | Between | Has
"""A filter on the values of one field."""


@dataclass(frozen=True)
class All(Filter):
    """Every one of `parts` is fulfilled; true where there are none."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return all(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True)
class AnyOf(Filter):
    """At least one of `parts` is fulfilled; false where there are none."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return any(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True)
class Not(Filter):
    """`part` is not fulfilled: the true complement, so that items without the field pass, too."""

    part: Filter

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Return whether an item with that metadata passes."""
        return not self.part.matches(metadata)


def fields_of(where: Filter) -> set[str]:
    """Return the names of the fields that a filter asks for."""
    match where:
        case OneOf(field) | Between(field) | Has(field):
            return {field}
        case Not(part):
            return fields_of(part)
        case All(parts) | AnyOf(parts):
            return set().union(*map(fields_of, parts))
    raise TypeError(f"{where!r} is not a filter of index.filters.predicates.")
