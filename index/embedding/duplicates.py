"""Photographs that repeat another one: near in their perceptual hash, and near as vectors."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from index.embedding.perceptual_hash import hash_distances, hash_levels
from training.catalogue.reader import Item

MIN_SCORE = 0.99
MAX_DISTANCE = 5
"""Squared distance of two hashes in levels, up to which photographs can be duplicates."""

_BATCH = 4096


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
    levels = hash_levels(hashes[rows])
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
