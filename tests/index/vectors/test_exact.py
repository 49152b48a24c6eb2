import faiss
import numpy as np
import pytest

from index.vectors import exact

SCORES = np.float32([0.9, 0.6, 0.6, 0.1, -0.3])


@pytest.fixture(params=["flat", "lists"])
def index(request):
    """Vectors that score `SCORES` with the query (1, 0)."""
    vectors = np.stack([SCORES, np.sqrt(1 - SCORES**2)], axis=1)
    index = faiss.IndexFlatIP(2)
    if request.param == "lists":
        index = faiss.IndexIVFFlat(index, 2, 1, faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
    index.add(vectors)
    return index


@pytest.mark.parametrize("score", sorted(set(SCORES.tolist())))
def test_a_vector_that_scores_just_the_least_score_counts(index, score):
    query = np.float32([[1, 0]])
    assert exact.count(index, query, score, None).tolist() == [(score <= SCORES).sum()]
    above = float(np.nextafter(np.float32(score), np.float32(1)))
    assert exact.count(index, query, above, None).tolist() == [(score < SCORES).sum()]


def test_of_a_score_only_the_allowed_vectors_count(index):
    allowed = np.array([True, False, True, True, False])
    assert exact.count(index, np.float32([[1, 0]]), float(SCORES[1]), allowed).tolist() == [2]


@pytest.mark.parametrize("at_a_time", [1, 7, 4096])
@pytest.mark.parametrize("k", [1, 10, 30])
@pytest.mark.parametrize("share", [None, 0.5, 0.02, 0.0])
def test_many_queries_find_in_one_pass_what_each_finds_alone(monkeypatch, at_a_time, k, share):
    monkeypatch.setattr(exact, "_ROWS", at_a_time)
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((301, 8), np.float32)
    index = faiss.IndexFlatIP(8)
    index.add(vectors)
    allowed = None if share is None else rng.random(301) < share
    queries = rng.standard_normal((5, 8), np.float32)
    alone = [exact.nearest(index, query[None], k, allowed) for query in queries]
    scores, rows = exact.nearest(index, queries, k, allowed)
    assert np.array_equal(scores, np.concatenate([each for each, _ in alone]))
    assert np.array_equal(rows, np.concatenate([each for _, each in alone]))


def test_many_queries_go_through_the_vectors_once(monkeypatch):
    """A file of them that is larger than the memory would else be read for each query."""
    index, seen, knn = faiss.IndexFlatIP(2), [], faiss.knn
    index.add(np.ones((10_000, 2), np.float32))

    def counted(queries, part, k, **options):
        seen.append(len(part))
        return knn(queries, part, k, **options)

    monkeypatch.setattr(faiss, "knn", counted)
    exact.nearest(index, np.ones((50, 2), np.float32), 3, None)
    assert sum(seen) == 10_000 and max(seen) <= 4096
