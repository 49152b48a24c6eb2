"""Comparison of queries float32 (m, d) with every allowed vector that a FAISS index holds in full."""

import faiss
import numpy as np

_ROWS = 4096
"""Vectors that are compared with all queries at a time, where few are wanted; they stay in the cache."""


def contiguous(vectors: np.ndarray) -> np.ndarray:
    """Return `vectors` as FAISS takes them: float32, row by row."""
    return np.ascontiguousarray(vectors, np.float32)


def checked(index: faiss.Index, allowed: np.ndarray) -> np.ndarray:
    """Return the rows that may be found as they are; raises `ValueError` unless they are bool (n,)."""
    if allowed.shape != (index.ntotal,) or allowed.dtype != bool:
        raise ValueError(
            f"allowed is {allowed.dtype} {allowed.shape}; give bool ({index.ntotal},), an answer a vector."
        )
    return allowed


def bitmap(chosen: np.ndarray) -> faiss.IDSelector:
    """Return what is chosen, bool (n,), as FAISS takes it: a bit each."""
    return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))


def selector(index: faiss.Index, allowed: np.ndarray | None) -> faiss.IDSelector | None:
    """Return the rows that may be found for FAISS; raises as `checked`."""
    return None if allowed is None else bitmap(checked(index, allowed))


def _everything(index: faiss.Index, allowed: np.ndarray | None) -> faiss.SearchParameters:
    rows = selector(index, allowed)
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=index.nlist, sel=rows)
    return faiss.SearchParameters(sel=rows)


def nearest(
    index: faiss.Index, queries: np.ndarray, k: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores float32 and rows int64, both (m, k), best first; -inf and -1 where fewer are allowed."""
    if len(queries) > 1 and isinstance(index, faiss.IndexFlat):
        vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(-1, index.d)
        return compared(vectors, queries, k, None if allowed is None else checked(index, allowed))
    scores, rows = index.search(contiguous(queries), k, params=_everything(index, allowed))
    return np.where(rows >= 0, scores, np.float32(-np.inf)), rows


def compared(
    vectors: np.ndarray, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `nearest` does of vectors, float32 (n, d), in one pass for all queries, float32 (m, d).

    FAISS goes through all vectors for each query. Of a file that is larger than the memory, each time costs
    as much as to read it.
    """
    queries, places = contiguous(queries), None if allowed is None else np.flatnonzero(allowed)
    count, step = len(vectors) if places is None else len(places), max(_ROWS, 4 * k)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for at in range(0, count, step):  # of a step, a quarter at most is sorted anew
        part = contiguous(vectors[at : at + step] if places is None else vectors[places[at : at + step]])
        found, near = faiss.knn(queries, part, min(k, len(part)), metric=faiss.METRIC_INNER_PRODUCT)
        found_rows = near + at if places is None else places[near + at]
        both, both_rows = np.hstack([scores, found]), np.hstack([rows, found_rows])
        best = np.argsort(-both, axis=1, kind="stable")[:, :k]
        scores, rows = np.take_along_axis(both, best, axis=1), np.take_along_axis(both_rows, best, axis=1)
    return scores, rows


def scores_of(index: faiss.Index, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the scores of some rows, int64 (m,), with a query, float32 (d,): float32 (m,)."""
    scores = np.empty(len(rows), np.float32)
    index.compute_distance_subset(
        1, faiss.swig_ptr(query), len(rows), faiss.swig_ptr(scores), faiss.swig_ptr(rows)
    )
    return scores


def best_of(scores: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` best scores float32 and their rows int64, both (min(k, m),); equal scores by row."""
    best = np.argpartition(-scores, k - 1)[:k] if k < len(scores) else np.arange(len(scores))
    best = best[np.lexsort((rows[best], -scores[best]))]
    return scores[best], rows[best]


def count(
    index: faiss.Index, queries: np.ndarray, min_score: float, allowed: np.ndarray | None
) -> np.ndarray:
    """Return how many allowed vectors score at least `min_score` with each query: int64 (m,)."""
    # FAISS finds what lies strictly above its threshold
    threshold = float(np.nextafter(np.float32(min_score), np.float32(-np.inf)))
    limits, _, _ = index.range_search(contiguous(queries), threshold, params=_everything(index, allowed))
    return np.diff(limits.astype(np.int64))
