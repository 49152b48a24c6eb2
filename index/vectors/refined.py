"""Kinds that find candidates by short codes and score these by the vectors, which lie behind in the file."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import faiss

from index.vectors.approximate import ApproximateIndex
from index.vectors.vector_index import mapped

CANDIDATES = (1, 2, 4, 8, 16, 32)


class RefinedIndex(ApproximateIndex):
    """A kind that needs only its codes in memory: a search reads few of the vectors.

    Its width `refine` is how many candidates are scored for each neighbour that is looked for.
    """

    widths: ClassVar[tuple[str, ...]] = ("refine",)
    _coded: ClassVar[type[faiss.Index]]

    @classmethod
    def _made_by(cls, index: faiss.Index) -> bool:
        return isinstance(index, faiss.IndexRefineFlat) and isinstance(
            faiss.downcast_index(index.base_index), cls._coded
        )

    @classmethod
    def _needed(cls, path: Path) -> int:
        """Return the bytes of the codes: they lie before the vectors."""
        index = mapped(path)
        return index.ntotal * cls.bytes_per_vector(index.d)

    @classmethod
    def _ladders(cls, index: faiss.Index) -> dict[str, Sequence[int]]:
        return {"refine": CANDIDATES}

    def _vectors(self) -> faiss.Index:
        return faiss.downcast_index(self._index.refine_index)

    def _request(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        return faiss.IndexRefineSearchParameters(
            k_factor=self._width("refine"), base_index_params=self._candidates(rows, widening)
        )

    @abstractmethod
    def _candidates(self, rows: faiss.IDSelector | None, widening: float) -> faiss.SearchParameters:
        """Return the parameters of the search among the codes."""
