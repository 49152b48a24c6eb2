"""Photographs that repeat another one: near in a perceptual hash, int of 60 bits, and near as vectors.

The hash is the colour layout descriptor of MPEG-7 (ISO/IEC 15938-3): 12 low frequencies of luminance and
chroma, here with 5 bits each, evenly spaced for small values and ever wider for large ones. It is made of the
photograph and not of the cut-out, so that it errs where the cut-out does not, and the other way round.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from training.catalogue.reader import Item

HASH_VERSION = "1"
"""Raise it when `photo_hash` changes, so that cached hashes are recomputed."""

MIN_SCORE = 0.99
MAX_DISTANCE = 5
"""Squared distance of two hashes in levels, up to which photographs can be duplicates."""

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
_BATCH = 4096


def photo_hash(rgb: np.ndarray) -> int:
    """Return the perceptual hash of a photograph, uint8 (h, w, 3): an integer of 60 bits."""
    small = Image.fromarray(rgb).resize((_GRID, _GRID), Image.Resampling.BOX).convert("YCbCr")
    frequencies = dctn(np.asarray(small) - 128.0, axes=(0, 1), norm="ortho") / _GRID
    weighted = frequencies[*_AT] * _WEIGHTS
    levels = np.clip(np.rint(_LINEAR * np.arcsinh(weighted / _LINEAR)), -_HALF, _HALF - 1) + _HALF
    return int(np.bitwise_or.reduce(levels.astype(np.uint64) << _SHIFTS))


def _levels(hashes: np.ndarray) -> np.ndarray:
    """Return the levels that hashes, uint64 (n,), are made of: float64 (n, 12)."""
    return ((hashes[:, None] >> _SHIFTS) & np.uint64(2 * _HALF - 1)).astype(np.float64)


def hash_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the squared distances between hashes, uint64 (n,) each, in levels: int64 (n,)."""
    return ((_levels(left) - _levels(right)) ** 2).sum(axis=1).astype(np.int64)


def _without_copies(vectors: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first rows of all photographs that differ at all, and the first row of each row's copies.

    Two numbers of a vector are looked at: what is taken for a copy by chance is not confirmed afterwards.
    """
    begun = np.ascontiguousarray(vectors[:, :2], np.float32).view(np.uint64)
    _, firsts, places = np.unique(
        np.column_stack([hashes, begun]), axis=0, return_index=True, return_inverse=True
    )
    return np.sort(firsts), firsts[places]


def _candidates(vectors: np.ndarray, hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows whose hashes are near; of copies only each with the first."""
    rows, firsts = _without_copies(vectors, hashes)
    yield np.arange(len(hashes)), firsts
    levels = _levels(hashes[rows])
    tree = KDTree(levels)
    for at in range(0, len(rows), _BATCH):
        near = tree.query_ball_point(levels[at : at + _BATCH], np.sqrt(MAX_DISTANCE + 0.5))
        places = np.repeat(np.arange(at, at + len(near)), [len(found) for found in near])
        neighbours = np.fromiter(chain.from_iterable(near), np.int64, len(places))
        later = neighbours > places
        yield rows[places[later]], rows[neighbours[later]]


def _scores(vectors: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    scores = np.empty(len(left), np.float32)
    for at in range(0, len(left), _BATCH):
        part = slice(at, at + _BATCH)
        scores[part] = np.einsum("nd,nd->n", vectors[left[part]], vectors[right[part]])
    return scores


def find_duplicates(vectors: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Return the groups of photographs that repeat each other.

    Pairs that are near in both senses are duplicates, and so is whatever a chain of such pairs connects.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
    hashes : uint64 (n,)
        Of `photo_hash`.

    Returns
    -------
    groups : int64 (n,)
        The lowest row of each row's group, its own where it is alone.
    """
    lefts, rights = [], []
    for left, right in _candidates(vectors, hashes):
        same = _scores(vectors, left, right) >= MIN_SCORE
        lefts.append(left[same])
        rights.append(right[same])
    left, right = np.concatenate(lefts), np.concatenate(rights)
    links = coo_array((np.ones(len(left), bool), (left, right)), shape=(len(hashes), len(hashes)))
    _, labels = connected_components(links, directed=False)
    _, firsts = np.unique(labels, return_index=True)
    return firsts[labels]


def write_duplicates(
    path: Path, items: Sequence[Item], groups: np.ndarray, vectors: np.ndarray, hashes: np.ndarray
) -> None:
    """Write a CSV file with a line for each item that repeats another one.

    Its columns are item_id, duplicate_of (the first of its group), score and hash_distance (squared, in
    levels). The last two may lie beyond the limits where a chain of duplicates connects an item with it.
    """
    rows = np.flatnonzero(groups != np.arange(len(groups)))
    firsts = groups[rows]
    scores = _scores(vectors, rows, firsts)
    distances = hash_distances(hashes[rows], hashes[firsts])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item_id", "duplicate_of", "score", "hash_distance"))
        for row, first, score, distance in zip(
            rows.tolist(), firsts.tolist(), scores, distances, strict=True
        ):
            writer.writerow((items[row].item_id, items[first].item_id, f"{score:.4f}", distance))
