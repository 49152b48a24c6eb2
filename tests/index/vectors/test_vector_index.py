"""One contract for every kind of index, with brute force as the truth."""

import sys
import weakref
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import IndexDamaged
from index.vectors import vector_index
from index.vectors.kinds import KINDS, kind_named
from index.vectors.vector_index import read_through

COUNT, DIMENSION = 6000, 16
every_kind = pytest.mark.parametrize("name", sorted(KINDS))


def brute_force(vectors, queries, k):
    scores = queries @ vectors.T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, rows, axis=1), rows


def recall(scores, true_scores):
    return np.mean(scores >= true_scores[:, -1:] - 1e-6)


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return kind_named(request.param)


@pytest.fixture(scope="module")
def vectors(unit_vectors):
    return unit_vectors(COUNT, DIMENSION, 1)


@pytest.fixture(scope="module")
def queries(unit_vectors):
    return unit_vectors(40, DIMENSION, 2)


@pytest.fixture(scope="module")
def saved(vectors, tmp_path_factory):
    """Each kind's file and parameters, for the same vectors."""
    folder, built = tmp_path_factory.mktemp("kinds"), {}
    for name, kind in KINDS.items():
        index = kind.build(vectors)
        index.save(folder / f"{name}.faiss")
        built[name] = folder / f"{name}.faiss", index.parameters
    return built


@pytest.fixture(scope="module")
def loaded(saved):
    return {name: kind_named(name).load(*file) for name, file in saved.items()}


@pytest.fixture
def index(loaded, kind):
    return loaded[kind.kind]


def test_the_nearest_are_those_of_brute_force(index, vectors, queries):
    scores, rows = index.search(queries, 10)
    assert scores.dtype == np.float32 and rows.dtype == np.int64
    assert recall(scores, brute_force(vectors, queries, 10)[0]) >= 0.96
    assert index.parameters["recall"] >= 0.98


def test_scores_are_those_of_the_vectors_whatever_finds_them(index, vectors, queries):
    scores, rows = index.search(queries, 50)
    np.testing.assert_allclose(scores, np.einsum("md,mkd->mk", queries, vectors[rows]), atol=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 50 for row in rows.tolist())


def test_three_vectors_are_ranked_as_computed_by_hand(kind):
    vectors = np.array([[0, 1], [1, 0], [0.6, 0.8]], np.float32)
    scores, rows = kind.build(vectors).search(np.array([[1, 0]], np.float32), 3)
    assert rows.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(scores, [[1.0, 0.6, 0.0]], atol=1e-7)


@every_kind
@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 60), k=st.integers(1, 80), seed=st.integers(0, 2**16))
def test_any_number_of_neighbours_can_be_asked_of_few_vectors(name, unit_vectors, count, k, seed):
    vectors, queries = unit_vectors(count, 8, seed), unit_vectors(3, 8, seed + 1)
    scores, rows = kind_named(name).build(vectors).search(queries, k)
    assert rows.shape == scores.shape == (3, min(k, count))
    np.testing.assert_allclose(scores, brute_force(vectors, queries, k)[0], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(queries @ vectors.T, rows, axis=1), scores, atol=1e-6)


@pytest.mark.parametrize("k", [1, 63, 64, 65, 500, COUNT, COUNT + 1])
def test_any_number_of_neighbours_can_be_asked_of_many_vectors(index, vectors, queries, k):
    scores, rows = index.search(queries[:3], k)
    assert scores.shape == rows.shape == (3, min(k, COUNT))
    assert (rows >= 0).all()
    assert recall(scores, brute_force(vectors, queries[:3], k)[0]) >= 0.9


