"""JSON as everything here reads it: an object that names a key twice is refused, however deep it lies."""

import json
from typing import Any


class RepeatedKey(ValueError):
    """An object has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:60]!r} is given twice")
        self.key = key[:60]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise RepeatedKey(key)
            seen.add(key)
    return values


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text holds.

    Raises
    ------
    RepeatedKey
        Of two values of one key, Python would silently take the last.
    ValueError, RecursionError
        It is no JSON.
    """
    return json.loads(text, object_pairs_hook=_object)
