"""The views of an item: vectors float32 (k, d) of garments in its photographs, and where these lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from typing import Self

import numpy as np

from training.parts.part_maps import PART_MAP, VERSION, part_map
from training.photo.boxes import Box
from training.photo.encoder import Encoder
from training.photo.garment import Garment

ITEM, ALL = "item", "all"
GARMENTS = (ITEM, ALL)
"""Which garments of a photograph are indexed: the item's, told by its category, or all that are found."""

_CORNERS = 4
_NUMBERED = b"\x01"
_MAPPED, *_MAPPED_BEFORE = (_NUMBERED + bytes([1 + version]) for version in range(VERSION, 0, -1))
"""Before rows that begin with the number of a photograph, and those that end with a part map, too: of this
version, or of earlier ones, whose maps are of no use. Without them, all are of the first photograph."""


@cache
def _row(dimension: int, *, numbered: bool, mapped: bool) -> np.dtype[np.void]:
    """Return how a view is packed."""
    fields = [("box", "<f4", _CORNERS), ("vector", "<f4", dimension)]
    number = [("photograph", "<f4")] if numbered else []
    return np.dtype([*number, *fields, *([("map", PART_MAP)] if mapped else [])])


@dataclass(frozen=True)
class Views:
    """Garments of an item's photographs, those of the first one first, of each the item's garment first.

    Parameters
    ----------
    vectors : float32 (k, d), unit rows
    boxes : float32 (k, 4)
        Left, top, right, bottom as fractions of the photograph.
    photographs : int64 (k,), ascending
        The number of the photograph in which each garment lies, from 0.
    maps : PART_MAP (k,), optional
        By which parts of the garments are found, zero for those of which none is known; None where none is.
    """

    vectors: np.ndarray
    boxes: np.ndarray
    photographs: np.ndarray
    maps: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def known_maps(self) -> np.ndarray:
        """The maps, all zero where there are none: PART_MAP (k,)."""
        return np.zeros(len(self), PART_MAP) if self.maps is None else self.maps

    @classmethod
    def of(cls, garments: Sequence[Garment], encoder: Encoder) -> Self:
        """Encode garments of one photograph, at least one, each by itself: no other changes a bit of it."""
        vectors = [encoder.embed_garments([garment]) for garment in garments]
        boxes = np.array([garment.box for garment in garments], np.float32)
        maps = np.array([part_map(garment) for garment in garments])
        return cls(np.concatenate(vectors), boxes, np.zeros(len(boxes), np.int64), maps)

    @classmethod
    def joined(cls, views: Sequence[Self]) -> Self:
        """Return the views of an item, from those of each of its photographs, at least one."""
        numbers = np.repeat(np.arange(len(views)), [len(each) for each in views])
        together = _concatenated(views)
        return cls(together.vectors, together.boxes, numbers, together.maps)

    @classmethod
    def from_bytes(cls, packed: bytes, dimension: int) -> Self:
        """Return what `to_bytes` has packed; raises `ValueError` for anything else."""
        head = packed[: len(packed) % 4]
        if head not in (b"", _NUMBERED, _MAPPED, *_MAPPED_BEFORE):
            raise ValueError("it does not begin as views do")
        row = _row(dimension, numbered=head != b"", mapped=len(head) == len(_MAPPED))
        rows = np.frombuffer(packed[len(head) :], row)
        if not len(rows):
            raise ValueError("there is no view")
        numbers = rows["photograph"].astype(np.int64) if head else np.zeros(len(rows), np.int64)
        return cls(rows["vector"], rows["box"], numbers, rows["map"] if head == _MAPPED else None)

    def to_bytes(self) -> bytes:
        """Return a row of photograph, box and vector, as little-endian float32, and part map for each view.

        Without maps they are left out, and the photograph where it is the first one for all, as earlier
        releases have written them.
        """
        mapped = self.maps is not None
        numbered = mapped or bool(self.photographs.any())
        rows = np.zeros(len(self), _row(self.vectors.shape[1], numbered=numbered, mapped=mapped))
        rows["box"], rows["vector"] = self.boxes, self.vectors
        if numbered:
            rows["photograph"] = self.photographs
        if mapped:
            rows["map"] = self.maps
        return (_MAPPED if mapped else _NUMBERED if numbered else b"") + rows.tobytes()

    def take(self, places: np.ndarray | slice) -> Self:
        """Return some of them."""
        maps = None if self.maps is None else self.maps[places]
        return type(self)(self.vectors[places], self.boxes[places], self.photographs[places], maps)

    def chosen(self, garments: str) -> Self:
        """Return all of them, or of each photograph the item's garment alone, by a choice of `GARMENTS`."""
        return self if garments == ALL else self.take(np.unique(self.photographs, return_index=True)[1])


def _concatenated(views: Sequence[Views]) -> Views:
    known = any(each.maps is not None for each in views)
    return Views(
        np.concatenate([each.vectors for each in views]),
        np.concatenate([each.boxes for each in views]),
        np.concatenate([each.photographs for each in views]),
        # with the type of each, NumPy would agree on one for each pair
        np.concatenate([each.known_maps for each in views], dtype=PART_MAP) if known else None,
    )


Arranged = tuple[np.ndarray, Views]
"""The item of each row, int64 (m,), and the m rows, as `arranged` returns them."""


def arranged(views: Sequence[Views]) -> Arranged:
    """Put the views of items into rows: the first of each item in their order, then all further ones.

    Parameters
    ----------
    views : sequence of Views
        Those of each item, at least one item.

    Returns
    -------
    owners : int64 (m,)
        The item of each row.
    rows : Views
        The m rows.
    """
    parts = [each.take(slice(1)) for each in views] + [each.take(slice(1, None)) for each in views]
    owners = np.tile(np.arange(len(views)), 2)
    return np.repeat(owners, [len(part) for part in parts]), _concatenated(parts)


def without(rows: Arranged, gone: np.ndarray) -> Arranged:
    """Take the rows of some items, bool (n,), out of rows that were arranged."""
    owners, views = rows
    kept = ~gone[owners]
    return (np.cumsum(~gone) - 1)[owners[kept]], views.take(kept)


def followed_by(rows: Arranged, further: Arranged) -> Arranged:
    """Put the views of further items behind those of others, as if all were arranged together."""
    (owners, views), (more, others) = rows, further
    count, added = (int(each.max(initial=-1)) + 1 for each in (owners, more))
    numbers = [owners[:count], count + more[:added], owners[count:], count + more[added:]]
    firsts = [views.take(slice(count)), others.take(slice(added))]
    others_of_items = [views.take(slice(count, None)), others.take(slice(added, None))]
    return np.concatenate(numbers), _concatenated([*firsts, *others_of_items])


def view_numbers(owners: np.ndarray, *, items: int, at: int, end: int) -> np.ndarray:
    """Return the number of each view among those of its item, from 0, for some rows of `arranged`.

    Parameters
    ----------
    owners : int64 (m,)
    items : int
        How many there are.
    at, end : int
        The rows are `at` to `end` - 1.
    """
    further = owners[items:]
    places = np.arange(at, min(end, len(owners))) - items
    return np.maximum(places - np.searchsorted(further, owners[at:end]) + 1, 0) * (places >= 0)


def box_of(corners: Sequence[float]) -> Box | None:
    """Return the corners of a box as such; None for one that is not known, NaN or empty."""
    if not corners:
        return None
    left, top, right, bottom = corners
    return None if isnan(left) else (left, top, right, bottom)
