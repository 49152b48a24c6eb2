"""What an item may be, whichever way it comes: in a catalogue, over HTTP or from the command line."""

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from training.errors import InvalidItem

LONGEST_ID = 255
"""Characters: percent-encoded, two of them and what else an explanation takes fit into 8,190 bytes."""

MOST_PHOTOGRAPHS = 20

METADATA_BYTES = 32_768
METADATA_DEPTH = 16

ACCEPTED_ID = (
    f"Accepted: 1 to {LONGEST_ID} characters without control characters and line breaks, and no part '.' or "
    "'..' between slashes."
)
ACCEPTED_PHOTOGRAPHS = f"Accepted: 1 to {MOST_PHOTOGRAPHS} photographs."
ACCEPTED_METADATA = (
    f"Accepted: an object of up to {METADATA_BYTES:,} bytes in JSON, nested up to {METADATA_DEPTH} deep."
)

_CONTROLS = {"Cc", "Zl", "Zp"}  # categories of Unicode
_NESTING, _AS_IT_IS = (dict, list), (str, int, type(None))
_in_json = json.JSONEncoder(ensure_ascii=False).encode


def is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogates, which file names and JSON can contain."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem_of_id(item_id: str) -> str:
    if not item_id:
        return "is empty"
    if len(item_id) > LONGEST_ID:
        return f"has {len(item_id):,} characters"
    if not is_unicode(item_id):
        return "is not valid Unicode"
    if not item_id.isprintable():
        controls = [sign for sign in item_id if unicodedata.category(sign) in _CONTROLS]
        if controls:
            return f"holds the control character {controls[0]!r}"
    if not {".", ".."}.isdisjoint(item_id.split("/")):  # which clients resolve in an address
        return "has a part '.' or '..'"
    return ""


def checked_id(item_id: str) -> str:
    """Return an id that an item may have; raises `InvalidItem` for one that it may not."""
    if problem := _problem_of_id(item_id):
        raise InvalidItem(f"The item id {problem}. {ACCEPTED_ID}")
    return item_id


def check_photographs(count: int) -> None:
    """Raise `InvalidItem` for a number of photographs that an item may not have."""
    if not 1 <= count <= MOST_PHOTOGRAPHS:
        raise InvalidItem(f"The item has {count:,} photographs. {ACCEPTED_PHOTOGRAPHS}")


def _stored(value: Any, depth: int = 1) -> Any:
    """Return a value with null in place of NaN and infinity, which are no JSON, and so in all that it holds.

    Raises
    ------
    InvalidItem
        It is nested too deep.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, _NESTING):
        return value
    if value and depth > METADATA_DEPTH:
        raise InvalidItem(f"The metadata is nested too deep. {ACCEPTED_METADATA}")
    if isinstance(value, list):
        return [inner if isinstance(inner, _AS_IT_IS) else _stored(inner, depth + 1) for inner in value]
    return {
        name: inner if isinstance(inner, _AS_IT_IS) else _stored(inner, depth + 1)
        for name, inner in value.items()
    }


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata as it is stored: null for an empty category, for NaN and for infinity.

    Raises
    ------
    InvalidItem
        It is too large, nested too deep, or not what JSON can hold.
    """
    stored: dict[str, Any] = _stored(metadata)
    if stored.get("category") == "":
        stored["category"] = None
    try:
        size = len(_in_json(stored).encode())
    except (TypeError, ValueError) as error:  # a lone surrogate is a ValueError
        reason = "a text is not valid Unicode" if isinstance(error, UnicodeError) else error
        raise InvalidItem(f"The metadata can't be stored: {reason}. {ACCEPTED_METADATA}") from error
    if size > METADATA_BYTES:
        raise InvalidItem(f"The metadata has {size:,} bytes. {ACCEPTED_METADATA}")
    return stored


def category_in(metadata: Mapping[str, Any]) -> str | None:
    """Return the ``category`` of an item's metadata as text; None where it is missing or empty."""
    value = metadata.get("category")
    return None if value is None or value == "" else str(value)
