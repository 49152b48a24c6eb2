"""Pages of a ranking: the hits of a query float32 (d,), cut from one order whatever the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from index.manifest import Manifest
from index.stores.folder.allowed import Allowed
from index.stores.folder.gallery import Found, Gallery
from training.catalogue.reader import Item

_SPARE = 16


@dataclass(frozen=True)
class Hit:
    """An item that was found.

    Parameters
    ----------
    rank : int
        Its place in the whole ranking, from 1.
    score : float
        Cosine with the query, in [-1, 1].
    percentile : float
        Share of random pairs of the index that score less, in percent.
    item : Item
    """

    rank: int
    score: float
    percentile: float
    item: Item


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
    """

    hits: tuple[Hit, ...]
    total: int
    next_offset: int | None


@dataclass(frozen=True)
class Cut:
    """Which part of which ranking is wanted.

    Parameters
    ----------
    limit, offset : int
        Hits on the page, and before it.
    min_score : float
        What scores less is neither listed nor counted; -inf for everything.
    """

    limit: int
    offset: int
    min_score: float

    @classmethod
    def of(cls, limit: int, offset: int, min_score: float) -> Self:
        """Let everything pass a threshold of -1, even what rounding has put below it."""
        return cls(limit, offset, min_score if min_score > -1.0 else -math.inf)

    @property
    def end(self) -> int:
        """Where the page ends."""
        return self.offset + self.limit


def _nearest(gallery: Gallery, query: np.ndarray, k: int, allowed: Allowed) -> Found:
    """Return the best `k`, certain of each: a tie at the end is searched on until it is known in full."""
    asked = k + _SPARE
    while True:
        found = gallery.search(query, asked, allowed)
        if found.unseen == -math.inf or found.scores[k - 1] > found.unseen:
            return Found(found.scores[:k], found.rows[:k], found.unseen)
        asked *= 2


def first_of_each(labels: np.ndarray) -> np.ndarray:
    """Return where each label comes first, ascending."""
    return np.sort(np.unique(labels, return_index=True)[1])


def _ranking(
    gallery: Gallery, query: np.ndarray, k: int, allowed: Allowed, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and rows of the best `k`; with `groups`, of each group only the best."""
    found = _nearest(gallery, query, k, allowed)
    if groups is None:
        return found.scores, found.rows
    asked = k
    while len(firsts := first_of_each(groups[found.rows])) < k and len(found.rows) == asked:
        asked *= 2
        found = _nearest(gallery, query, asked, allowed)
    return found.scores[firsts[:k]], found.rows[firsts[:k]]


def _total(
    gallery: Gallery, query: np.ndarray, min_score: float, allowed: Allowed, groups: np.ndarray | None
) -> int:
    """Return the length of the whole ranking."""
    if groups is None:
        return gallery.scoring(query, min_score, allowed)
    if min_score == -math.inf:
        labels = groups[allowed.mask]
    else:
        count = gallery.scoring(query, min_score, allowed)
        labels = groups[_nearest(gallery, query, count, allowed).rows] if count else groups[:0]
    seen = np.zeros(len(groups), bool)
    seen[labels] = True
    return int(seen.sum())


def hits_of(
    scores: np.ndarray, items: Sequence[Item | None], manifest: Manifest, *, first: int
) -> tuple[Hit, ...]:
    """Return the hits of a ranking from rank `first` on, without those whose item is gone.

    Parameters
    ----------
    scores : float32 (n,), descending
    items : sequence of Item or None
    manifest : Manifest
        Of the version that was searched.
    first : int
    """
    scores = np.clip(scores, -1.0, 1.0)
    found = zip(scores.tolist(), manifest.percentiles(scores).tolist(), items, strict=True)
    return tuple(
        Hit(rank=rank, score=score, percentile=percentile, item=item)
        for rank, (score, percentile, item) in enumerate(found, start=first)
        if item is not None
    )


def cut_page(
    gallery: Gallery, query: np.ndarray, cut: Cut, *, allowed: Allowed, groups: np.ndarray | None = None
) -> Page:
    """Return one page of the ranking of a gallery by a query.

    Parameters
    ----------
    gallery : Gallery
    query : float32 (d,), unit norm
    cut : Cut
    allowed : Allowed
        The gallery's rows that may be listed.
    groups : int64 (n + m,), optional
        Labels, of which each is listed once, by its best row.
    """
    scores, rows = _ranking(gallery, query, cut.end, allowed, groups)
    listed = scores >= cut.min_score
    total = int(listed.sum())
    if total == cut.end:  # the ranking may go on
        total = max(total, _total(gallery, query, cut.min_score, allowed, groups))
    items = gallery.by_rows(rows[listed][cut.offset :].tolist())
    hits = hits_of(scores[listed][cut.offset :], items, gallery.version.manifest, first=cut.offset + 1)
    return Page(hits=hits, total=total, next_offset=cut.end if cut.end < total else None)
