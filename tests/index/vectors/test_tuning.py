import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.vectors import ivf_pq
from index.vectors.ivf import IvfFlatIndex, lists_for
from index.vectors.ivf_pq import IvfPqIndex
from index.vectors.tuning import Trial, disturbed, ladder, narrowest


@given(lowest=st.integers(1, 100), more=st.integers(0, 5000))
def test_a_ladder_goes_from_end_to_end_by_steps_of_at_most_a_half(lowest, more):
    rungs = ladder(lowest, lowest + more)
    assert (rungs[0], rungs[-1]) == (lowest, lowest + more)
    assert all(below < above <= max(2, 1.5 * below) for below, above in zip(rungs, rungs[1:], strict=False))


@pytest.mark.parametrize(("wanted", "width"), [(0.0, 1), (0.5, 4), (0.51, 8), (0.99, 8)])
def test_the_narrowest_width_that_suffices_is_taken_or_else_the_widest(wanted, width):
    assert narrowest([1, 2, 4, 8], wanted, {1: 0.1, 2: 0.4, 4: 0.5, 8: 0.9}.get) == width


def test_disturbed_queries_are_near_the_vectors_and_none_of_them(unit_vectors):
    vectors = unit_vectors(2000, 64)
    queries = disturbed(vectors, count=300)
    assert queries.shape == (300, 64) and queries.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-6)
    nearest = (queries @ vectors.T).max(axis=1)
    assert nearest.max() < 0.99 and np.median(nearest) > 0.85
    np.testing.assert_array_equal(queries, disturbed(vectors, count=300))


def test_disturbed_queries_stay_where_the_vectors_spread(unit_vectors):
    vectors = np.hstack([unit_vectors(500, 4), np.zeros((500, 4), np.float32)])
    assert (disturbed(vectors)[:, 4:] == 0).all()


def trial_of(vectors, queries, allowed=None):
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return Trial(index, queries, allowed)


def test_recall_is_the_share_of_the_true_first_ten_and_equals_count(unit_vectors):
    vectors = unit_vectors(200)
    scores = -np.sort(-(vectors[:5] @ vectors.T), axis=1)
    trial = trial_of(vectors, vectors[:5])
    assert trial.recall(lambda queries, k: (scores[:, :k], scores)) == 1.0
    assert trial.recall(lambda queries, k: (scores[:, 3 : 3 + k], scores)) == pytest.approx(0.7)
    assert trial.recall(lambda queries, k: (np.full((5, k), -np.inf), scores)) == 0.0


def test_recall_among_fewer_than_ten_allowed_is_that_of_all_of_them(unit_vectors):
    vectors, allowed = unit_vectors(200), np.arange(200) < 4
    trial = trial_of(vectors, vectors[:5], allowed)
    scores = vectors[:5] @ vectors[:4].T
    assert trial.recall(lambda queries, k: (scores[:, :k], scores)) == 1.0
    assert trial.recall(lambda queries, k: (scores[:, [0, 1, 2, 2]] - [0, 0, 0, 9], scores)) < 1.0


def test_more_recall_takes_more_lists_and_no_more_than_it_needs(unit_vectors):
    vectors = unit_vectors(4000)
    low, high = (IvfFlatIndex.build(vectors, recall=recall).parameters for recall in (0.8, 0.99))
    assert low["nprobe"] < high["nprobe"] < 100
    assert 0.8 <= low["recall"] < 0.93 and high["recall"] >= 0.99


def test_codes_are_tuned_in_the_candidates_that_are_scored_and_in_the_lists(unit_vectors, monkeypatch):
    monkeypatch.setattr(ivf_pq, "NUMBERS_A_CODE", 8)
    vectors = unit_vectors(5000, 32)
    low, high = (IvfPqIndex.build(vectors, recall=recall).parameters for recall in (0.7, 0.97))
    assert 2 == low["refine"] < high["refine"] <= 16 and low["nprobe"] < high["nprobe"]
    assert high["recall"] >= 0.97


def test_where_codes_are_too_coarse_for_the_recall_no_lists_are_searched_in_vain(unit_vectors, monkeypatch):
    monkeypatch.setattr(ivf_pq, "NUMBERS_A_CODE", 16)
    monkeypatch.setattr(ivf_pq, "CANDIDATES", (1, 2))
    centres = np.repeat(unit_vectors(10, 32), 500, axis=0)
    vectors = (centres + 0.5 * unit_vectors(5000, 32, seed=1)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = IvfPqIndex.build(vectors, recall=0.99)
    assert index.parameters["recall"] < 0.9
    assert index.parameters["nprobe"] < lists_for(5000) / 2
