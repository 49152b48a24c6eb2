"""Pages of a ranking: the hits of a query float32 (d,), cut from one order whatever the page."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from index.arrangement import LENGTH, Arrangement, FacetCounts
from index.filters.predicates import Filter
from index.manifest import Manifest
from index.views import box_of
from training.catalogue.reader import Item
from training.parts.part_matching import WEIGHT, Match, Part, mixed
from training.photo.boxes import Box

Seen = tuple[int, Box | None]
"""The number of a photograph of an item, and where in it a garment lies, if that is known."""

PartSeen = tuple[float | None, Box | None]
"""How well a part is found in a garment, and where in its photograph; None where it was not looked for."""


class Hit(NamedTuple):
    """An item that was found; a tuple, which is made in a third of the time of a dataclass.

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
    part_score : float, optional
        How well the part that was asked for is found in it, in [0, 1].
    part_box : Box, optional
        Where, as fractions of the photograph.
    """

    rank: int
    score: float
    percentile: float
    item: Item
    box: Box | None = None
    photograph: int = 0
    part_score: float | None = None
    part_box: Box | None = None


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
    unseen : frozenset of str
        The fields that its arrangement asked for and that no item of the head has.
    nearest : tuple of Hit, optional
        The first hits in the order of similarity, where the page is cut from another.
    """

    hits: tuple[Hit, ...]
    total: int
    next_offset: int | None
    facets: tuple[FacetCounts, ...] = ()
    unseen: frozenset[str] = frozenset()
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
class PartOptions:
    """How the head of a ranking, its first `LENGTH` items, is ranked by a part of the query's garment.

    Parameters
    ----------
    part : Part
    weight : float in [0, 1]
        What the part counts beside the whole.
    """

    part: Part
    weight: float = WEIGHT


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
    part : PartOptions, optional
        By which part the head is ranked before it is arranged.
    """

    limit: int
    offset: int = 0
    min_score: float = -1.0
    where: Filter | None = None
    collapse: bool = False
    arrangement: Arrangement = field(default_factory=Arrangement)
    part: PartOptions | None = None

    @property
    def end(self) -> int:
        """Where the page ends."""
        return self.offset + self.limit

    @property
    def depth(self) -> int:
        """How much of the ranking must be known for the page."""
        return max(self.end, LENGTH) if self.arrangement or self.part else self.end

    @property
    def reorders(self) -> bool:
        """Whether the page may be cut from another order than that of similarity."""
        return self.arrangement.reorders or self.part is not None

    @property
    def threshold(self) -> float:
        """The lowest score that passes; -inf where all do, even scores that rounding has put below -1."""
        return self.min_score if self.min_score > -1.0 else -math.inf


NEAREST = 20
"""Hits in the order of similarity that come with a page in another order."""


@dataclass(frozen=True)
class Ranked:
    """A ranking in the order of what it is ranked by.

    Parameters
    ----------
    places : int64 (n,)
        Where each of its items is in the order of similarity.
    by : float (n,), descending within the head and behind it
        What each is ranked by.
    match : Match, optional
        How well the part is found in those of the head, in the order of similarity; None without a part.
    """

    places: np.ndarray
    by: np.ndarray
    match: Match | None = None

    def told(self, ranks: np.ndarray) -> list[PartSeen] | None:
        """Return how well the part is found at some ranks, and where; nothing of those behind the head."""
        if self.match is None:
            return None
        places = self.places[ranks]
        head = places[places < len(self.match.scores)]
        seen = zip(
            self.match.scores[head].tolist(), map(box_of, self.match.boxes(head).tolist()), strict=True
        )
        known = dict(zip(head.tolist(), seen, strict=True))
        return [known.get(place, (None, None)) for place in places.tolist()]


def ranked_by_part(scores: np.ndarray, asked: PartOptions | None, maps: Callable[[], np.ndarray]) -> Ranked:
    """Rank the head of a ranking by a part, if one was asked for; what lies behind keeps its order.

    Parameters
    ----------
    scores : float32 (n,), descending
    asked : PartOptions, optional
    maps : callable
        Returns the part maps of the head: PART_MAP (k,), zero where none is known.
    """
    places = np.arange(len(scores))
    if asked is None:
        return Ranked(places, scores)
    count = min(LENGTH, len(scores))
    found = asked.part.find(maps())
    by = mixed(scores[:count], found.scores, asked.weight)
    order = np.argsort(-by, kind="stable")
    return Ranked(np.concatenate([order, places[count:]]), np.concatenate([by[order], scores[count:]]), found)


def first_of_each(labels: np.ndarray, most: float = math.inf) -> np.ndarray:
    """Return where each label comes first, ascending: int64 (k,); of the first `most` labels alone."""
    places: dict[int, int] = {}
    for place, label in enumerate(labels.tolist()):
        if label not in places:
            if len(places) >= most:
                break
            places[label] = place
    return np.fromiter(places.values(), np.int64, len(places))


def hits_of(
    scores: np.ndarray,
    items: Sequence[Item | None],
    seen: Sequence[Seen],
    manifest: Manifest,
    *,
    first: int,
    parts: Sequence[PartSeen] | None = None,
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
    parts : sequence of (float, Box or None) or of (None, None), optional
        How well a part that was asked for is found in each one, and where.
    """
    scores = np.minimum(np.maximum(scores, -1.0), 1.0)  # in a third of the time of `clip`
    told = [(None, None)] * len(items) if parts is None else parts
    ranks, percentiles = range(first, first + len(items)), manifest.percentiles(scores).tolist()
    return tuple(
        [
            Hit(rank, score, percentile, item, box, photograph, *part)
            for rank, score, percentile, item, (photograph, box), part in zip(
                ranks, scores.tolist(), percentiles, items, seen, told, strict=True
            )
            if item is not None
        ]
    )
