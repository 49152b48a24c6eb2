import numpy as np
import pytest

from index.errors import IndexDamaged
from index.vectors import exact
from index.vectors.hnsw import HnswIndex
from index.vectors.ivf import IvfFlatIndex
from index.vectors.kinds import KINDS, kind_named

TUNED = [kind for kind in sorted(KINDS) if kind != "flat"]


def truth(vectors, query, k):
    return np.sort(vectors @ query)[::-1][:k]


@pytest.fixture(scope="module")
def vectors(unit_vectors):
    return unit_vectors(20_000, 8)


@pytest.fixture(scope="module")
def narrow(vectors):
    """An index of which a search looks into one list of 500."""
    index = IvfFlatIndex.build(vectors, recall=0.0)
    assert index.parameters["nprobe"] == 1
    return index


def test_a_narrow_search_finds_less_than_all(narrow, vectors, unit_vectors):
    query = unit_vectors(1, 8, 5)
    assert (narrow.search(query, 100)[0][0] < truth(vectors, query[0], 100)).any()


def test_all_are_compared_where_few_are_allowed(narrow, vectors, unit_vectors):
    query, allowed = unit_vectors(1, 8, 5), np.arange(20_000) % 50 == 0
    (scores,), _ = narrow.search(query, 100, allowed=allowed)
    np.testing.assert_allclose(scores, truth(vectors[allowed], query[0], 100), atol=1e-6)


def test_all_are_compared_where_many_are_asked_for(narrow, vectors, unit_vectors):
    query = unit_vectors(1, 8, 5)
    (scores,), _ = narrow.search(query, 2000)
    np.testing.assert_allclose(scores, truth(vectors, query[0], 2000), atol=1e-6)


def test_all_are_compared_where_a_search_finds_too_few(narrow, vectors, unit_vectors):
    query = unit_vectors(1, 8, 5)
    similarity = vectors @ query[0]
    allowed = similarity < np.quantile(similarity, 0.8)  # none of them in the list of the query
    (scores,), _ = narrow.search(query, 10, allowed=allowed)
    np.testing.assert_allclose(scores, truth(vectors[allowed], query[0], 10), atol=1e-6)


def test_a_filter_whose_rows_lie_elsewhere_costs_no_recall(vectors, unit_vectors):
    queries, allowed = unit_vectors(200, 8, 5), vectors[:, 0] <= np.quantile(vectors[:, 0], 0.65)
    index = IvfFlatIndex.build(vectors, recall=0.9)
    last = np.sort(queries @ vectors[allowed].T, axis=1)[:, -10:-9]
    scores, _ = index.search(queries, 10, allowed=allowed)
    assert np.mean(scores >= last - 1e-6) >= 0.93


def test_a_deep_page_is_as_complete_as_the_first(vectors, unit_vectors):
    queries = unit_vectors(200, 8, 5)
    index = IvfFlatIndex.build(vectors, recall=0.9)
    last = np.sort(queries @ vectors.T, axis=1)[:, -250:-249]
    scores, _ = index.search(queries, 250)
    assert np.mean(scores >= last - 1e-6) >= 0.9


@pytest.mark.parametrize("name", TUNED)
def test_neighbouring_pages_are_cut_from_one_ranking(name, unit_vectors):
    queries = unit_vectors(20, seed=2)
    index = kind_named(name).build(unit_vectors(5000), recall=0.8)
    _, all_rows = index.search(queries, 64)
    for k in (10, 20, 36, 56):
        np.testing.assert_array_equal(index.search(queries, k)[1], all_rows[:, :k])


@pytest.mark.parametrize("name", TUNED)
def test_a_manifest_without_the_width_is_refused(name, unit_vectors, tmp_path):
    index = kind_named(name).build(unit_vectors(100))
    index.save(tmp_path / "vectors.faiss")
    with pytest.raises(IndexDamaged, match=f"'{name}'.*{index.widths[-1]}"):
        kind_named(name).load(tmp_path / "vectors.faiss", {"recall": 1.0})


@pytest.mark.parametrize(("ef_search", "walked"), [(64, True), (90, True), (110, False), (2048, False)])
def test_a_graph_is_not_walked_where_comparing_all_is_quicker(ef_search, walked, unit_vectors, monkeypatch):
    count, compared = 9500, []
    index = HnswIndex.build(unit_vectors(count), recall=0.5)._with({"ef_search": ef_search})
    nearest = exact.nearest
    monkeypatch.setattr(exact, "nearest", lambda *given: compared.append(given) or nearest(*given))
    index.search(unit_vectors(1, seed=3), 10)
    assert bool(compared) is not walked
