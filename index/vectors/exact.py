"""Comparison of queries float32 (m, d) with every allowed vector that a FAISS index holds in full."""

import faiss
import numpy as np


def contiguous(vectors: np.ndarray) -> np.ndarray:
    """Return `vectors` as FAISS takes them: float32, row by row."""
    return np.ascontiguousarray(vectors, np.float32)


def selector(index: faiss.Index, allowed: np.ndarray | None) -> faiss.IDSelector | None:
    """Return the rows that may be found, `allowed` bool (n,), for FAISS: a bit each.

    Raises
    ------
    ValueError
        `allowed` is not an answer for each vector.
    """
    if allowed is None:
        return None
    if allowed.shape != (index.ntotal,) or allowed.dtype != bool:
        raise ValueError(
            f"allowed is {allowed.dtype} {allowed.shape}; give bool ({index.ntotal},), an answer a vector."
        )
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def _everything(index: faiss.Index, allowed: np.ndarray | None) -> faiss.SearchParameters:
    rows = selector(index, allowed)
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=index.nlist, sel=rows)
    return faiss.SearchParameters(sel=rows)


def nearest(
    index: faiss.Index, queries: np.ndarray, k: int, allowed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores float32 and rows int64, both (m, k), best first; -inf and -1 where fewer are allowed."""
    scores, rows = index.search(contiguous(queries), k, params=_everything(index, allowed))
    return np.where(rows >= 0, scores, np.float32(-np.inf)), rows


def count(
    index: faiss.Index, queries: np.ndarray, min_score: float, allowed: np.ndarray | None
) -> np.ndarray:
    """Return how many allowed vectors score at least `min_score` with each query: int64 (m,)."""
    # FAISS finds what lies strictly above its threshold
    threshold = float(np.nextafter(np.float32(min_score), np.float32(-np.inf)))
    limits, _, _ = index.range_search(contiguous(queries), threshold, params=_everything(index, allowed))
    return np.diff(limits.astype(np.int64))
