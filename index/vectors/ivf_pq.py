"""The IVF-PQ kind: lists of codes, a byte for every few numbers: the nearest of 256 centroids of these.

After Jegou, Douze and Schmid, Product Quantization for Nearest Neighbor Search, 2011.
"""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import faiss
import numpy as np

from index.vectors.faiss_files import write_lists, write_refined
from index.vectors.ivf import SAMPLES_A_LIST, lists_for, probing, sample
from index.vectors.lists import Lists
from index.vectors.refined import CANDIDATES, RefinedIndex
from index.vectors.tuning import ladder

NUMBERS_A_CODE = 2
CENTROIDS = 256
SAMPLES_A_CENTROID = 64
_BESIDE = 3
"""How many times as many lists hold the neighbours of a query that lies beside all allowed rows."""


def codes_for(dimension: int) -> int:
    """Return how many bytes code a vector: one for each two numbers, or as few more as go even."""
    most = max(1, dimension // NUMBERS_A_CODE)
    return next(codes for codes in range(most, 0, -1) if dimension % codes == 0)


class IvfPqIndex(RefinedIndex):
    """The kind that needs the least memory."""

    kind = "ivf-pq"
    widths = ("refine", "nprobe")
    loose = 0.4
    _coded = faiss.IndexIVFPQ

    @classmethod
    def _trained(cls, vectors: np.ndarray, folder: Path | None = None) -> faiss.Index:
        count, dimension = vectors.shape
        lists = lists_for(count)
        recipe = f"IVF{lists},PQ{codes_for(dimension)}x8,RFlat"
        index = faiss.index_factory(dimension, recipe, faiss.METRIC_INNER_PRODUCT)
        coded = faiss.downcast_index(index.base_index)
        coded.do_polysemous_training = False  # it is for searches by Hamming distance
        coded.pq.cp.niter, coded.pq.cp.min_points_per_centroid = 10, 1
        enough = min(count, SAMPLES_A_CENTROID * CENTROIDS)
        index.train(sample(vectors, max(SAMPLES_A_LIST * lists, enough, CENTROIDS), folder))
        return index

    @classmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        index = cls._trained(vectors)
        index.add(vectors)
        return index

    @classmethod
    def _write(cls, vectors: np.ndarray, path: Path) -> None:
        trained = cls._trained(vectors, path.parent)  # owns the other
        coded = faiss.downcast_index(trained.base_index)
        with path.open("wb") as file:
            lists = partial(write_lists, index=coded, vectors=vectors, folder=path.parent)
            write_refined(file, vectors, lists)

    @classmethod
    def _ladders(cls, index: faiss.Index) -> dict[str, Sequence[int]]:
        lists = faiss.downcast_index(index.base_index).nlist
        return {
            "refine": CANDIDATES[1:],
            "nprobe": ladder(1, lists),
        }  # with 1, the end of a page would miss some

    @cached_property
    def _lists(self) -> tuple[Lists, int]:
        return Lists.of(faiss.downcast_index(self._index.base_index)), _BESIDE * self._width("nprobe")

    def _candidates(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        return probing(faiss.downcast_index(self._index.base_index), self._width("nprobe"), rows, widening)

    @staticmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes of the codes and of the row."""
        return codes_for(dimension) + 8
