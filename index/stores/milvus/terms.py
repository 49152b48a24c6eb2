"""Metadata as Milvus compares it: terms, of which an item has some, and keys that sort as their values do.

A term is a digest of a field and a value, so that any text of any length is 24 plain characters, and nothing
that a user wrote ever stands in an expression.
"""

import json
import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from index.filters.parse import MAX_TEXT
from index.filters.predicates import Value, values_of
from training.catalogue.item_rules import is_unicode

TERM_BYTES = 12
_HIGHEST_BIT, _ALL_BITS = 1 << 63, (1 << 64) - 1
_REST = 1024  # an integer of 64 bits is at most 512 from its nearest float


def _term(*words: Any) -> str:
    return blake2b(json.dumps(words).encode(), digest_size=TERM_BYTES).hexdigest()


def has(field: str) -> str:
    """Return the term of every item that has a value of a field."""
    return _term("has", field)


def has_many(field: str, position: int) -> str:
    """Return the term of every item that has more than `position` different values of a field."""
    return _term("many", field, position) if position else has(field)


def equals(field: str, value: Value) -> str:
    """Return the term of every item of which a value of a field is `value`."""
    return _term("equals", field, sort_key(value))


def column(field: str) -> str:
    """Return the name under which `sort_keys` holds the values of a field."""
    return _term("field", field)


def _number_key(number: int | float) -> str:
    """Sort by the nearest float, and integers that share it by how far they are from it."""
    nearest = float(number) + 0.0  # which makes -0.0 the same as 0.0
    (bits,) = struct.unpack(">Q", struct.pack(">d", nearest))
    ascending = bits ^ (_ALL_BITS if bits & _HIGHEST_BIT else _HIGHEST_BIT)
    rest = 0 if isinstance(number, float) else number - int(nearest)
    return f"1{ascending:016x}{rest + _REST:04x}"


def sort_key(value: Value) -> str:
    """Return an ASCII text that sorts, and is equal, as the value does: numbers, then texts, then booleans.

    Texts count up to the first character that no filter can ask for.
    """
    if isinstance(value, str):
        return "2" + value[: MAX_TEXT + 1].encode().hex()
    return "3" + value.hex() if isinstance(value, bytes) else _number_key(value)


def _fields(metadata: Mapping[str, Any]) -> dict[str, list[Value]]:
    """Return the different values of each field that has any."""
    fields = {field: list(dict.fromkeys(values_of(content))) for field, content in metadata.items()}
    return {field: values for field, values in fields.items() if values and is_unicode(field)}


def terms_of(metadata: Mapping[str, Any]) -> list[str]:
    """Return all terms of an item of that metadata."""
    return [
        term
        for field, values in _fields(metadata).items()
        for position, value in enumerate(values)
        for term in (has_many(field, position), equals(field, value))
    ]


def sort_keys(metadata: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the keys of the values of each field, by `column`."""
    return {
        column(field): [sort_key(value) for value in values] for field, values in _fields(metadata).items()
    }
