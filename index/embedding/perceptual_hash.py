"""A perceptual hash of a photograph: an int of 60 bits that resizing and recompressing change little.

It is the colour layout descriptor of MPEG-7 (ISO/IEC 15938-3): 12 low frequencies of luminance and chroma,
here with 5 bits each, evenly spaced for small values and ever wider for large ones. It is made of the
photograph and not of the cut-out, so that it errs where the cut-out does not, and the other way round.
"""

import numpy as np
from PIL import Image

HASH_VERSION = "1"
"""Raise it when `photo_hash` changes, so that cached hashes are recomputed."""

_GRID = 8
_BITS = 5
_LINEAR = 4.0  # levels are even up to about this value, logarithmic beyond
_CHROMA = 3.0  # weight of the chroma: recompressing and cropping change it less
_LUMINANCE_AT = ((0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2))
_CHROMA_AT = ((0, 0), (0, 1), (1, 0))
_AT = np.array([(*at, 0) for at in _LUMINANCE_AT] + [(*at, c) for c in (1, 2) for at in _CHROMA_AT]).T
_WEIGHTS = np.where(_AT[2] > 0, _CHROMA, 1.0)
_SHIFTS = np.arange(_AT.shape[1], dtype=np.uint64) * np.uint64(_BITS)
_HALF = 2 ** (_BITS - 1)

_DCT = np.cos(np.pi / _GRID * np.outer(np.arange(_GRID), np.arange(_GRID) + 0.5)) * np.sqrt(2 / _GRID)
_DCT[0] /= np.sqrt(2)
"""The orthonormal cosine transform (DCT-II), as `scipy.fft.dct` has it."""


def photo_hash(rgb: np.ndarray) -> int:
    """Return the perceptual hash of a photograph, uint8 (h, w, 3): an integer of 60 bits."""
    small = Image.fromarray(rgb).resize((_GRID, _GRID), Image.Resampling.BOX).convert("YCbCr")
    planes = np.moveaxis(np.asarray(small) - 128.0, 2, 0)
    frequencies = np.moveaxis(_DCT @ planes @ _DCT.T, 0, 2) / _GRID
    weighted = frequencies[*_AT] * _WEIGHTS
    levels = np.clip(np.rint(_LINEAR * np.arcsinh(weighted / _LINEAR)), -_HALF, _HALF - 1) + _HALF
    return int(np.bitwise_or.reduce(levels.astype(np.uint64) << _SHIFTS))


def hash_levels(hashes: np.ndarray) -> np.ndarray:
    """Return the levels that hashes, uint64 (n,), are made of: float64 (n, 12)."""
    return ((hashes[:, None] >> _SHIFTS) & np.uint64(2 * _HALF - 1)).astype(np.float64)


def hash_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the squared distances between hashes, uint64 (n,) each, in levels: int64 (n,)."""
    return ((hash_levels(left) - hash_levels(right)) ** 2).sum(axis=1).astype(np.int64)
