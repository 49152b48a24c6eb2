"""What every kind of vector index can do: unit vectors float32 (n, d) in, rows with their scores out."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Protocol, Self

import faiss
import numpy as np

from index.errors import IndexDamaged, IndexNotWritten


class Searchable(Protocol):
    """Vectors float32 (n, d) in rows 0 to n - 1, found by their inner product with a query."""

    def __len__(self) -> int:
        """Return how many vectors there are."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), best first, for float32 (m, d)."""

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""


RECALL = 0.98

_AT_ONCE = 4 * 2**20

Parameters = Mapping[str, float | int | str]


def read_through(path: Path, size: int) -> int:
    """Read up to `size` bytes of a file, which leaves them in the system's memory; return how many."""
    buffer, done = memoryview(bytearray(_AT_ONCE)), 0
    with path.open("rb", buffering=0) as file:
        while done < size and (count := file.readinto(buffer[: size - done])):
            done += count
    return done


def mapped(path: Path) -> faiss.Index:
    """Return FAISS's index in a file, mapped; raises `RuntimeError` where it is none."""
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise `IndexNotWritten` where a file of vectors can't be written in the block."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise IndexNotWritten(
            f"The vectors could not be written to '{path}'. Is the disk full, or the folder read-only? "
            "Make room there and build again."
        ) from error


class VectorIndex(ABC):
    """Vectors float32 (n, d) in rows 0 to n - 1, found again by their inner product with a query.

    An index never changes once it is made, and is searched by any number of threads at once. Read from a
    file, it is mapped: all processes share the file's pages. What a quick search needs of it is read through
    before, since page by page it would come into memory at a tenth of the speed.
    FAISS maps every kind (`IO_FLAG_MMAP_IFC`), the vectors behind the codes of the compressed ones included.
    Private to a process are the levels, offsets and lists of HNSW (16 bytes a vector) and the places of the
    rows in IVF-flat (8).

    `kind` is the name under which the class is registered and noted in the manifest.
    """

    kind: ClassVar[str]

    def __init__(self, index: faiss.Index, parameters: Parameters) -> None:
        self._index = index
        self._parameters = dict(parameters)

    @classmethod
    @abstractmethod
    def build(
        cls,
        vectors: np.ndarray,
        *,
        recall: float = RECALL,
        owners: np.ndarray | None = None,
        path: Path | None = None,
    ) -> Self:
        """Return an index that holds a copy of `vectors`, with its search width tuned.

        Parameters
        ----------
        vectors : float32 (n, d), finite unit rows, at least one
        recall : float
            The share of the true first ten that a search is to find.
        owners : int64 (n,), optional
            The item of each vector, if the first ten are to be items, each by its best vector.
        path : Path, optional
            Where the index is written, and mapped from; by default it lies in memory.

        Raises
        ------
        IndexNotWritten
            The file could not be written in full.
        """

    @classmethod
    def _written(cls, vectors: np.ndarray, path: Path) -> faiss.Index:
        """Write FAISS's index of `vectors` to a file, and return it mapped."""
        with writing(path):
            cls._write(vectors, path)
        return mapped(path)

    @classmethod
    def _write(cls, vectors: np.ndarray, path: Path) -> None:
        """Write FAISS's index of `vectors`; the kinds for many vectors do so without holding them."""
        faiss.write_index(cls._made(vectors), str(path))

    @classmethod
    @abstractmethod
    def _made(cls, vectors: np.ndarray) -> faiss.Index:
        """Return FAISS's index of `vectors`, in memory."""

    @classmethod
    def load(cls, path: Path, parameters: Parameters) -> Self:
        """Return the index saved at `path`, mapped, with the `parameters` that its build recorded.

        Raises
        ------
        IndexDamaged
            The file is missing or is not an index of this kind, or its search width is not given.
        """
        try:
            read_through(path, cls._needed(path))
            index = mapped(path)
        except (RuntimeError, OSError) as error:
            raise unreadable(path) from error
        if not cls._made_by(index) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise unreadable(path)
        return cls(index, parameters)

    @classmethod
    def _needed(cls, path: Path) -> int:
        """Return how many bytes, from the beginning of the file, a quick search needs in memory."""
        return path.stat().st_size

    @classmethod
    @abstractmethod
    def _made_by(cls, index: faiss.Index) -> bool:
        """Return whether FAISS's index is one of this kind."""

    def save(self, path: Path) -> None:
        """Write the index to `path`, in FAISS's own format.

        Raises
        ------
        IndexNotWritten
            The file could not be written in full.
        """
        with writing(path):
            faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return int(self._index.d)

    @property
    def parameters(self) -> dict[str, float | int | str]:
        """What `load` needs besides the file: the tuned width, and the recall measured with it."""
        return dict(self._parameters)

    @abstractmethod
    def search(
        self, queries: np.ndarray, k: int, *, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` rows nearest to each query, best first.

        Parameters
        ----------
        queries : float32 (m, d)
        k : int
            At least 1; more than there are vectors is taken as all of them.
        allowed : bool (n,), optional
            The rows that may be found; by default all. Nobody may change it afterwards.

        Returns
        -------
        scores : float32 (m, min(k, n)), descending exact inner products
        rows : int64 (m, min(k, n)), -1 with a score of -inf at the end where fewer are allowed
        """

    @abstractmethod
    def count(
        self, queries: np.ndarray, min_score: float, *, allowed: np.ndarray | None = None
    ) -> np.ndarray:
        """Return how many of the allowed vectors score at least `min_score` with each query: int64 (m,).

        Exact in every kind, for all vectors are compared.
        """

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row as it was indexed: float32 (d,)."""
        return self._index.reconstruct(int(row))

    @staticmethod
    @abstractmethod
    def bytes_per_vector(dimension: int) -> int:
        """Return the bytes a vector that a quick search needs in memory."""


def unreadable(path: Path) -> IndexDamaged:
    """Return the error of a file of vectors that can't be read."""
    return IndexDamaged(
        f"The vectors in '{path}' can't be read. Activate another version, or build the index again."
    )
