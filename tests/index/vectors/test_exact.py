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
