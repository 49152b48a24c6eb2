"""Embeddings to search, float32 (n, d): those of a catalogue, and any number made like them."""

from pathlib import Path

import faiss
import numpy as np

from index.embedding.cache import FOLDER, EmbeddingCache
from index.embedding.embeddings import embed_catalogue
from training.catalogue.reader import read_catalogue
from training.photo.encoder import Encoder

NEIGHBOURS = 10
SPREAD = 0.8
"""How far a made vector lies from a real one, in distances to neighbours: less makes clumps, more a fog."""
BATCH = 100_000


def embeddings(source: str, encoder: Encoder, *, cache: Path) -> np.ndarray:
    """Return the embeddings of a catalogue, from the cache where an earlier run has made them."""
    catalogue = read_catalogue(source, cache=cache)
    with EmbeddingCache(cache / FOLDER, encoder) as kept:
        return embed_catalogue(catalogue, encoder, cache=kept, progress=True).vectors


class Likeness:
    """Makes unit vectors that lie as given ones do.

    Each is one of them, drawn at random, moved by a normal step in the space that the directions to its
    neighbours span: dense where they are dense, and flat where they are flat.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        _, near = faiss.knn(vectors, vectors, NEIGHBOURS + 1, metric=faiss.METRIC_INNER_PRODUCT)
        self._near = near[:, 1:]

    def draw(self, count: int, *, seed: int) -> np.ndarray:
        """Return float32 (count, d), unit rows, the same for one seed."""
        rng, made = np.random.default_rng(seed), np.empty((count, self._vectors.shape[1]), np.float32)
        for at in range(0, count, BATCH):
            part = made[at : at + BATCH]
            rows = rng.integers(0, len(self._vectors), len(part))
            steps = self._vectors[self._near[rows]] - self._vectors[rows, None]
            weights = rng.standard_normal((len(rows), NEIGHBOURS), np.float32) * SPREAD / NEIGHBOURS**0.5
            part[:] = self._vectors[rows] + np.einsum("nk,nkd->nd", weights, steps)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
        return made

    def compared(self, queries: int) -> tuple[float, float]:
        """Return the mean score of a tenth neighbour, among the vectors and among as many made ones."""
        order = np.random.default_rng(0).permutation(len(self._vectors))
        asked, rest = order[:queries], order[queries:]
        real, made = (
            faiss.knn(some[asked], some[rest], 10, metric=faiss.METRIC_INNER_PRODUCT)[0][:, -1].mean()
            for some in (self._vectors, self.draw(len(self._vectors), seed=0))
        )
        return float(real), float(made)
