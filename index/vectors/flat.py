"""The flat kind: every vector is compared with the query."""

from typing import Self

import faiss
import numpy as np

from index.vectors import exact
from index.vectors.vector_index import RECALL, VectorIndex


class FlatIndex(VectorIndex):
    """Exact, and the truth for the other kinds; its time grows with the number of vectors."""

    kind = "flat"

    @classmethod
    def build(cls, vectors: np.ndarray, *, recall: float = RECALL, owners: np.ndarray | None = None) -> Self:
        """Return an index of `vectors`, float32 (n, d); whatever `recall` is asked for, it has 1."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(exact.contiguous(vectors))
        return cls(index, {"recall": 1.0})

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
