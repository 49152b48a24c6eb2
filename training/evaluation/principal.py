"""Principal components of edge maps, the oldest learned descriptor: cut-outs in, float32 (n, d) of unit norm.

M. Turk, A. Pentland, "Eigenfaces for recognition", J. Cognitive Neuroscience 1991, on Sobel edges.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy.sparse.linalg import svds
from skimage.filters import sobel

from training.photo.garment import LUMINANCE, Garment

EDGE_SIDE = 64
COMPONENTS = 128
SEED = 5


def _half(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels).resize((EDGE_SIDE, EDGE_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32) / 255


def edge_map(garment: Garment) -> np.ndarray:
    """Return the Sobel edges of a cut-out's mask and of its luminance within, float32 (2 * 64 * 64,)."""
    mask = _half(garment.mask)
    luminance = _half(np.rint(garment.rgb @ LUMINANCE).astype(np.uint8))
    return np.concatenate([sobel(mask), sobel(luminance) * mask], axis=None, dtype=np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def principal_edges(
    gallery: Sequence[Garment], queries: Sequence[Garment], *, components: int = COMPONENTS
) -> tuple[np.ndarray, np.ndarray]:
    """Describe garments by the principal components that the gallery's edge maps have.

    Parameters
    ----------
    gallery, queries : sequences of Garment
    components : int
        At most one less than the gallery has garments.

    Returns
    -------
    gallery, queries : float32 (n, components), (m, components)
        Unit rows.
    """
    edges = np.stack([edge_map(garment) for garment in gallery])
    mean = edges.mean(axis=0)
    count = min(components, len(edges) - 1)
    axes = svds(edges - mean, k=count, rng=np.random.default_rng(SEED))[2]
    asked = np.stack([edge_map(garment) for garment in queries])
    return _unit((edges - mean) @ axes.T), _unit((asked - mean) @ axes.T)
