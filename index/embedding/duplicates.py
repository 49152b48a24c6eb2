"""Photographs that repeat another one: near in their perceptual hash, and near as vectors."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import scipy

from index.embedding.perceptual_hash import hash_distances, hash_levels
from training.catalogue.reader import Item

MIN_SCORE = 0.99
MAX_DISTANCE = 5
"""Squared distance of two hashes in levels, up to which photographs can be duplicates."""

_BATCH = 4096
_WINDOW = 2**18
_RADIUS = float(np.sqrt(MAX_DISTANCE + 0.5))
_ROUNDING = 0.01
_ODD = np.uint64(0x9E3779B97F4A7C15)


def _copies(vectors: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are copies of an earlier one, and the first row of each one's copies: int64 (m,).

    Two numbers of a vector are looked at: what is taken for a copy by chance is not confirmed afterwards.
    """
    begun = vectors[:, :2].astype(np.float32, order="C").view(np.uint64).reshape(-1)  # a copy
    begun *= _ODD
    begun ^= hashes
    order = np.argsort(begun, kind="stable")
    begun = begun[order]
    repeated = np.flatnonzero(begun[1:] == begun[:-1]) + 1
    starts = repeated[np.diff(repeated, prepend=-1) > 1] - 1
    return order[repeated], order[starts[np.searchsorted(starts, repeated) - 1]]


def _along_their_spread(hashes: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, int64 (k,), in the order in which they lie along the axis of most variance, and where."""
    sample = hash_levels(hashes[rows[:: max(1, len(rows) // _WINDOW)]])
    axis = np.linalg.eigh(np.cov(sample.T))[1][:, -1] if len(sample) > 1 else np.eye(sample.shape[1])[0]
    places = np.empty(len(rows), np.float32)
    for at in range(0, len(rows), _BATCH):
        places[at : at + _BATCH] = hash_levels(hashes[rows[at : at + _BATCH]]) @ axis
    order = np.argsort(places)
    return rows[order], places[order]


def _candidates(vectors: np.ndarray, hashes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of rows whose hashes are near; of copies only each with the first.

    Rows are compared window by window along one axis, on which near ones are near: a tree of all would take
    more memory than the vectors' own index.
    """
    copies, firsts = _copies(vectors, hashes)
    yield copies, firsts
    differ = np.ones(len(hashes), bool)
    differ[copies] = False
    rows, places = _along_their_spread(hashes, np.flatnonzero(differ))
    for at in range(0, len(rows), _WINDOW):
        window = rows[at : at + _WINDOW]
        end = int(np.searchsorted(places, places[at + len(window) - 1] + _RADIUS + _ROUNDING, side="right"))
        tree = scipy.spatial.KDTree(hash_levels(hashes[window]))
        for start in range(at, end, _BATCH):
            asked = rows[start : min(start + _BATCH, end)]
            near = tree.query_ball_point(hash_levels(hashes[asked]), _RADIUS)
            later = np.repeat(np.arange(start, start + len(near)), [len(found) for found in near])
            earlier = at + np.fromiter(chain.from_iterable(near), np.int64, len(later))
            pairs = earlier < later
            yield rows[earlier[pairs]], rows[later[pairs]]
        del tree  # before the next one is made


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
    linked, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    ends = places[: len(left)], places[len(left) :]
    links = scipy.sparse.coo_array((np.ones(len(left), bool), ends), shape=(len(linked), len(linked)))
    _, labels = scipy.sparse.csgraph.connected_components(links, directed=False)
    _, firsts = np.unique(labels, return_index=True)
    groups = np.arange(len(hashes))
    groups[linked] = linked[firsts[labels]]
    return groups


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
