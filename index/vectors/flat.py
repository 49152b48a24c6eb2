"""The flat kind: every vector is compared with the query."""

from pathlib import Path
from time import thread_time
from typing import Self

import faiss
import numpy as np

from index.vectors import exact
from index.vectors.faiss_files import write_flat
from index.vectors.vector_index import RECALL, VectorIndex

_SAMPLE, _TIMES = 2**15, 7


def comparison_ms(vectors: np.ndarray) -> float:
    """Return the milliseconds of CPU that comparing one query with all vectors, float32 (n, d), takes here.

    Measured on the first of them, as many as no processor has room for near it.
    """
    sample, took = exact.contiguous(vectors[:_SAMPLE]), []
    for query in range(_TIMES):
        start = thread_time()
        faiss.knn(sample[query % len(sample)][None], sample, 1, metric=faiss.METRIC_INNER_PRODUCT)
        took.append(thread_time() - start)
    return 1000 * min(took) * len(vectors) / len(sample)


class FlatIndex(VectorIndex):
    """Exact, and the truth for the other kinds; its time grows with the number of vectors."""

    kind = "flat"

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        *,
        recall: float = RECALL,
        owners: np.ndarray | None = None,
        path: Path | None = None,
    ) -> Self:
        """Return an index of `vectors`, float32 (n, d); whatever `recall` is asked for, it has 1."""
        made = cls._made(vectors) if path is None else cls._written(vectors, path)
        return cls(made, {"recall": 1.0})

    @classmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(exact.contiguous(vectors))
        return index

    @classmethod
    def _write(cls, vectors: np.ndarray, path: Path) -> None:
        with path.open("wb") as file:
            write_flat(file, vectors)

    @classmethod
    def _made_by(cls, index: faiss.Index) -> bool:
        return isinstance(index, faiss.IndexFlatIP)

    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), exact and best first."""
        return exact.nearest(self._index, queries, min(k, len(self)), allowed)

    def count(
        self, queries: np.ndarray, min_score: float, *, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Return how many of the allowed vectors score at least `min_score` with each query: int64 (m,)."""
        return exact.count(self._index, queries, min_score, allowed)

    @staticmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes of the numbers themselves."""
        return 4 * dimension
