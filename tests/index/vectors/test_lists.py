import numpy as np
import pytest

from index.errors import IndexDamaged
from index.vectors import exact
from index.vectors.kinds import kind_named

COUNT, DIMENSION = 40_000, 32


def _clumps(count, *, seed, clumps=500):
    """Return unit vectors float32 (count, DIMENSION) that lie in clumps and in few directions."""
    base, rng = np.random.default_rng(1), np.random.default_rng(seed)
    middles, directions = base.standard_normal((clumps, 8)), base.standard_normal((8, DIMENSION))
    vectors = (middles[rng.integers(0, clumps, count)] + 0.3 * rng.standard_normal((count, 8))) @ directions
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    return _clumps(COUNT, seed=2)


@pytest.fixture(scope="module")
def queries():
    return _clumps(100, seed=3)


@pytest.fixture(scope="module", params=["hnsw", "ivf-pq"])
def index(request, vectors, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param) / "vectors.faiss"
    kind = kind_named(request.param)
    return kind.load(path, kind.build(vectors, path=path).parameters)


def _to_one_side(vectors, share):
    similarity = vectors @ vectors[0]
    return similarity >= np.quantile(similarity, 1 - share)


def _recall(index, vectors, queries, allowed):
    tenth = np.sort(queries @ vectors[allowed].T, axis=1)[:, -10:-9]
    scores, rows = index.search(queries, 10, allowed=allowed)
    assert allowed[rows].all()
    np.testing.assert_allclose(scores, np.einsum("nd,nkd->nk", queries, vectors[rows]), atol=1e-6)
    return np.mean(scores >= tenth - 1e-6)


@pytest.mark.parametrize("share", [0.5, 0.25])
@pytest.mark.parametrize("spread", ["to one side", "everywhere"])
def test_allowed_rows_are_found_without_comparing_all(index, vectors, queries, share, spread, monkeypatch):
    one_side = _to_one_side(vectors, share)
    allowed = one_side if spread == "to one side" else np.random.default_rng(4).permutation(one_side)
    monkeypatch.setattr(exact, "nearest", lambda *_: pytest.fail("all are compared"))
    assert _recall(index, vectors, queries, allowed) >= 0.98


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_a_deep_page_of_allowed_rows_is_as_complete(index, vectors, queries, share):
    allowed = _to_one_side(vectors, share)
    last = np.sort(queries @ vectors[allowed].T, axis=1)[:, -300:-299]
    assert np.mean(index.search(queries, 300, allowed=allowed)[0] >= last - 1e-6) >= 0.98


def test_all_are_compared_where_a_filter_ends_before_the_neighbours_of_a_query(index, vectors, queries):
    for query in queries[:5]:
        similarity = vectors @ query
        allowed = similarity <= np.quantile(similarity, 0.6)
        assert _recall(index, vectors, query[None], allowed) == 1.0


def test_the_lists_of_a_filter_are_kept(index, vectors):
    lists, _ = index._lists
    allowed, other = _to_one_side(vectors, 0.3), _to_one_side(vectors, 0.2)
    kept = lists.allowed(allowed)
    lists.allowed(other)
    assert lists.allowed(allowed) is kept
    for share in np.linspace(0.3, 0.9, 5):
        lists.allowed(_to_one_side(vectors, share))
    assert lists.allowed(allowed) is not kept


def test_an_index_of_an_earlier_release_is_searched_without_lists(vectors, queries, tmp_path):
    hnsw, path = kind_named("hnsw"), tmp_path / "vectors.faiss"
    parameters = hnsw.build(vectors[:9000], path=path).parameters
    path.with_suffix(".lists.npz").unlink()
    earlier = hnsw.load(path, {name: value for name, value in parameters.items() if name != "lists"})
    assert _recall(earlier, vectors[:9000], queries, _to_one_side(vectors[:9000], 0.3)) >= 0.98


def test_lists_that_are_damaged_or_gone_are_named(unit_vectors, tmp_path):
    hnsw, path = kind_named("hnsw"), tmp_path / "vectors.faiss"
    parameters = hnsw.build(unit_vectors(100), path=path).parameters
    path.with_suffix(".lists.npz").write_bytes(b"no archive")
    with pytest.raises(IndexDamaged, match="lists.npz"):
        hnsw.load(path, parameters)
    path.with_suffix(".lists.npz").unlink()
    with pytest.raises(IndexDamaged, match="lists.npz"):
        hnsw.load(path, parameters)
