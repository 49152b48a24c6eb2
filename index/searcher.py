"""The search: unit vectors float32 (n, d) in, ranked items of the version in use out."""

import logging
import math
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from index.manifest import Manifest
from index.publish import CURRENT, current_version
from index.version import Version, open_version
from training.catalogue import Item
from training.encoder import Encoder
from training.errors import EncoderMismatch, SilhouetteError

log = logging.getLogger(__name__)

_SPARE = 16

Signature = tuple[int, ...] | None


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
        Items in the whole ranking.
    next_offset : int or None
        Where the next page starts; None after the last one.
    """

    hits: tuple[Hit, ...]
    total: int
    next_offset: int | None


def _signature(indexes: Path) -> Signature:
    """Return what changes whenever `current` is replaced."""
    try:
        stat = os.stat(indexes / CURRENT)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _open(indexes: Path, encoder: Encoder) -> Version:
    version = open_version(indexes / current_version(indexes))
    made_with = version.manifest.encoder
    if made_with != encoder.fingerprint:
        raise EncoderMismatch(
            f"The index '{version.manifest.version}' in '{indexes}' was built with the encoder "
            f"{made_with[:12]}, but {encoder.fingerprint[:12]} is loaded. Build the index again with this "
            "encoder, or load the other one."
        )
    return version


def _lowest(min_score: float) -> float:
    """Let everything pass a threshold of -1, even what rounding has put below it."""
    return min_score if min_score > -1.0 else -math.inf


def _ranking(version: Version, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and rows of the best `k`, ties by row, so that every page is cut from one ranking."""
    n = len(version.vectors)
    k = min(k, n)
    asked = min(k + _SPARE, n)
    while True:
        (scores,), (rows,) = version.vectors.search(query[None], asked)
        if asked == n or scores[k - 1] > scores[-1]:
            break
        asked = min(asked * 2, n)  # the k-th place is shared with items not yet seen
    order = np.lexsort((rows, -scores))
    order = order[rows[order] >= 0][:k]
    return scores[order], rows[order]


def _page(
    version: Version, query: np.ndarray, *, limit: int, offset: int, min_score: float, without: int = -1
) -> Page:
    """Return the hits from `offset` on, of the ranking without the row `without`."""
    end = offset + limit
    scores, rows = _ranking(version, query, end + (without >= 0))
    listed = np.flatnonzero((rows != without) & (scores >= min_score))[:end]
    total = len(listed)
    if total == end:  # the ranking may go on
        total = max(total, _total(version, query, min_score=min_score, without=without))
    listed = listed[offset:]
    hits = _hits(version, scores[listed], rows[listed], first=offset + 1)
    return Page(hits=hits, total=total, next_offset=end if end < total else None)


def _total(version: Version, query: np.ndarray, *, min_score: float, without: int) -> int:
    """Return the length of the whole ranking."""
    if min_score == -math.inf:
        return len(version.vectors) - (without >= 0)
    total = int(version.vectors.count(query[None], min_score)[0])
    excluded = without >= 0 and float(version.vectors.vector(without) @ query) >= min_score
    return total - excluded


def _hits(version: Version, scores: np.ndarray, rows: np.ndarray, *, first: int) -> tuple[Hit, ...]:
    scores = np.clip(scores, -1.0, 1.0)
    percentiles = version.manifest.percentiles(scores)
    found = zip(scores.tolist(), percentiles.tolist(), version.items.by_rows(rows.tolist()), strict=True)
    return tuple(
        Hit(rank=rank, score=score, percentile=percentile, item=item)
        for rank, (score, percentile, item) in enumerate(found, start=first)
    )


class Searcher:
    """Searches the version in use, from any number of threads.

    All that belongs to a version is one immutable object that `refresh` replaces by a single assignment, so
    that a search which has begun ends on the version it began with.
    """

    def __init__(self, indexes: Path, encoder: Encoder, version: Version, signature: Signature) -> None:
        self.encoder = encoder
        self._indexes = indexes
        self._version = version
        self._signature = signature
        self._refreshing = threading.Lock()

    @classmethod
    def open(cls, indexes: Path, *, encoder: Encoder) -> Self:
        """Return a searcher of the current version in `indexes`.

        Raises
        ------
        NoIndex
            Nothing was published there yet.
        EncoderMismatch
            The index was built with another encoder.
        IndexDamaged
            The files are not those that were published.
        """
        signature = _signature(indexes)
        return cls(indexes, encoder, _open(indexes, encoder), signature)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the version in use."""
        return self._version.manifest

    def snapshot(self) -> Self:
        """Return a searcher that stays with the present version, for an answer made of several calls."""
        return type(self)(self._indexes, self.encoder, self._version, self._signature)

    def search(
        self, vectors: np.ndarray, *, limit: int, offset: int = 0, min_score: float = -1.0
    ) -> list[Page]:
        """Return the most similar items of each query.

        Parameters
        ----------
        vectors : float32 (n, d), unit rows
        limit : int
            Hits on a page, at least 1.
        offset : int
            Hits of the ranking to leave out before the page.
        min_score : float
            Items that score less are not listed, and not counted in `Page.total`.
        """
        version, lowest = self._version, _lowest(min_score)
        return [
            _page(version, query, limit=limit, offset=offset, min_score=lowest)
            for query in np.asarray(vectors, np.float32)
        ]

    def similar(self, item_id: str, *, limit: int, offset: int = 0, min_score: float = -1.0) -> Page:
        """Return the items most similar to one of the index, without itself; raises `ItemUnknown`."""
        version = self._version
        row, _ = version.items.by_id(item_id)
        query = version.vectors.vector(row)
        return _page(version, query, limit=limit, offset=offset, min_score=_lowest(min_score), without=row)

    def item(self, item_id: str) -> Item:
        """Return the item of that id; raises `ItemUnknown`."""
        return self._version.items.by_id(item_id)[1]

    def vector(self, item_id: str) -> np.ndarray:
        """Return the vector of the item of that id, float32 (d,); raises `ItemUnknown`."""
        version = self._version
        return version.vectors.vector(version.items.by_id(item_id)[0])

    def refresh(self) -> bool:
        """Take up the version that `current` names, if it was replaced; return whether the version changed.

        Without a change this costs one `stat`. A version that can't be used is logged once, and the one in
        use stays until `current` is replaced again.
        """
        signature = _signature(self._indexes)
        if signature in (None, self._signature) or not self._refreshing.acquire(blocking=False):
            return False
        try:
            before = self.manifest.version
            self._signature = signature
            self._version = self._next()
            return self.manifest.version != before
        finally:
            self._refreshing.release()

    def _next(self) -> Version:
        try:
            if current_version(self._indexes) == self.manifest.version:
                return self._version
            version = _open(self._indexes, self.encoder)
        except (SilhouetteError, OSError) as error:
            log.error("Staying with index %s: %s", self.manifest.version, error)
            return self._version
        log.info("Index %s replaces %s", version.manifest.version, self.manifest.version)
        return version
