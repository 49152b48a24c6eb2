"""Golden queries: photographs with items that must be among their first k results."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from index.errors import GoldenUnusable
from index.vectors.vector_index import Searchable
from training.catalogue.reader import Item
from training.errors import UnreadableImage
from training.photo.encoder import Encoder

FIRST = 10
ACCEPTED = (
    "Accepted: a CSV with the columns image (a path, from the file's folder), item_ids (separated by spaces) "
    f"or item_id, and k, which may be left out ({FIRST})."
)


@dataclass(frozen=True)
class Golden:
    """A query, and the items that must be among its first `k` answers."""

    image: Path
    item_ids: tuple[str, ...]
    k: int = FIRST


@dataclass(frozen=True)
class GoldenAnswer:
    """The result of a golden query: the wanted items that are not among the first `k`."""

    golden: Golden
    missing: tuple[str, ...]

    def __str__(self) -> str:
        wanted = f"golden query {self.golden.image.name}, first {self.golden.k}"
        return f"{wanted} (missing: {', '.join(self.missing)})" if self.missing else wanted

    def fields(self) -> dict[str, Any]:
        """Return the answer for a report in JSON."""
        return {
            "image": str(self.golden.image.absolute()),
            "k": self.golden.k,
            "item_ids": list(self.golden.item_ids),
            "missing": list(self.missing),
        }


def _row(path: Path, row: dict[str, str | None]) -> Golden:
    image, one = (row.get("image") or "").strip(), (row.get("item_id") or "").strip()
    wanted = ([one] if one else []) + (row.get("item_ids") or "").split()
    k = (row.get("k") or "").strip() or str(FIRST)
    if not image or not wanted:
        raise ValueError("a row names no image or no item")
    if not k.isdecimal() or int(k) < 1:
        raise ValueError(f"k is {k!r}")
    if not (path.parent / image).is_file():
        raise ValueError(f"there is no file '{path.parent / image}'")
    return Golden(path.parent / image, tuple(wanted), int(k))


def _joined(rows: Sequence[Golden]) -> tuple[Golden, ...]:
    """Make one query of all rows with the same image and k."""
    wanted: dict[tuple[Path, int], tuple[str, ...]] = {}
    for row in rows:
        key = (row.image, row.k)
        wanted[key] = tuple(dict.fromkeys(wanted.get(key, ()) + row.item_ids))
    return tuple(Golden(image, item_ids, k) for (image, k), item_ids in wanted.items())


def _read(path: Path) -> tuple[Golden, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            queries = _joined([_row(path, row) for row in csv.DictReader(file)])
        if not queries:
            raise ValueError("it has no rows")
    except (OSError, ValueError, csv.Error) as error:
        raise GoldenUnusable(f"The golden queries in '{path}' can't be used: {error}. {ACCEPTED}") from error
    return queries


def _embed(query: Golden, encoder: Encoder) -> np.ndarray:
    try:
        return encoder.embed([query.image])[0]
    except UnreadableImage as error:
        raise GoldenUnusable(f"The golden query '{query.image}' can't be read: {error}") from error


@dataclass(frozen=True)
class GoldenSet:
    """Golden queries with the embeddings of their photographs, float32 (m, d)."""

    queries: tuple[Golden, ...] = ()
    vectors: tuple[np.ndarray, ...] = ()

    @classmethod
    def read(cls, path: Path, encoder: Encoder) -> Self:
        """Return the queries in a CSV file; several rows with one image and one k are one query.

        Raises
        ------
        GoldenUnusable
            There is no such file, it has no rows, or a row or its photograph can't be used.
        """
        queries = _read(path)
        return cls(queries, tuple(_embed(query, encoder) for query in queries))

    def ask(
        self, index: Searchable, items: Sequence[Item], *, owners: np.ndarray | None = None
    ) -> tuple[GoldenAnswer, ...]:
        """Search an index with all queries.

        Parameters
        ----------
        index : Searchable
        items : sequence of Item
        owners : int64 (n,), optional
            The item of each row of the index; by default they are in the same order.
        """
        owners = np.arange(len(items)) if owners is None else owners
        return tuple(
            _answer(query, _first(vector, query.k, index, owners), items)
            for query, vector in zip(self.queries, self.vectors, strict=True)
        )


def _first(vector: np.ndarray, k: int, index: Searchable, owners: np.ndarray) -> list[int]:
    """Return the first `k` items of a query, each by its best row."""
    asked = k
    while True:
        _, (rows,) = index.search(vector[None], asked)
        found = list(dict.fromkeys(owners[rows[rows >= 0]].tolist()))
        if len(found) >= k or len(rows) < asked or asked >= len(index):
            return found[:k]
        asked *= 2


def _answer(query: Golden, rows: Sequence[int], items: Sequence[Item]) -> GoldenAnswer:
    found = {items[row].item_id for row in rows}
    return GoldenAnswer(query, tuple(wanted for wanted in query.item_ids if wanted not in found))
