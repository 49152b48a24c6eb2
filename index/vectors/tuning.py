"""The width of an approximate search, tuned to a wanted recall on queries that are not in the index."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import faiss
import numpy as np

from index.vectors import exact

FIRST = 10
QUERIES = 400
_DISTURBANCE = 0.3
_TIE = 1e-6
_NEARLY = 0.995

Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def ladder(lowest: int, highest: int) -> list[int]:
    """Return the widths to try, ascending by steps of at most a half, from `lowest` to `highest`."""
    rungs = {width << level for width in (2, 3) for level in range(highest.bit_length())}
    return sorted({lowest, highest} | {width for width in rungs if lowest < width < highest})


def narrowest(widths: Sequence[int], wanted: float, measure: Callable[[int], float]) -> int:
    """Return the first of ascending `widths` that `measure` puts at `wanted`; the last where none is."""
    return widths[min(bisect_left(widths, wanted, key=measure), len(widths) - 1)]


def tuned(
    ladders: Mapping[str, Sequence[int]], recall: float, measure: Callable[[dict[str, int]], float]
) -> dict[str, float | int]:
    """Return the widths of a search that finds just `recall`, with the recall that was measured with them.

    Starting from the widest, one width is narrowed after the other; all but the last may lose half of what
    may be lost. Where the widest misses what is wanted, the narrowest is taken that finds nearly as much.

    Parameters
    ----------
    ladders : mapping of str to sequence of int
        The ascending widths to try, by their names, in the order in which they are tuned.
    recall : float
    measure : function
        From widths by their names to the recall of a search as wide.
    """
    widths = {name: ladder[-1] for name, ladder in ladders.items()}
    last = [*ladders][-1:]

    def recall_at(name: str, width: int) -> float:
        return measure({**widths, name: width})

    for name, ladder in ladders.items():
        wanted, of_width = recall if [name] == last else (1 + recall) / 2, partial(recall_at, name)
        widths[name] = narrowest(ladder, wanted, of_width)
        if widths[name] == ladder[-1] and (most := measure(widths)) < wanted:
            widths[name] = narrowest(ladder, _NEARLY * most, of_width)
    return {**widths, "recall": round(measure(widths), 4)}


def disturbed(vectors: np.ndarray, *, count: int = QUERIES, seed: int = 0) -> np.ndarray:
    """Return queries float32 (count, d), unit rows, that lie near `vectors` and are none of them.

    Each is a vector moved by a part of the difference of two others, so that queries spread in the directions
    in which the vectors do: like another photograph of the same garment, and unlike a step into nowhere.
    """
    rng = np.random.default_rng(seed)
    vectors_of, plus, minus = (vectors[rng.choice(len(vectors), count)] for _ in range(3))
    queries = vectors_of + _DISTURBANCE * (plus - minus)
    return (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)


def owners_of(rows: np.ndarray, owners: np.ndarray | None) -> np.ndarray:
    """Return the items of some rows, int64 (k,), by that of every row, int64 (n,); None for one each."""
    return rows if owners is None else owners[rows]


def best_of_items(scores: np.ndarray, rows: np.ndarray, owners: np.ndarray | None, first: int) -> np.ndarray:
    """Return the scores of the first items that rows belong to, each by its best row.

    Parameters
    ----------
    scores : float32 (m, k), descending
    rows : int64 (m, k), -1 for none
    owners : int64 (n,), optional
        The item of each row; by default each is one.
    first : int
        How many items.

    Returns
    -------
    float32 (m, first)
        -inf where there are fewer.
    """
    best = np.full((len(rows), first), -np.inf, np.float32)
    for place, (row_scores, found) in enumerate(zip(scores, rows, strict=True)):
        known = found >= 0
        _, at = np.unique(owners_of(found[known], owners), return_index=True)
        at = np.sort(at)[:first]
        best[place, : len(at)] = row_scores[known][at]
    return best


def rows_for_items(rows: np.ndarray, owners: np.ndarray | None, first: int) -> int:
    """Return how many rows it takes until each query has seen its first items.

    Parameters
    ----------
    rows : int64 (m, k)
        Those found, best first, with at least one item for each query; -1 at the end for none.
    owners : int64 (n,), optional
        The item of each row; by default each is one.
    first : int
        How many items.
    """
    places = [np.unique(owners_of(found[found >= 0], owners), return_index=True)[1] for found in rows]
    return 1 + max(int(np.sort(each)[:first][-1]) for each in places)


class Trial:
    """Queries with the scores of their true neighbours, by which searches are judged.

    Parameters
    ----------
    index : faiss.Index
        Holds the vectors in full.
    queries : float32 (m, d)
    allowed : bool (n,), optional
        The rows that may be found.
    owners : int64 (n,), optional
        The item of each row, if the first ten are to be items, each by its best row.
    """

    def __init__(
        self,
        index: faiss.Index,
        queries: np.ndarray,
        allowed: np.ndarray | None = None,
        *,
        owners: np.ndarray | None = None,
    ) -> None:
        self._queries = queries
        self._owners = owners
        most = 1 if owners is None else int(np.bincount(owners).max())
        count = index.ntotal if owners is None else int(owners.max()) + 1
        self._first = min(FIRST, count if allowed is None else int(allowed.sum()))
        scores, rows = exact.nearest(index, queries, min(index.ntotal, self._first * most), allowed)
        self._asked = self._first if owners is None else rows_for_items(rows, owners, self._first)
        self._last = self._scores(scores, rows)[:, -1:]

    def _scores(self, scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return scores if self._owners is None else best_of_items(scores, rows, self._owners, self._first)

    def recall(self, search: Search) -> float:
        """Return the share of the true first ten that `search` finds; as good a score counts as found."""
        return float(np.mean(self._scores(*search(self._queries, self._asked)) >= self._last - _TIE))
