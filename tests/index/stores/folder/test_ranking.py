"""Items of several views are found by every kind of index, as comparing all of them finds them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.pages import SearchOptions
from index.stores.folder import ranking
from index.stores.folder.gallery import Found, Gallery
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


class Tied:
    """A gallery of some scores, best first, that finds the last of equal ones first."""

    def __init__(self, *scores):
        self.scores, self.asked = np.array(scores, np.float32), []
        self.rows = np.lexsort((-np.arange(len(scores)), -self.scores))
        self.count = len(scores)

    def search(self, query, k, allowed):
        self.asked.append(k)
        rows = np.sort(self.rows[:k])
        unseen = float(self.scores[rows[-1]]) if k < self.count else -np.inf
        return Found(self.scores[rows], rows, unseen)


def test_a_tie_at_the_end_is_searched_on_until_it_is_known_in_full(monkeypatch):
    monkeypatch.setattr(ranking, "_SPARE", 0)
    gallery = Tied(0.9, 0.5, 0.5, 0.5, 0.1)
    assert ranking._ranking(gallery, None, 2, None)[1].tolist() == [0, 1] and gallery.asked == [2, 4, 8]
    gallery.asked.clear()
    assert ranking._ranking(gallery, None, 4, None)[1].tolist() == [0, 1, 2, 3] and gallery.asked == [4, 8]


@pytest.mark.parametrize(("k", "asked"), [(2, 18), (9, 25), (10, 27), (20, 54)])
def test_a_search_asks_for_a_few_more_or_for_as_many_as_items_have_vectors(k, asked):
    """80 vectors of 30 items, and 16 to spare."""
    gallery = Tied(*np.linspace(1, 0, 30))
    ranking._ranking(gallery, None, k, None, labels=np.arange(80) // 3)
    ranking._ranking(gallery, None, k, None)
    assert (gallery.asked[0], gallery.asked[-1]) == (asked, k + 16)


def test_items_are_ranked_by_their_best_rows():
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, -np.inf, -np.inf]], np.float32)
    rows = np.array([[3, 1, 2, 0], [2, 3, -1, -1]])
    best = best_of_items(scores, rows, np.array([0, 1, 1, 1]), 2)
    np.testing.assert_array_equal(best, np.array([[0.9, 0.6], [0.5, -np.inf]], np.float32))
