"""The views of an item: vectors float32 (k, d) of garments in its photograph, and their boxes (k, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from training.photo.boxes import Box
from training.photo.encoder import Encoder
from training.photo.garment import Garment

ITEM, ALL = "item", "all"
GARMENTS = (ITEM, ALL)
"""Which garments of a photograph are indexed: the item's, told by its category, or all that are found."""

_CORNERS = 4


@dataclass(frozen=True)
class Views:
    """Garments of one photograph, the item's first.

    Parameters
    ----------
    vectors : float32 (k, d), unit rows
    boxes : float32 (k, 4)
        Left, top, right, bottom as fractions of the photograph.
    """

    vectors: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.vectors)

    @classmethod
    def of(cls, garments: Sequence[Garment], encoder: Encoder) -> Self:
        """Encode garments, at least one, each by itself, so that no other changes a bit of its vector."""
        vectors = [encoder.embed_garments([garment]) for garment in garments]
        return cls(np.concatenate(vectors), np.array([garment.box for garment in garments], np.float32))

    @classmethod
    def from_bytes(cls, packed: bytes, dimension: int) -> Self:
        """Return what `to_bytes` has packed; raises `ValueError` for anything else."""
        rows = np.frombuffer(packed, "<f4").reshape(-1, _CORNERS + dimension)
        if not len(rows):
            raise ValueError("there is no view")
        return cls(rows[:, _CORNERS:], rows[:, :_CORNERS])

    def to_bytes(self) -> bytes:
        """Return a row of box and vector for each view, as little-endian float32."""
        return np.hstack([self.boxes, self.vectors]).astype("<f4").tobytes()


def view_numbers(owners: np.ndarray) -> np.ndarray:
    """Return the number of each view among those of its owner, from 0 in their order: int64 (m,)."""
    order = np.argsort(owners, kind="stable")
    grouped = owners[order]
    numbers = np.empty(len(owners), np.int64)
    numbers[order] = np.arange(len(owners)) - np.searchsorted(grouped, grouped)
    return numbers


def box_of(corners: np.ndarray | Sequence[float]) -> Box | None:
    """Return a box, float (4,), as numbers of Python; None for one that is not known, NaN or empty."""
    known = tuple(float(corner) for corner in corners)
    if len(known) != _CORNERS or np.isnan(known[0]):
        return None
    left, top, right, bottom = known
    return left, top, right, bottom
