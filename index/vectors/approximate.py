"""What the approximate kinds share: a width tuned when built, and comparison of all where it is quicker."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import faiss
import numpy as np

from index.errors import IndexDamaged
from index.vectors import exact
from index.vectors.lists import AllowedLists, Lists
from index.vectors.tuning import Trial, disturbed, tuned
from index.vectors.vector_index import RECALL, Parameters, VectorIndex

SHALLOWEST = 64
_SKIP = 1 / 15
_NARROW = 3200
_HALF = 0.5
_SPARE = 1.25
_RARER = 0.75


def depth_for(k: int) -> int:
    """Return how many to look for: the same for neighbouring pages, so that they are cut from one ranking."""
    return max(SHALLOWEST, 1 << (k - 1).bit_length())


def _widening(depth: int, passing: int, rarity: float, views: float) -> float:
    """Return how many times as wide as tuned to search, for `depth` of `passing` rows that are allowed.

    Where items have several views, the width is tuned to find as many items as else rows.
    Where one in `rarity` is allowed, as many times as wide would be enough if they lay evenly about the
    query; the square is for filters whose rows lie mostly elsewhere.
    """
    return max(depth / SHALLOWEST / views, 1.0) * rarity**2 if passing else math.inf


def _sifted(
    scores: np.ndarray, rows: np.ndarray, allowed: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the first `k` allowed of the nearest rows (m, n), their scores, and how many are."""
    kept = allowed[rows] & (rows >= 0)
    first = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    scores, rows = np.take_along_axis(scores, first, axis=1), np.take_along_axis(rows, first, axis=1)
    return scores, rows, kept.sum(axis=1)


def _exact_is_quicker(comparisons: float, count: int, passing: int) -> bool:
    """Return whether to compare all allowed rows takes less than a search that is worth so many comparisons.

    To pass over a row takes as long as `_SKIP` comparisons: measured with 100,000 vectors of 128 numbers.
    """
    return comparisons > passing + _SKIP * count


