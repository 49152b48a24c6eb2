"""The rows of an index in lists by their nearest centroid, and those of them that a filter allows."""

from functools import cached_property
from typing import Self

import faiss
import numpy as np

from index.vectors import exact

_HALF = 0.5
_FIRST = 10
_KEPT = 4
"""Filters whose lists are kept: visitors of a shop ask for the same ones."""


class AllowedLists:
    """The allowed rows of each list.

    Parameters
    ----------
    mask : bool (n,)
        The allowed rows.
    order : int32 (n,)
        All rows, list by list.
    starts : int64 (lists + 1,)
        Where each list's rows start in `order`.
    """

    def __init__(self, mask: np.ndarray, order: np.ndarray, starts: np.ndarray) -> None:
        self.mask, self._order = mask, order
        self._starts = np.searchsorted(np.flatnonzero(mask[order]), starts)
        self.sizes = np.diff(self._starts)

    def __len__(self) -> int:
        """Return how many rows are allowed."""
        return int(self._starts[-1])

    @cached_property
    def used(self) -> int:
        """Lists that have an allowed row."""
        return int(np.count_nonzero(self.sizes))

    @cached_property
    def rows(self) -> np.ndarray:
        """The allowed rows, list by list: int32 (m,)."""
        return self._order[self.mask[self._order]]

    @cached_property
    def lists(self) -> faiss.SearchParameters:
        """A search among the lists that have an allowed row."""
        return faiss.SearchParameters(sel=exact.bitmap(self.sizes > 0))

    def of(self, lists: np.ndarray) -> np.ndarray:
        """Return the allowed rows of some lists, int64 (k,): int64 (m,)."""
        sizes = self.sizes[lists]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(self._starts[lists] - ends + sizes, sizes)
        return self.rows[places].astype(np.int64)


class Lists:
    """All rows of an index by the list that each is in.

    Parameters
    ----------
    centroids : faiss.Index
        Those of the lists, in their order.
    rows : int32 (n,)
        List by list.
    sizes : int64 (lists,)
    """

    def __init__(self, centroids: faiss.Index, rows: np.ndarray, sizes: np.ndarray) -> None:
        self.centroids, self.rows, self.sizes = centroids, rows, sizes
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._kept: tuple[AllowedLists, ...] = ()

    @classmethod
    def of(cls, index: faiss.IndexIVF) -> Self:
        """Return the lists of an inverted file."""
        inverted = index.invlists
        sizes = np.array([inverted.list_size(number) for number in range(index.nlist)])
        rows, ends = np.empty(index.ntotal, np.int32), np.cumsum(sizes)
        for number, (end, size) in enumerate(zip(ends.tolist(), sizes.tolist(), strict=True)):
            if size:
                rows[end - size : end] = faiss.rev_swig_ptr(inverted.get_ids(number), size)
        return cls(index.quantizer, rows, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def allowed(self, mask: np.ndarray) -> AllowedLists:
        """Return the rows of a filter, bool (n,), list by list.

        Those of the last filters are kept, by their masks, which nobody may change. Threads may lose what
        another one has kept at the same moment, no more.
        """
        kept = self._kept
        for known in kept:
            if known.mask is mask:
                return known
        found = AllowedLists(mask, self.rows, self._starts)
        self._kept = (found, *kept[: _KEPT - 1])
        return found

    def nearest(
        self, full: faiss.Index, query: np.ndarray, k: int, allowed: AllowedLists, *, width: int, least: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Return scores float32 (k,) and rows int64 (k,) of the best allowed rows in the lists near a query.

        Parameters
        ----------
        full : faiss.Index
            Holds the vectors in full.
        query : float32 (d,)
        k : int
        allowed : AllowedLists
        width : int
            Lists with allowed rows to look into: half as many where they are full of them, for this is the
            width of queries that lie beside all allowed rows; more where they have too few.
        least : int
            Rows that must be compared, at least `k` and 10.

        Returns
        -------
        tuple of arrays, or None
            None where all lists would be taken, or where the tenth row lies farther from the query than the
            middles of all those lists: a filter that cuts by similarity to the query itself leaves to near
            lists only what is far in them, and others have as much.
        """
        enough = max(least, _HALF * width * len(self.rows) / len(self))
        while width < allowed.used:
            (near,), (lists,) = self.centroids.search(query[None], width, params=allowed.lists)
            found = np.cumsum(allowed.sizes[lists])
            if found[-1] >= least:
                lists = lists[: np.searchsorted(found, enough) + 1]
                rows = allowed.of(lists)
                scores, rows = exact.best_of(exact.scores_of(full, query, rows), rows, least)
                return (scores[:k], rows[:k]) if scores[_FIRST - 1] > near[len(lists) - 1] else None
            width *= 2
        return None
