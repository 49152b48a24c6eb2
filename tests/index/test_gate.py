import numpy as np
import pytest

from index.errors import GateFailed
from index.gate import Limits, check
from index.vectors import FlatIndex


def verdict_on(vectors, *, indexed=None, items=None, **limits):
    index = FlatIndex.build(vectors if indexed is None else indexed)
    return check(vectors, index, items=len(vectors) if items is None else items, limits=Limits(**limits))


def failed(verdict):
    with pytest.raises(GateFailed) as error:
        verdict.require()
    return str(error.value)


def test_a_sound_index_passes_with_its_figures(unit_vectors):
    verdict = verdict_on(unit_vectors(300))
    verdict.require()
    assert verdict.figures["items"] == verdict.figures["vectors"] == 300
    assert verdict.figures["self_recall_at_1"] == 1.0
    assert verdict.figures["not_finite"] == 0
    assert verdict.figures["norm_error"] < 1e-6
    assert verdict.figures["search_ms"] > 0


def test_an_item_too_many_fails(unit_vectors):
    assert "counts (41 items, 40 vectors" in failed(verdict_on(unit_vectors(40), items=41))


def test_an_empty_index_fails():
    assert "counts (0 items, 0 vectors" in failed(verdict_on(np.empty((0, 4), np.float32)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_fails(unit_vectors, value):
    vectors = unit_vectors(40)
    vectors[7, 3] = value
    assert "finite (1 vectors" in failed(verdict_on(vectors))


def test_norms_may_differ_from_1_by_a_ten_thousandth_and_no_more(unit_vectors):
    verdict_on(unit_vectors(40) * np.float32(1.00009)).require()
    assert "unit norm" in failed(verdict_on(unit_vectors(40) * np.float32(1.0002)))


def test_vectors_in_other_rows_than_their_items_fail(unit_vectors):
    vectors = unit_vectors(40)
    message = failed(verdict_on(vectors, indexed=np.roll(vectors, 1, axis=0)))
    assert "self-retrieval (R@1 0.000" in message


@pytest.mark.parametrize("copies", [2, 50])
def test_identical_photographs_share_the_first_place(unit_vectors, copies):
    verdict = verdict_on(np.repeat(unit_vectors(5), copies, axis=0))
    assert verdict.figures["self_recall_at_1"] == 1.0


def test_a_search_that_takes_too_long_fails(unit_vectors):
    assert "latency" in failed(verdict_on(unit_vectors(40), latency_ms=0.0))


def test_every_failed_check_is_named(unit_vectors):
    vectors = unit_vectors(40) * np.float32(2)
    vectors[0, 0] = np.nan
    message = failed(verdict_on(vectors, items=39))
    assert "3 of its checks" in message
    assert all(name in message for name in ("counts", "finite", "unit norm"))
