"""The IVF-flat kind: vectors in lists by their nearest centroid; those nearest to a query are searched."""

from collections.abc import Sequence
from math import isqrt
from pathlib import Path

import faiss
import numpy as np

from index.scratch import taken
from index.vectors.approximate import ApproximateIndex
from index.vectors.tuning import ladder

SAMPLES_A_LIST = 40


def lists_for(count: int) -> int:
    """Return into how many lists to put `count` vectors."""
    return max(1, min(4 * isqrt(count), count // SAMPLES_A_LIST))


def sample(vectors: np.ndarray, size: int, folder: Path | None = None) -> np.ndarray:
    """Return `size` of `vectors` to learn from, float32 (size, d): one of each stretch, or all repeated.

    They lie on the disk of `folder`, as `index.scratch.taken` puts them, or in memory.
    """
    starts = np.arange(size + 1) * len(vectors) // size
    last = np.maximum(starts[1:], starts[:-1] + 1)
    return taken(vectors, np.random.default_rng(0).integers(starts[:-1], last), folder)


def probing(
    index: faiss.IndexIVF, nprobe: int, rows: faiss.IDSelector | None, widening: float
) -> faiss.SearchParametersIVF:
    """Return a search among `rows`, in `nprobe` lists of `index` and `widening` times as many."""
    return faiss.SearchParametersIVF(nprobe=min(index.nlist, int(nprobe * widening)), sel=rows)


class IvfFlatIndex(ApproximateIndex):
    """Built in less time and memory than HNSW; slower to search."""

    kind = "ivf-flat"
    widths = ("nprobe",)

    @classmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        count, dimension = vectors.shape
        lists = lists_for(count)
        index = faiss.index_factory(dimension, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.train(sample(vectors, SAMPLES_A_LIST * lists))
        index.add(vectors)
        index.make_direct_map()
        return index

    @classmethod
    def _made_by(cls, index: faiss.Index) -> bool:
        return isinstance(index, faiss.IndexIVFFlat)

    @classmethod
    def _ladders(cls, index: faiss.Index) -> dict[str, Sequence[int]]:
        return {"nprobe": ladder(1, index.nlist)}

    def _vectors(self) -> faiss.Index:
        return self._index

    def _request(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        return probing(self._index, self._width("nprobe"), rows, widening)

    @staticmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes of the numbers, of the row and of its place."""
        return 4 * dimension + 16
