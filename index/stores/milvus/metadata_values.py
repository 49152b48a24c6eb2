"""Values of metadata fields by the text of JSON that they stand in, which Milvus sends with each row.

A text is parsed once. Whoever has changed a row, its text says what it holds now, so that nothing kept here
can be out of date.
"""

import json
import threading
from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np

from index.filters.field_values import FieldValues, Values
from index.filters.postings import posted
from index.filters.predicates import Value, in_order

MOST_CHARACTERS = 32 * 2**20
"""Texts that are kept, some 100,000; beyond that all are forgotten, and those that come are kept again."""

_NONE = -1


def _ranked(values: Sequence[Value]) -> tuple[np.ndarray, list[Value]]:
    """Return the place of each of different values in their order, int64 (n,), and them in it."""
    table = in_order(values)
    rank = dict(zip(table, range(len(table)), strict=True))
    return np.fromiter(map(rank.__getitem__, values), np.int64, len(values)), table


class _Column:
    """One field of numbered texts: a code for the first value of each, and the codes of further ones.

    All values are put in order once a head has brought none that is new, until then those of each head alone.
    """

    def __init__(self) -> None:
        self._codes: dict[Value, int] = {}
        self._values: list[Value] = []
        self._first = array("q")
        self._further: dict[int, list[int]] = {}
        self._ranks, self._table = _ranked([])
        self._known = 0

    def _code(self, value: Value) -> int:
        code = self._codes.setdefault(value, len(self._values))
        if code == len(self._values):
            self._values.append(value)
        return code

    def add(self, content: Any) -> None:
        """Add what the next text holds in this field."""
        codes = [self._code(value) for value in posted(content)]
        if len(codes) > 1:
            self._further[len(self._first)] = codes[1:]
        self._first.append(codes[0] if codes else _NONE)

    def at(self, numbers: np.ndarray) -> FieldValues:
        """Return the values that texts hold, by their places among the numbers given, int64 (n,)."""
        codes = np.asarray(self._first, np.int64)[numbers]
        places = np.flatnonzero(codes != _NONE)
        if self._further:
            further = [
                (place, code)
                for place, number in enumerate(numbers.tolist())
                for code in self._further.get(number, ())
            ]
            more = np.array(further, np.int64).reshape(-1, 2)
            places, codes = np.concatenate([places, more[:, 0]]), np.concatenate([codes[places], more[:, 1]])
        else:
            codes = codes[places]
        if len(self._table) < self._known == len(self._values):
            self._ranks, self._table = _ranked(self._values)
        self._known = len(self._values)
        if len(self._table) == self._known:
            return FieldValues(places, self._ranks[codes], self._table)
        used, codes = np.unique(codes, return_inverse=True)
        ranks, table = _ranked([self._values[code] for code in used.tolist()])
        return FieldValues(places, ranks[codes], table)


class _Known:
    """Texts, numbered as they came, and the columns of the fields that were asked for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._columns: dict[str, _Column] = {}
        self.characters = 0

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        """Return the numbers of texts, int64 (n,); those that are new are added to every column."""
        found = np.fromiter(map(self._numbers.get, texts, repeat(_NONE)), np.int64, len(texts))
        if (found != _NONE).all():
            return found
        new = [text for text in dict.fromkeys(texts) if text not in self._numbers]
        for text, fields in zip(new, _parsed(new), strict=True):
            self._numbers[text] = len(self._numbers)
            self.characters += len(text)
            for field, column in self._columns.items():
                column.add(fields.get(field))
        return self.numbers(texts)

    def column(self, field: str) -> _Column:
        """Return the column of a field; at its first use all texts are read again."""
        if field not in self._columns:
            column = _Column()
            for fields in _parsed(list(self._numbers)):
                column.add(fields.get(field))
            self._columns[field] = column
        return self._columns[field]


def _parsed(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Parse texts as one, in half of the time."""
    return json.loads(f"[{','.join(texts)}]")


class MetadataValues:
    """The values of texts that were seen, from any number of threads."""

    def __init__(self) -> None:
        self._known = _Known()
        self._lock = threading.Lock()

    def of(self, texts: Sequence[str]) -> Values:
        """Return what gives the values of a field that texts hold, by the places of the texts."""
        with self._lock:
            if self._known.characters > MOST_CHARACTERS:
                self._known = _Known()
            known = self._known
            numbers = known.numbers(texts)

        def values(field: str) -> FieldValues:
            with self._lock:
                return known.column(field).at(numbers)

        return values