@every_kind
@settings(max_examples=30, deadline=None)
@given(share=st.sampled_from([0.0, 0.0005, 0.01, 0.1, 0.3, 0.9, 1.0]), seed=st.integers(0, 2**16))
def test_only_allowed_rows_are_found_and_all_of_them_where_they_are_few(
    name, loaded, vectors, queries, share, seed
):
    allowed = np.random.default_rng(seed).random(COUNT) < share
    scores, rows = loaded[name].search(queries, 10, allowed=allowed)
    passing = min(10, int(allowed.sum()))
    assert scores.shape == rows.shape == (40, 10)
    assert (rows[:, passing:] == -1).all() and (scores[:, passing:] == -np.inf).all()
    assert (rows[:, :passing] >= 0).all() and allowed[rows[:, :passing]].all()
    if passing:
        wanted = 1.0 if share < 0.1 else 0.93
        truth, _ = brute_force(vectors[allowed], queries, passing)
        assert recall(scores[:, :passing], truth) >= wanted


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_rows_far_from_the_query_are_found_where_no_others_are_allowed(index, vectors, queries, share):
    for query in queries[:10]:
        similarity = vectors @ query
        allowed = similarity <= np.quantile(similarity, share)
        scores, rows = index.search(query[None], 10, allowed=allowed)
        assert allowed[rows].all()
        assert recall(scores, brute_force(vectors[allowed], query[None], 10)[0]) >= 0.9


def test_an_answer_for_each_vector_is_asked_of_a_filter(index, queries):
    with pytest.raises(ValueError, match=rf"bool \(5,\).*\({COUNT},\)"):
        index.search(queries, 10, allowed=np.ones(5, bool))


@every_kind
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), min_score=st.floats(-1.0, 1.0), share=st.sampled_from([0.01, 0.5, None]))
def test_the_count_above_a_score_is_that_of_brute_force(
    name, loaded, vectors, queries, seed, min_score, share
):
    allowed = None if share is None else np.random.default_rng(seed).random(COUNT) < share
    scores = queries[:2] @ (vectors if allowed is None else vectors[allowed]).T
    counts = loaded[name].count(queries[:2], min_score, allowed=allowed)
    assert (counts >= (scores >= min_score + 1e-6).sum(axis=1)).all()
    assert (counts <= (scores >= min_score - 1e-6).sum(axis=1)).all()


def test_a_vector_on_the_threshold_counts(kind):
    index = kind.build(np.array([[1, 0], [0, 1]], np.float32))
    assert index.count(np.array([[1, 0]], np.float32), 1.0).tolist() == [1]
    assert index.count(np.array([[1, 0]], np.float32), 0.0).tolist() == [2]
    assert index.count(np.array([[1, 0]], np.float32), 0.0, allowed=np.array([False, True])).tolist() == [1]


def test_all_copies_of_a_vector_are_found(kind, unit_vectors):
    vectors = np.repeat(unit_vectors(160), 30, axis=0)
    scores, rows = kind.build(vectors).search(vectors[::600], 30)
    np.testing.assert_allclose(scores, 1.0, atol=1e-6)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.arange(0, 4800, 600)[:, None] + np.arange(30))


def test_a_saved_index_answers_as_before(kind, unit_vectors, tmp_path, queries):
    index = kind.build(unit_vectors(4000, seed=3), recall=0.9)
    index.save(tmp_path / "vectors.faiss")
    loaded = kind.load(tmp_path / "vectors.faiss", index.parameters)
    assert (len(loaded), loaded.dimension, loaded.parameters) == (4000, 16, index.parameters)
    for before, after in zip(index.search(queries, 20), loaded.search(queries, 20), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_row_gives_its_vector_back(index, vectors):
    found = np.stack([index.vector(row) for row in range(0, COUNT, 100)])
    np.testing.assert_array_equal(found, vectors[::100])


def test_building_leaves_the_vectors_as_they_were_and_keeps_its_own(kind, unit_vectors):
    vectors = unit_vectors(20)
    before = vectors.copy()
    index = kind.build(vectors)
    np.testing.assert_array_equal(vectors, before)
    vectors[:] = 0
    np.testing.assert_array_equal(index.vector(3), before[3])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps mapped files from being written")
def test_the_vectors_stay_in_the_file_and_are_not_copied(kind, unit_vectors, tmp_path):
    path, vectors = tmp_path / "vectors.faiss", unit_vectors(200)
    index = kind.build(vectors)
    index.save(path)
    loaded = kind.load(path, index.parameters)
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(vectors[7].tobytes()))
        file.write(vectors[8].tobytes())
    np.testing.assert_array_equal(loaded.vector(7), vectors[8])


