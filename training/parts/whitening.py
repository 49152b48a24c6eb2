"""What the edges of any two garments have in common, and how it is discounted: edges (n, 15, 15, 8) in.

Edges beside each other, and the same edge in several directions, say the same thing several times, and most
garments have sides and shoulders. The part that is looked for is multiplied by the inverse of the covariance
of edges, as a kernel of 5 x 5 cells, so that what is rare counts: a V where others are round.

References
----------
B. Hariharan, J. Malik, D. Ramanan, "Discriminative decorrelation for clustering and classification", ECCV
2012.
"""

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from training.files import write_atomically

FILE = Path(__file__).with_name("whitening.npz")

SPAN = 5
"""Side of the kernel, in cells."""

_REGULARISED = 1.0
"""What is added to the eigenvalues of the covariance, as a share of their mean."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """The statistics of the edges of garments.

    Parameters
    ----------
    mean : float32 (8,) in [0, 255]
        Of each channel over all cells.
    kernel : float32 (25 * 8, 8)
        From the cells around one, row by row, to that one.
    """

    mean: np.ndarray
    kernel: np.ndarray

    def of(self, edges: np.ndarray) -> np.ndarray:
        """Discount what is common in edges, float32 (15, 15, 8): of the same shape, of either sign."""
        around = _around(edges - self.mean)
        return around.reshape(*edges.shape[:2], -1) @ self.kernel


def _around(edges: np.ndarray) -> np.ndarray:
    """Return the 5 x 5 cells around each, zero beyond the grid: (..., h, w, 5, 5, c)."""
    reach = SPAN // 2
    padded = np.pad(edges, [*[(0, 0)] * (edges.ndim - 3), (reach, reach), (reach, reach), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SPAN, SPAN), (-3, -2))
    return np.moveaxis(windows, -3, -1)


def learned(edges: np.ndarray) -> Whitening:
    """Learn from the edges of garments, uint8 (n, 15, 15, 8), hundreds at least."""
    mean = edges.mean(axis=(0, 1, 2), dtype=np.float64)
    size = SPAN * SPAN * len(mean)
    covariance, count = np.zeros((size, size)), 0
    for each in edges:
        around = _around(each - mean).reshape(-1, size)
        covariance += around.T @ around
        count += len(around)
    values, vectors = np.linalg.eigh(covariance / count)
    inverse = (vectors * values.mean() / (values + _REGULARISED * values.mean())) @ vectors.T
    middle = size // 2 - len(mean) // 2
    return Whitening(mean.astype(np.float32), inverse[:, middle : middle + len(mean)].astype(np.float32))


def write(whitening: Whitening, file: Path = FILE) -> None:
    """Write it atomically, as float32."""
    content = io.BytesIO()
    np.savez(content, mean=whitening.mean, kernel=whitening.kernel)
    write_atomically(file, content.getvalue())


@cache
def shipped() -> Whitening:
    """Return the one that ships, learned from the photographs that the encoder was trained on."""
    with np.load(FILE) as stored:
        return Whitening(stored["mean"], stored["kernel"])
