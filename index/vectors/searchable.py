"""What the checks of a new index ask of it, wherever its vectors lie."""

from typing import Protocol

import numpy as np


class Searchable(Protocol):
    """Vectors float32 (n, d) in rows 0 to n - 1, found by their inner product with a query."""

    def __len__(self) -> int:
        """Return how many vectors there are."""

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), best first, for float32 (m, d)."""

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""
