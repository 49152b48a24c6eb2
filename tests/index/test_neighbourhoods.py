import numpy as np
import pytest

from index.neighbourhoods import SAMPLE, neighbourhoods
from index.vectors.flat import FlatIndex
from training.photo.confidence import FIRST, QUANTILES


def _true_heads(vectors):
    """The mean score of the first neighbours of each row, by brute force."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    return np.sort(scores, axis=1)[:, ::-1][:, :FIRST].mean(axis=1)


def test_the_quantiles_are_those_of_brute_force(unit_vectors):
    vectors = unit_vectors(120)
    found = neighbourhoods(vectors, FlatIndex.build(vectors))
    assert found == pytest.approx(np.quantile(_true_heads(vectors), QUANTILES), abs=2e-6)


def test_of_many_items_a_sample_is_near_the_truth(unit_vectors):
    vectors = unit_vectors(3 * SAMPLE)
    found = neighbourhoods(vectors, FlatIndex.build(vectors))
    assert found == pytest.approx(np.quantile(_true_heads(vectors), QUANTILES), abs=0.05)
    assert found[25] == pytest.approx(np.median(_true_heads(vectors)), abs=0.01)


def test_the_further_garments_of_an_item_are_not_its_neighbours(unit_vectors):
    vectors = unit_vectors(20)
    twice = np.concatenate([vectors, vectors])  # each item's second garment is exactly like its first
    found = neighbourhoods(twice, FlatIndex.build(twice), owners=np.tile(np.arange(20), 2))
    assert found == pytest.approx(neighbourhoods(vectors, FlatIndex.build(vectors)), abs=2e-6)


def test_a_repeated_photograph_is_a_neighbour_like_any_other():
    vectors = np.repeat(np.eye(4, dtype=np.float32), [2, 1, 1, 1], axis=0)
    found = neighbourhoods(vectors, FlatIndex.build(vectors))
    assert (found[0], found[-1]) == (0.0, 0.25)  # one in four others is the same


def test_a_single_item_has_no_neighbours():
    vectors = np.eye(1, 8, dtype=np.float32)
    assert neighbourhoods(vectors, FlatIndex.build(vectors)) == ()
