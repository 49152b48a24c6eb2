"""Pages of a ranking: the hits of a query float32 (d,), cut from one order whatever the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from index.filters.predicates import Filter
from index.head import LENGTH, Arrangement, FacetCounts
from index.manifest import Manifest
from training.catalogue.reader import Item
from training.photo.boxes import Box

Seen = tuple[int, Box | None]
"""The number of a photograph of an item, and where in it a garment lies, if that is known."""


@dataclass(frozen=True)
class Hit:
    """An item that was found.

    Parameters
    ----------
    rank : int
        Its place in the whole ranking as it was arranged, from 1.
    score : float
        Cosine with the query, in [-1, 1].
    percentile : float
        Share of random pairs of the index that score less, in percent.
    item : Item
    box : Box, optional
        Where the garment that was found lies in its photograph, in an index of several vectors an item.
    photograph : int
        The number of that photograph among the item's, from 0.
    """

    rank: int
    score: float
    percentile: float
    item: Item
    box: Box | None = None
    photograph: int = 0


@dataclass(frozen=True)
class Page:
    """A part of a ranking.

    Parameters
    ----------
    hits : tuple of Hit
    total : int
        Items in the whole ranking; where duplicates are collapsed, groups of them.
    next_offset : int or None
        Where the next page starts; None after the last one.
    facets : tuple of FacetCounts
        Of the ranking's head, for the fields that were asked for.
    nearest : tuple of Hit, optional
        The first hits in the order of similarity, where the page is cut from another.
    """

    hits: tuple[Hit, ...]
    total: int
    next_offset: int | None
    facets: tuple[FacetCounts, ...] = ()
    nearest: tuple[Hit, ...] | None = None


@dataclass(frozen=True)
class Listing:
    """A part of all items, in an order that stays the same however they change.

    Parameters
    ----------
    items : tuple of Item
    total : int
        Items in the whole list.
    more : bool
        Whether there are further ones behind them.
    """

    items: tuple[Item, ...]
    total: int
    more: bool


@dataclass(frozen=True)
class SearchOptions:
    """Which part of which ranking is wanted.

    Parameters
    ----------
    limit : int
        Hits on the page, at least 1.
    offset : int
        Hits of the ranking to leave out before the page.
    min_score : float
        Items that score less are neither listed nor counted in `Page.total`.
    where : Filter, optional
        Only items whose metadata passes are listed and counted.
    collapse : bool
        List of each group of duplicates only the best, and count groups.
    arrangement : Arrangement
        What is done with the head of the ranking, before the page is cut.
    """

    limit: int
    offset: int = 0
    min_score: float = -1.0
    where: Filter | None = None
    collapse: bool = False
    arrangement: Arrangement = field(default_factory=Arrangement)

    @property
    def end(self) -> int:
        """Where the page ends."""
        return self.offset + self.limit

    @property
    def depth(self) -> int:
        """How much of the ranking must be known for the page."""
        return max(self.end, LENGTH) if self.arrangement else self.end

    @property
    def threshold(self) -> float:
        """The lowest score that passes; -inf where all do, even scores that rounding has put below -1."""
        return self.min_score if self.min_score > -1.0 else -math.inf


NEAREST = 20
"""Hits in the order of similarity that come with a page in another order."""


def first_of_each(labels: np.ndarray) -> np.ndarray:
    """Return where each label comes first, ascending."""
    return np.sort(np.unique(labels, return_index=True)[1])


def hits_of(
    scores: np.ndarray,
    items: Sequence[Item | None],
    seen: Sequence[Seen],
    manifest: Manifest,
    *,
    first: int,
) -> tuple[Hit, ...]:
    """Return the hits of a ranking from rank `first` on, without those whose item is gone.

    Parameters
    ----------
    scores : float32 (n,)
    items : sequence of Item or None
    seen : sequence of (int, Box or None)
        In which photograph of each one the garment that was found lies, and where.
    manifest : Manifest
        Of the version that was searched.
    first : int
    """
    scores = np.clip(scores, -1.0, 1.0)
    found = zip(scores.tolist(), manifest.percentiles(scores).tolist(), items, seen, strict=True)
    return tuple(
        Hit(rank=rank, score=score, percentile=percentile, item=item, box=box, photograph=photograph)
        for rank, (score, percentile, item, (photograph, box)) in enumerate(found, start=first)
        if item is not None
    )
