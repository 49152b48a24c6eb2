import csv
from pathlib import Path

import numpy as np
import pytest

from index.embedding import duplicates
from index.embedding.duplicates import MAX_DISTANCE, MIN_SCORE, find_duplicates, write_duplicates
from index.embedding.perceptual_hash import hash_distances
from training.catalogue.reader import Item


def hashed(*levels):
    """Hashes whose first level is given, all others 0."""
    return np.array(levels, np.uint64)


def near(vectors, row, score, seed):
    """Return a unit vector that scores as given with a row."""
    other = np.random.default_rng(seed).standard_normal(vectors.shape[1])
    other -= (other @ vectors[row]) * vectors[row]
    return (score * vectors[row] + np.sqrt(1 - score**2) * other / np.linalg.norm(other)).astype(np.float32)


def test_pairs_near_in_both_senses_are_grouped_under_their_first_row(unit_vectors):
    vectors = unit_vectors(6)
    vectors[4] = near(vectors, 1, MIN_SCORE + 0.001, 0)  # near, and the hash too
    vectors[5] = near(vectors, 2, MIN_SCORE - 0.001, 1)  # not near, but the hash is
    vectors[3] = vectors[0]  # near, but not the hash
    hashes = hashed(0, 10, 20, 5, 12, 20)
    assert find_duplicates(vectors, hashes).tolist() == [0, 1, 2, 3, 1, 5]


def test_the_distance_of_hashes_may_just_be_the_greatest(unit_vectors):
    vectors = np.repeat(unit_vectors(1), 3, axis=0)
    near, far = 2 | 1 << 5, 2 | 1 << 5 | 1 << 10
    assert hash_distances(hashed(0, 0), hashed(near, far)).tolist() == [MAX_DISTANCE, MAX_DISTANCE + 1]
    assert find_duplicates(vectors[:2], hashed(0, near)).tolist() == [0, 0]
    assert find_duplicates(vectors[:2], hashed(0, far)).tolist() == [0, 1]


def test_a_chain_of_duplicates_is_one_group(unit_vectors):
    vectors = np.repeat(unit_vectors(2), [5, 1], axis=0)
    assert find_duplicates(vectors, hashed(8, 30, 4, 6, 2, 5)).tolist() == [0, 1, 0, 0, 0, 5]


def test_a_photograph_that_comes_a_thousand_times_is_one_group(unit_vectors):
    vectors = np.repeat(unit_vectors(3), [1, 1000, 1], axis=0)
    hashes = hashed(0, *[1] * 1000, 2)
    groups = find_duplicates(vectors, hashes)
    assert groups[0] == 0 and (groups[1:-1] == 1).all() and groups[-1] == 1001


@pytest.mark.parametrize("window", [7, 64, 2**18])
def test_the_groups_are_those_of_brute_force(unit_vectors, monkeypatch, window):
    monkeypatch.setattr(duplicates, "_WINDOW", window)
    rng = np.random.default_rng(3)
    vectors = np.repeat(unit_vectors(40), 5, axis=0) + rng.normal(0, 0.03, (200, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = (rng.integers(0, 6, (200, 3)) << np.array([0, 5, 10])).sum(axis=1).astype(np.uint64)
    left, right = np.triu_indices(200, 1)
    same = ((vectors @ vectors.T)[left, right] >= MIN_SCORE) & (
        hash_distances(hashes[left], hashes[right]) <= MAX_DISTANCE
    )
    expected = np.arange(200)
    for one, other in zip(left[same], right[same], strict=True):
        low, high = sorted((expected[one], expected[other]))
        expected[expected == high] = low
    assert len(set(expected)) < 200
    np.testing.assert_array_equal(find_duplicates(vectors, hashes), expected)


def test_no_items_and_a_single_one_have_no_duplicates(unit_vectors):
    assert find_duplicates(unit_vectors(1), hashed(7)).tolist() == [0]
    assert find_duplicates(np.empty((0, 16), np.float32), hashed()).tolist() == []


def test_the_report_names_each_repeated_item_with_its_first(tmp_path, unit_vectors):
    vectors = unit_vectors(3)
    vectors[2] = vectors[0]
    items = [Item(f"sku-{row}", Path(f"/{row}.jpg")) for row in range(3)]
    write_duplicates(tmp_path / "d.csv", items, np.array([0, 1, 0]), vectors, hashed(4, 9, 6))
    with (tmp_path / "d.csv").open() as file:
        assert list(csv.DictReader(file)) == [
            {"item_id": "sku-2", "duplicate_of": "sku-0", "score": "1.0000", "hash_distance": "4"}
        ]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_what_is_compared_is_not_modified(unit_vectors, count):
    vectors, hashes = unit_vectors(count), np.arange(count, dtype=np.uint64)
    before = vectors.copy(), hashes.copy()
    find_duplicates(vectors, hashes)
    assert np.array_equal(vectors, before[0]) and np.array_equal(hashes, before[1])