def test_threads_with_filters_of_their_own_get_their_own_answers(index, queries):
    def answer(seed):
        allowed = np.random.default_rng(seed).random(COUNT) < (seed % 4 + 1) / 4
        return index.search(queries[:10], 10, allowed=allowed)

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(answer, range(16)))
    for seed, (scores, rows) in enumerate(together):
        alone = answer(seed)
        np.testing.assert_array_equal(scores, alone[0])
        np.testing.assert_array_equal(rows, alone[1])


def test_a_truncated_or_missing_file_is_refused_and_named(kind, saved, tmp_path):
    content, parameters = saved[kind.kind]
    path = tmp_path / "vectors.faiss"
    with pytest.raises(IndexDamaged, match="vectors.faiss"):
        kind.load(path, parameters)
    for length in (0, 3, 100, content.stat().st_size // 2, content.stat().st_size - 40):
        path.write_bytes(content.read_bytes()[:length])
        with pytest.raises(IndexDamaged, match="vectors.faiss"):
            kind.load(path, parameters)


def test_the_file_of_another_kind_is_refused(kind, saved):
    parameters = saved[kind.kind][1]
    for path, _ in (file for name, file in saved.items() if name != kind.kind):
        with pytest.raises(IndexDamaged, match=path.name):
            kind.load(path, parameters)


@pytest.mark.parametrize(("name", "recipe"), [("flat", "Flat"), ("hnsw", "HNSW8"), ("sq8", "SQ8,RFlat")])
def test_a_file_of_another_metric_is_refused(name, recipe, saved, unit_vectors, tmp_path):
    index = faiss.index_factory(16, recipe, faiss.METRIC_L2)
    index.train(unit_vectors(50))
    index.add(unit_vectors(50))
    faiss.write_index(index, str(tmp_path / "vectors.faiss"))
    with pytest.raises(IndexDamaged):
        kind_named(name).load(tmp_path / "vectors.faiss", saved[name][1])


def test_a_kind_says_how_many_bytes_of_its_file_a_search_needs(kind, saved):
    size = saved[kind.kind][0].stat().st_size / COUNT
    behind = 4 * DIMENSION if kind.kind in ("ivf-pq", "sq8") else 0
    # centroids and codebooks do not grow with the vectors
    assert size - behind == pytest.approx(kind.bytes_per_vector(DIMENSION), rel=0.4)


@pytest.mark.parametrize(("size", "there"), [(0, 0), (700, 700), (5000, 1000)])
def test_as_much_of_a_file_is_read_through_as_is_asked_for(tmp_path, size, there):
    (tmp_path / "file").write_bytes(bytes(1000))
    assert read_through(tmp_path / "file", size) == there


def test_loading_reads_what_a_search_needs_and_not_the_vectors_behind_codes(kind, saved, monkeypatch):
    asked = []
    monkeypatch.setattr(vector_index, "read_through", lambda path, size: asked.append(size))
    path, parameters = saved[kind.kind]
    index = kind.load(path, parameters)
    behind = kind.kind in ("ivf-pq", "sq8")
    assert asked == [len(index) * kind.bytes_per_vector(DIMENSION) if behind else path.stat().st_size]


def test_an_index_is_let_go_of_at_once_with_its_mapped_file(kind, saved):
    path, parameters = saved[kind.kind]
    index = kind.load(path, parameters)
    index.search(index.vector(0)[None], 3)
    gone = weakref.ref(index)
    del index
    assert gone() is None
