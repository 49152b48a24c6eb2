"""The HNSW kind: a graph of neighbours in layers, walked towards the query (Malkov and Yashunin, 2018)."""

from collections.abc import Sequence

import faiss
import numpy as np

from index.vectors.approximate import SHALLOWEST, ApproximateIndex
from index.vectors.tuning import ladder

LINKS = 24
EF_CONSTRUCTION = 80
WIDEST = 2048
_A_STEP = 100
"""Comparisons of one vector that take as long as a unit of `ef_search`: 102 to 174 were measured."""


class HnswIndex(ApproximateIndex):
    """The quickest kind, for vectors that fit into memory with `2 * LINKS` links each."""

    kind = "hnsw"
    widths = ("ef_search",)

    @classmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        index.add(vectors)
        return index

    @classmethod
    def _made_by(cls, index: faiss.Index) -> bool:
        return isinstance(index, faiss.IndexHNSWFlat)

    @classmethod
    def _ladders(cls, index: faiss.Index) -> dict[str, Sequence[int]]:
        return {"ef_search": ladder(SHALLOWEST, WIDEST)}

    def _vectors(self) -> faiss.Index:
        return faiss.downcast_index(self._index.storage)

    def _request(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        return faiss.SearchParametersHNSW(efSearch=int(self._width("ef_search") * widening), sel=rows)

    def _comparisons(self) -> float:
        """Return as for all kinds; where vectors lie evenly all around, it is more than there are vectors."""
        return float(_A_STEP * self._width("ef_search"))

    @staticmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes of the numbers, of the links and of what finds these."""
        return 4 * dimension + 8 * LINKS + 12
