"""One contract for every kind of index, with brute force as the truth."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import IndexDamaged, KindUnknown
from index.vectors import KINDS, FlatIndex, kind_named

every_kind = pytest.mark.parametrize("kind", sorted(KINDS))


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return kind_named(request.param)


def brute_force(vectors, queries, k):
    scores = queries @ vectors.T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, rows, axis=1), rows


def test_the_nearest_are_those_of_brute_force(kind, unit_vectors):
    vectors, queries = unit_vectors(500, seed=1), unit_vectors(7, seed=2)
    scores, rows = kind.build(vectors).search(queries, 10)
    true_scores, true_rows = brute_force(vectors, queries, 10)
    assert scores.dtype == np.float32 and rows.dtype == np.int64
    np.testing.assert_array_equal(rows, true_rows)
    np.testing.assert_allclose(scores, true_scores, atol=1e-6)


def test_three_vectors_are_ranked_as_computed_by_hand(kind):
    vectors = np.array([[0, 1], [1, 0], [0.6, 0.8]], np.float32)
    scores, rows = kind.build(vectors).search(np.array([[1, 0]], np.float32), 3)
    assert rows.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(scores, [[1.0, 0.6, 0.0]], atol=1e-7)


@every_kind
@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 60), k=st.integers(1, 80), seed=st.integers(0, 2**16))
def test_any_number_of_neighbours_can_be_asked_of_any_number_of_vectors(kind, unit_vectors, count, k, seed):
    vectors, queries = unit_vectors(count, 8, seed), unit_vectors(3, 8, seed + 1)
    scores, rows = kind_named(kind).build(vectors).search(queries, k)
    true_scores, _ = brute_force(vectors, queries, k)
    assert rows.shape == scores.shape == (3, min(k, count))
    np.testing.assert_allclose(scores, true_scores, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(queries @ vectors.T, rows, axis=1), scores, atol=1e-6)


@every_kind
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), min_score=st.floats(-1.0, 1.0))
def test_the_count_above_a_score_is_that_of_brute_force(kind, unit_vectors, seed, min_score):
    vectors, queries = unit_vectors(50, 8, seed), unit_vectors(2, 8, seed + 1)
    scores = queries @ vectors.T
    counts = kind_named(kind).build(vectors).count(queries, min_score)
    assert (counts >= (scores >= min_score + 1e-6).sum(axis=1)).all()
    assert (counts <= (scores >= min_score - 1e-6).sum(axis=1)).all()


def test_a_vector_on_the_threshold_counts(kind):
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    assert kind.build(vectors).count(np.array([[1, 0]], np.float32), 1.0).tolist() == [1]
    assert kind.build(vectors).count(np.array([[1, 0]], np.float32), 0.0).tolist() == [2]


def test_a_saved_index_answers_as_before(kind, unit_vectors, tmp_path):
    vectors, queries = unit_vectors(300), unit_vectors(4, seed=9)
    index = kind.build(vectors)
    index.save(tmp_path / "vectors.faiss")
    loaded = kind.load(tmp_path / "vectors.faiss")
    assert (len(loaded), loaded.dimension) == (300, 16)
    for before, after in zip(index.search(queries, 20), loaded.search(queries, 20), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(loaded.count(queries, 0.1), index.count(queries, 0.1))


def test_a_row_gives_its_vector_back(kind, unit_vectors, tmp_path):
    vectors = unit_vectors(20)
    kind.build(vectors).save(tmp_path / "vectors.faiss")
    loaded = kind.load(tmp_path / "vectors.faiss")
    np.testing.assert_array_equal(np.stack([loaded.vector(row) for row in range(20)]), vectors)


def test_building_leaves_the_vectors_as_they_were_and_keeps_its_own(kind, unit_vectors):
    vectors = unit_vectors(20)
    before = vectors.copy()
    index = kind.build(vectors)
    np.testing.assert_array_equal(vectors, before)
    vectors[:] = 0
    np.testing.assert_array_equal(index.vector(3), before[3])


def test_a_truncated_or_missing_file_is_refused_and_named(kind, unit_vectors, tmp_path):
    path = tmp_path / "vectors.faiss"
    with pytest.raises(IndexDamaged, match="vectors.faiss"):
        kind.load(path)
    kind.build(unit_vectors(50)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(IndexDamaged, match="vectors.faiss"):
        kind.load(path)


def test_a_flat_index_refuses_a_file_of_another_metric(unit_vectors, tmp_path):
    index = faiss.IndexFlatL2(16)
    index.add(unit_vectors(5))
    faiss.write_index(index, str(tmp_path / "vectors.faiss"))
    with pytest.raises(IndexDamaged):
        FlatIndex.load(tmp_path / "vectors.faiss")


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(KindUnknown, match="'tree'.*flat"):
        kind_named("tree")
