from itertools import permutations

import numpy as np
import pytest

from index.gate import percentiles as module
from index.gate.percentiles import SHARES, _drawn_pairs, pair_quantiles, pair_scores, percentiles


def true_percentiles(scores, vectors):
    """The share of all pairs of different rows that score less, in percent."""
    pairs = np.sort((vectors @ vectors.T)[np.triu_indices(len(vectors), 1)])
    return 100 * np.searchsorted(pairs, scores) / len(pairs)


def test_the_shares_rise_from_0_to_1_in_steps_that_shrink_with_the_tail():
    assert (SHARES[0], SHARES[-1]) == (0.0, 1.0) and (np.diff(SHARES) > 0).all()
    assert len(SHARES) == 303 and 0.5 in SHARES  # the same number on both sides of the median
    tails = 1 - SHARES[SHARES > 0.5][:-1]
    assert tails[-1] == pytest.approx(1e-6, rel=1e-3) and (tails[1:] / tails[:-1] > 0.91).all()


def test_of_few_vectors_all_pairs_count_once(unit_vectors):
    vectors = unit_vectors(300)
    expected = (vectors @ vectors.T)[np.triu_indices(300, 1)]
    np.testing.assert_allclose(np.sort(pair_scores(vectors)), np.sort(expected), atol=1e-6)


def test_every_pair_of_different_rows_may_be_drawn_and_no_other():
    left, right = _drawn_pairs(3, 100, seed=0)
    assert {*zip(left.tolist(), right.tolist(), strict=True)} == {*permutations(range(3), 2)}


def test_percentiles_of_few_vectors_are_the_true_ones_far_into_the_tail(unit_vectors):
    vectors = unit_vectors(1000)
    scores = np.quantile(pair_scores(vectors), [0.001, 0.3, 0.9, 0.99, 0.999, 0.9999])
    found = percentiles(scores, pair_quantiles(vectors))
    np.testing.assert_allclose(found, true_percentiles(scores, vectors), atol=0.03)
    np.testing.assert_allclose(found[-2:], [99.9, 99.99], atol=0.002)


def test_percentiles_of_many_vectors_tell_99_from_99_9_and_99_99(unit_vectors):
    vectors = unit_vectors(2500)
    every = np.sort((vectors @ vectors.T)[np.triu_indices(2500, 1)])
    scores = np.quantile(every, [0.5, 0.99, 0.999, 0.9999, 0.99999])
    tails = 100 - percentiles(scores, pair_quantiles(vectors))
    np.testing.assert_allclose(tails[:3], [50, 1, 0.1], rtol=0.1)
    np.testing.assert_allclose(tails[3:], [0.01, 0.001], rtol=0.6)


def test_between_two_quantiles_the_percentile_lies_between_their_shares(unit_vectors):
    quantiles = pair_quantiles(unit_vectors(200))
    scores = np.linspace(-1, 1, 999)
    found = percentiles(scores, quantiles)
    assert (np.diff(found) >= 0).all() and found.min() == 0.0 and found.max() == 100.0


def test_a_pair_is_never_an_item_with_itself():
    assert set(pair_quantiles(np.eye(2, dtype=np.float32))) == {0.0}
    assert set(pair_scores(np.eye(30, dtype=np.float32), pairs=200)) == {0.0}


def test_the_pairs_are_drawn_alike_every_time(unit_vectors):
    vectors = unit_vectors(60)
    assert pair_quantiles(vectors, seed=3, pairs=500) == pair_quantiles(vectors, seed=3, pairs=500)
    assert pair_quantiles(vectors, seed=3, pairs=500) != pair_quantiles(vectors, seed=4, pairs=500)


def test_many_rows_are_read_once_and_in_their_order(unit_vectors, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 300)
    asked = []

    class File(np.ndarray):
        def __getitem__(self, rows):
            asked.append(rows)
            return np.asarray(self)[rows]

    vectors = unit_vectors(2500)
    found = percentiles(np.quantile(pair_scores(vectors), [0.1, 0.9]), pair_quantiles(vectors.view(File)))
    (rows,) = asked
    assert 250 < len(rows) <= 300 and (np.diff(rows) > 0).all()
    np.testing.assert_allclose(found, [10, 90], atol=3)


def test_a_single_item_has_no_pairs_and_every_score_is_above_them():
    assert pair_quantiles(np.ones((1, 1), np.float32)) == ()
    assert percentiles(np.array([0.1, -0.9]), ()).tolist() == [100.0, 100.0]


def test_all_pairs_count_once_up_to_the_number_that_is_drawn_otherwise(unit_vectors):
    vectors = unit_vectors(6)  # 15 pairs
    above, below = np.triu_indices(6, 1)
    every = np.sort((vectors[above] * vectors[below]).sum(axis=1))
    assert np.sort(pair_scores(vectors, pairs=15)) == pytest.approx(every, abs=1e-6)
    assert len(pair_scores(vectors, pairs=14)) == 14
