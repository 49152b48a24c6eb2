"""The vectors of a new version as its build checks and tunes them: unit vectors float32 (n, d), by rows."""

from collections.abc import Mapping, Sequence

import faiss
import numpy as np

from index.stores.milvus.connection import Server
from index.stores.milvus.index_types import DEEPEST, Parameters
from index.stores.milvus.version import Collection
from index.vectors.exact import contiguous
from index.vectors.tuning import Trial, disturbed, tuned

_QUERIES = 100
"""What the width is tuned on; most of the time of a search is that of bringing its answer here."""


class MilvusVectors:
    """The vectors in a collection that nothing has changed since it was filled."""

    def __init__(self, server: Server, name: str, parameters: Parameters, *, count: int) -> None:
        self.parameters = dict(parameters)
        self._server = server
        self._collection = Collection(server, name, parameters, consistency="Bounded")
        self._count = count

    def __len__(self) -> int:
        return self._count

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), best first; -inf and -1 if missing."""
        k = min(k, len(self), DEEPEST)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for at in range(0, len(queries), _QUERIES):
            part = queries[at : at + _QUERIES]
            for place, found in enumerate(self._collection.nearest(part, k), at):
                scores[place, : len(found)], rows[place, : len(found)] = found.scores, found.rows
        return scores, rows

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""
        (found,) = self._collection.query(f"row == {row}", ["vector"])
        return np.asarray(found["vector"], np.float32)

    def tuned(
        self, vectors: np.ndarray, ladders: Mapping[str, Sequence[int]], recall: float
    ) -> "MilvusVectors":
        """Return them searched just as wide as `recall` needs, judged by comparing all of `vectors`."""
        truth = faiss.IndexFlatIP(vectors.shape[1])
        truth.add(contiguous(vectors))
        trial = Trial(truth, disturbed(vectors, count=_QUERIES))
        return self._with(tuned(ladders, recall, lambda widths: trial.recall(self._with(widths).search)))

    def _with(self, parameters: Parameters) -> "MilvusVectors":
        merged = {**self.parameters, **parameters}
        return MilvusVectors(self._server, self._collection.name, merged, count=len(self))
