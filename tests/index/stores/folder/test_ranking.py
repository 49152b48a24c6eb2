"""Items of several views are found by every kind of index, as comparing all of them finds them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.pages import SearchOptions
from index.stores.folder.gallery import Gallery
from index.vectors import approximate
from index.vectors.kinds import KINDS
from index.vectors.tuning import best_of_items, disturbed
from index.views import Views
from training.catalogue.reader import Item

COUNT, MOST, FIRST = 300, 5, 10


@pytest.fixture(scope="module")
def views():
    """Items of 1 to 5 photographs, whose vectors lie about one of the item's."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(COUNT):
        size = int(rng.integers(1, MOST + 1))
        vectors = rng.standard_normal(16) + 0.5 * rng.standard_normal((size, 16))
        vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        made.append(Views(vectors, rng.random((size, 4)).astype(np.float32), np.arange(size)))
    return made


@pytest.fixture(scope="module", params=sorted(KINDS))
def searcher(request, shop_at, views):
    """A version of a kind that never compares all vectors, however few they are."""
    items = []
    for number, each in enumerate(views):
        first, *further = [Path(f"/{number}-{place}.jpg") for place in range(len(each))]
        items.append(Item(f"sku-{number}", first, {}, tuple(further)))
    shop = shop_at("folder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approximate, "_exact_is_quicker", lambda *_: False)
        shop.publish(items, views, kind=request.param, recall=0.995)
        yield shop.open()


@pytest.fixture(scope="module")
def together(views):
    """All vectors, and the item of each."""
    vectors = np.concatenate([each.vectors for each in views])
    return vectors, np.repeat(np.arange(COUNT), [len(each) for each in views])


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_the_first_ten_items_are_those_of_brute_force(searcher, together, seed):
    vectors, owners = together
    queries = disturbed(vectors, count=60, seed=seed)
    scores = queries @ vectors.T
    order = np.argsort(-scores, axis=1)
    tenth = best_of_items(np.take_along_axis(scores, order, axis=1), order, owners, FIRST)[:, -1:]
    pages = searcher.search(queries, SearchOptions(FIRST))
    found = np.array([[hit.score for hit in page.hits] for page in pages])
    assert np.mean(found >= tenth - 1e-5) >= 0.98
    assert {len({hit.item.item_id for hit in page.hits}) for page in pages} == {FIRST}
    assert {page.total for page in pages} == {COUNT}


def test_the_width_is_tuned_to_find_items(searcher, together):
    parameters = searcher.manifest.parameters
    assert parameters["recall"] >= 0.995
    if searcher.manifest.kind != "flat":
        assert parameters["views"] == pytest.approx(len(together[0]) / COUNT, abs=0.01)


def test_a_page_takes_one_search_as_a_rule(searcher, together, monkeypatch):
    asked, search = [], Gallery.search
    monkeypatch.setattr(
        Gallery, "search", lambda self, query, k, allowed: asked.append(k) or search(self, query, k, allowed)
    )
    queries = disturbed(together[0], count=30)
    searcher.search(queries, SearchOptions(20))
    assert len(asked) <= 1.2 * len(queries)


def test_items_are_ranked_by_their_best_rows():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, -np.inf, -np.inf]], np.float32)
    rows = np.array([[3, 1, 2, 0], [2, 3, -1, -1]])
    best = best_of_items(scores, rows, np.array([0, 1, 1, 1]), 2)
    np.testing.assert_array_equal(best, np.array([[0.9, 0.6], [0.5, -np.inf]], np.float32))