class ApproximateIndex(VectorIndex):
    """Finds most of the nearest vectors and scores them exactly.

    `widths` names the parameters of a search, in the order in which they are tuned.
    """

    widths: ClassVar[tuple[str, ...]]
    loose: ClassVar[float] = 0.25
    """The share of allowed rows from which on all are searched first."""

    def __init__(self, index: faiss.Index, parameters: Parameters) -> None:
        super().__init__(index, parameters)
        missing = [name for name in self.widths if name not in parameters]
        if missing:
            raise IndexDamaged(
                f"The manifest does not say how wide to search an index of kind '{self.kind}' "
                f"({', '.join(missing)}). Build the index again."
            )
        self._views = float(parameters.get("views", 1.0))
        self._full = self._vectors()
        self._plain: dict[float, faiss.SearchParameters] = {}

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        *,
        recall: float = RECALL,
        owners: np.ndarray | None = None,
        path: Path | None = None,
    ) -> Self:
        """Return an index of `vectors`, float32 (n, d), searched just as wide as `recall` needs.

        Where the widest search misses it, one is taken that finds nearly as much; `parameters` tells the
        recall that was measured.
        """
        vectors = exact.contiguous(vectors)
        made = cls._made(vectors) if path is None else cls._written(vectors, path)
        ladders = cls._ladders(made)
        widest: dict[str, float | int | str] = {name: ladder[-1] for name, ladder in ladders.items()}
        if owners is not None:
            widest["views"] = round(len(owners) / (int(owners.max()) + 1), 2)
        index = cls(made, widest)
        trial = Trial(index._full, disturbed(vectors), owners=owners)
        return index._with(tuned(ladders, recall, lambda widths: trial.recall(index._with(widths).search)))

    def _with(self, parameters: Parameters) -> Self:
        return type(self)(self._index, {**self._parameters, **parameters})

    @classmethod
    @abstractmethod
    def _ladders(cls, index: faiss.Index) -> dict[str, Sequence[int]]:
        """Return the ascending widths to try, by their names in `widths`."""

    @abstractmethod
    def _vectors(self) -> faiss.Index:
        """Return the part of FAISS's index that holds the vectors in full."""

    @abstractmethod
    def _request(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        """Return the parameters of a search among `rows`, `widening` times as wide as among all."""

    @property
    def _lists(self) -> tuple[Lists, int] | None:
        """The rows in lists by which allowed ones are found, and into how many to look where half are."""
        return None

    def _comparisons(self) -> float:
        """Return how many comparisons of one vector take as long as a search as wide as tuned."""
        return _NARROW

    def _plain_request(self, widening: float) -> faiss.SearchParameters:
        """Return the parameters of a search among all rows: there are few different ones, which are kept."""
        if widening not in self._plain:
            self._plain[widening] = self._request(None, widening)
        return self._plain[widening]

    def _width(self, name: str) -> int:
        return int(self._parameters[name])

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), best first.

        Where many are allowed, a search among all comes first: what is allowed of the nearest is the answer,
        if that is enough. Else the lists are searched that are near the query and have allowed rows. All
        allowed rows are compared where that is quicker, and where a search finds fewer than there are.
        """
        queries, count = exact.contiguous(queries), len(self)
        k = min(k, count)
        passing = count if allowed is None else int(np.count_nonzero(allowed))
        if allowed is not None and _exact_is_quicker(self._comparisons(), count, passing):
            return exact.nearest(self._full, queries, k, allowed)
        if allowed is None or passing < max(self.loose * count, k):
            return self._among(queries, k, allowed, passing, count / max(passing, 1))
        asked = depth_for(math.ceil(_SPARE * k * count / passing))
        scores, rows = self._among(queries, min(asked, count), None, count, 1.0)
        scores, rows, found = _sifted(scores, rows, allowed, k)
        few = found < k
        if few.any():
            rarity = asked / (1 + float(found[few].mean()))
            scores[few], rows[few] = self._among(queries[few], k, allowed, passing, rarity)
        return scores, rows

    def _among(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None, passing: int, rarity: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search among the allowed rows, where about one in `rarity` of those near a query is allowed."""
        if allowed is not None and (known := self._lists) is not None:
            return self._among_lists(queries, k, *known, exact.checked(self._index, allowed))
        count, depth = len(self), depth_for(k)
        widening = _widening(depth, passing, rarity, self._views)
        if _exact_is_quicker(self._comparisons() * widening, count, passing):
            return exact.nearest(self._full, queries, k, allowed)
        if allowed is None:
            request = self._plain_request(widening)
        else:
            request = self._request(exact.selector(self._index, allowed), widening)
        scores, rows = self._index.search(queries, depth, params=request)
        scores, rows = scores[:, :k], rows[:, :k]
        last = rows[:, min(k, passing) - 1]
        if last.min() < 0:
            short = last < 0
            scores[short], rows[short] = exact.nearest(self._full, queries[short], k, allowed)
        return scores, rows

    def _among_lists(
        self, queries: np.ndarray, k: int, lists: Lists, width: int, mask: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search in the lists near each query that have allowed rows, in more where these are rarer."""
        allowed, depth = lists.allowed(mask), depth_for(k)
        rarity = _HALF * len(self) / max(len(allowed), 1)
        wider = max(depth / SHALLOWEST / self._views, 1.0) * max(rarity**_RARER, 1.0)
        width, least = math.ceil(width * wider), max(depth, k)
        scores, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        for place, query in enumerate(queries):
            found = lists.nearest(self._full, query, k, allowed, width=width, least=least)
            scores[place], rows[place] = found or self._all(query, k, allowed)
        return scores, rows

    def _all(self, query: np.ndarray, k: int, allowed: AllowedLists) -> tuple[np.ndarray, np.ndarray]:
        """Compare all allowed rows; FAISS passes over the others, which takes longer where they are many."""
        if k <= len(allowed) <= _SKIP * len(self):
            rows = allowed.rows.astype(np.int64)
            return exact.best_of(exact.scores_of(self._full, query, rows), rows, k)
        (scores,), (rows,) = exact.nearest(self._full, query[None], k, allowed.mask)
        return scores, rows

    def count(
        self, queries: np.ndarray, min_score: float, *, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Return how many of the allowed vectors score at least `min_score` with each query: int64 (m,)."""
        return exact.count(self._full, queries, min_score, allowed)
