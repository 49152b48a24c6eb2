"""The views of an item: vectors float32 (k, d) of garments in its photographs, and where these lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Self

import numpy as np

from training.photo.boxes import Box
from training.photo.encoder import Encoder
from training.photo.garment import Garment

ITEM, ALL = "item", "all"
GARMENTS = (ITEM, ALL)
"""Which garments of a photograph are indexed: the item's, told by its category, or all that are found."""

_CORNERS = 4
_NUMBERED = b"\x01"
"""Before rows that begin with the number of a photograph: without it, all are of the first one."""


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
    """

    vectors: np.ndarray
    boxes: np.ndarray
    photographs: np.ndarray

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def of(cls, garments: Sequence[Garment], encoder: Encoder) -> Self:
        """Encode garments of one photograph, at least one, each by itself: no other changes a bit of it."""
        vectors = [encoder.embed_garments([garment]) for garment in garments]
        boxes = np.array([garment.box for garment in garments], np.float32)
        return cls(np.concatenate(vectors), boxes, np.zeros(len(boxes), np.int64))

    @classmethod
    def joined(cls, views: Sequence[Self]) -> Self:
        """Return the views of an item, from those of each of its photographs, at least one."""
        numbers = np.repeat(np.arange(len(views)), [len(each) for each in views])
        together = _concatenated(views)
        return cls(together.vectors, together.boxes, numbers)

    @classmethod
    def from_bytes(cls, packed: bytes, dimension: int) -> Self:
        """Return what `to_bytes` has packed; raises `ValueError` for anything else."""
        before = len(packed) % 4
        if packed[:before] != _NUMBERED[:before]:
            raise ValueError("it does not begin as views do")
        rows = np.frombuffer(packed[before:], "<f4").reshape(-1, before + _CORNERS + dimension)
        if not len(rows):
            raise ValueError("there is no view")
        numbers, places = rows[:, :before].sum(axis=1).astype(np.int64), rows[:, before:]
        return cls(places[:, _CORNERS:], places[:, :_CORNERS], numbers)

    def to_bytes(self) -> bytes:
        """Return a row of photograph, box and vector for each view, as little-endian float32.

        The photograph is left out where it is the first one for all, as the releases before items had several
        have written them.
        """
        rows = np.hstack([self.boxes, self.vectors]).astype("<f4")
        if not self.photographs.any():
            return rows.tobytes()
        return _NUMBERED + np.column_stack([self.photographs, rows]).astype("<f4").tobytes()

    def take(self, places: np.ndarray | slice) -> Self:
        """Return some of them."""
        return type(self)(self.vectors[places], self.boxes[places], self.photographs[places])

    def chosen(self, garments: str) -> Self:
        """Return all of them, or of each photograph the item's garment alone, by a choice of `GARMENTS`."""
        return self if garments == ALL else self.take(np.unique(self.photographs, return_index=True)[1])


def _concatenated(views: Sequence[Views]) -> Views:
    return Views(
        np.concatenate([each.vectors for each in views]),
        np.concatenate([each.boxes for each in views]),
        np.concatenate([each.photographs for each in views]),
    )


def arranged(views: Sequence[Views]) -> tuple[np.ndarray, Views]:
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
