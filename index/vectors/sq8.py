"""The scalar quantised kind: each number as 8 bits of the range that it has in the vectors."""

import faiss
import numpy as np

from index.vectors.refined import RefinedIndex


class Sq8Index(RefinedIndex):
    """All codes are compared, as in a flat index, in a quarter of its memory."""

    kind = "sq8"
    _coded = faiss.IndexScalarQuantizer

    @classmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        index = faiss.index_factory(vectors.shape[1], "SQ8,RFlat", faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add(vectors)
        return index

    def _candidates(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        return faiss.SearchParameters(sel=rows)

    @staticmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes of the codes."""
        return dimension
