"""The HNSW kind: a graph of neighbours in layers, walked towards the query (Malkov and Yashunin, 2018)."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import faiss
import numpy as np

from index.vectors import exact
from index.vectors.approximate import SHALLOWEST, ApproximateIndex
from index.vectors.ivf import SAMPLES_A_LIST, lists_for, sample
from index.vectors.lists import Lists
from index.vectors.tuning import Trial, disturbed, ladder, narrowest
from index.vectors.vector_index import RECALL, Parameters, unreadable, writing

LINKS = 24
EF_CONSTRUCTION = 80
WIDEST = 2048
_A_STEP = 100
"""Comparisons of one vector that take as long as a unit of `ef_search`: 102 to 174 were measured."""

_LISTS = "lists"
_NARROWEST = 8
_QUERIES = 200
_ITERATIONS, _AT_ONCE = 10, 2**16


def _lists_path(path: Path) -> Path:
    """Return where the lists of an index lie."""
    return path.with_suffix(".lists.npz")


def _lists_of(vectors: np.ndarray) -> Lists:
    """Return lists of vectors, float32 (n, d), by centroids learned from a sample of them."""
    count, dimension = vectors.shape
    number, owners = lists_for(count), np.empty(count, np.int32)
    learned = faiss.Kmeans(
        dimension, number, niter=_ITERATIONS, spherical=True, min_points_per_centroid=1, seed=1
    )
    learned.train(sample(vectors, SAMPLES_A_LIST * number))
    for at in range(0, count, _AT_ONCE):
        part = exact.contiguous(vectors[at : at + _AT_ONCE])
        owners[at : at + _AT_ONCE] = learned.index.search(part, 1)[1][:, 0]
    rows = np.argsort(owners, kind="stable").astype(np.int32)
    return Lists(learned.index, rows, np.bincount(owners, minlength=number))


def _write_lists(lists: Lists, path: Path) -> None:
    centroids = lists.centroids.reconstruct_n(0, len(lists))
    np.savez(_lists_path(path), centroids=centroids, rows=lists.rows, sizes=lists.sizes)


def _read_lists(path: Path) -> Lists:
    with np.load(_lists_path(path)) as file:
        centroids = faiss.IndexFlatIP(file["centroids"].shape[1])
        centroids.add(file["centroids"])
        return Lists(centroids, file["rows"], file["sizes"])


class HnswIndex(ApproximateIndex):
    """The quickest kind, for vectors that fit into memory with `2 * LINKS` links each.

    A graph can't be walked among few of its rows, so that these are also in lists: where a search among all
    finds too few that are allowed, those in the lists near the query are compared.
    """

    kind = "hnsw"
    widths = ("ef_search",)
    loose = 0.4

    def __init__(self, index: faiss.Index, parameters: Parameters, lists: Lists | None = None) -> None:
        super().__init__(index, parameters)
        self._beside = lists

    @classmethod
    def build(
        cls,
        vectors: np.ndarray,
        *,
        recall: float = RECALL,
        owners: np.ndarray | None = None,
        path: Path | None = None,
    ) -> Self:
        """Return an index of `vectors`, float32 (n, d), as for all kinds, with lists of the rows."""
        walked, lists = super().build(vectors, recall=recall, owners=owners, path=path), _lists_of(vectors)
        if path is not None:
            with writing(path):
                _write_lists(lists, path)
        similarity = vectors @ vectors[0]
        half = similarity >= np.median(similarity)  # to one side of most queries, as a category lies
        trial = Trial(walked._full, disturbed(vectors, count=_QUERIES, seed=1), half, owners=owners)

        def measured(width: int) -> float:
            index = cls(walked._index, {**walked._parameters, _LISTS: width}, lists)
            return trial.recall(partial(index.search, allowed=half))

        widths = ladder(_NARROWEST, max(_NARROWEST, len(lists)))
        return cls(walked._index, {**walked._parameters, _LISTS: narrowest(widths, recall, measured)}, lists)

    @classmethod
    def load(cls, path: Path, parameters: Parameters) -> Self:
        """Return the index saved at `path`, as for all kinds; earlier releases wrote no lists."""
        walked = super().load(path, parameters)
        if _LISTS not in parameters:
            return walked
        try:
            return cls(walked._index, parameters, _read_lists(path))
        except (OSError, ValueError, KeyError) as error:
            raise unreadable(_lists_path(path)) from error

    def save(self, path: Path) -> None:
        """Write the index to `path`, in FAISS's own format, and its lists beside it."""
        super().save(path)
        if self._beside is not None:
            with writing(path):
                _write_lists(self._beside, path)

    def _with(self, parameters: Parameters) -> Self:
        return type(self)(self._index, {**self._parameters, **parameters}, self._beside)

    @property
    def _lists(self) -> tuple[Lists, int] | None:
        return None if self._beside is None else (self._beside, self._width(_LISTS))

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
        """Return the bytes of the numbers, of the links, of what finds these, and of the row in its list."""
        return 4 * dimension + 8 * LINKS + 16
