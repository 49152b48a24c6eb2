"""Kinds of vector index behind one interface: unit vectors float32 (n, d), searched by inner product."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import faiss
import numpy as np

from index.errors import IndexDamaged, IndexNotWritten, KindUnknown


class VectorIndex(ABC):
    """Vectors float32 (n, d) in rows 0 to n - 1, found again by their inner product with a query.

    Searches may run in several threads at once. `kind` is the name under which the class is registered in
    `KINDS` and noted in the manifest.
    """

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def build(cls, vectors: np.ndarray) -> Self:
        """Return an index of `vectors`, float32 (n, d)."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Return the index saved at `path`, mapped so that processes share its memory.

        Raises
        ------
        IndexDamaged
            The file is missing, or is not an index of this kind.
        """

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the index to `path`.

        Raises
        ------
        IndexNotWritten
            The file could not be written in full.
        """

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Number of components of a vector."""

    @abstractmethod
    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` rows nearest to each query, best first.

        Parameters
        ----------
        queries : float32 (m, d)
        k : int
            At least 1; more than there are vectors is taken as all of them.

        Returns
        -------
        scores : float32 (m, min(k, n)), descending inner products
        rows : int64 (m, min(k, n)), -1 with a score of -inf where an approximate kind found fewer
        """

    @abstractmethod
    def count(self, queries: np.ndarray, min_score: float) -> np.ndarray:
        """Return how many vectors score at least `min_score` with each query: int64 (m,)."""

    @abstractmethod
    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""


class FlatIndex(VectorIndex):
    """Every vector is compared with the query: exact, and the truth for the other kinds."""

    kind = "flat"

    def __init__(self, index: faiss.Index) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: np.ndarray) -> Self:
        """Return an index that holds a copy of `vectors`, float32 (n, d)."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(_rows(vectors))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the saved index; its vectors stay in the file's pages, shared by all processes."""
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise _unreadable(path) from error
        if not isinstance(index, faiss.IndexFlatIP):
            raise _unreadable(path)
        return cls(index)

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise IndexNotWritten(
                f"The vectors could not be written to '{path}'. Is the disk full, or the folder read-only? "
                "Make room there and build again."
            ) from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return int(self._index.d)

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), exact and best first."""
        scores, rows = self._index.search(_rows(queries), min(k, len(self)))
        return scores, rows

    def count(self, queries: np.ndarray, min_score: float) -> np.ndarray:
        """Return how many vectors score at least `min_score` with each query: int64 (m,)."""
        # FAISS finds what lies strictly above its threshold
        threshold = np.nextafter(np.float32(min_score), np.float32(-np.inf))
        limits, _, _ = self._index.range_search(_rows(queries), float(threshold))
        return np.diff(limits.astype(np.int64))

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""
        return self._index.reconstruct(int(row))


KINDS: dict[str, type[VectorIndex]] = {kind.kind: kind for kind in (FlatIndex,)}


def _rows(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vectors, np.float32)


def _unreadable(path: Path) -> IndexDamaged:
    return IndexDamaged(
        f"The vectors in '{path}' can't be read. Activate another version, or build the index again."
    )


def kind_named(name: str) -> type[VectorIndex]:
    """Return the kind of index registered as `name`.

    Raises
    ------
    KindUnknown
        No kind has that name.
    """
    if name not in KINDS:
        raise KindUnknown(f"Unknown kind of index '{name}'. Known: {', '.join(sorted(KINDS))}.")
    return KINDS[name]
