"""The head of a ranking in every store, boosted, sorted and counted, held against plain Python."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.arrangement import LENGTH, Arrangement, Boost, Sort
from index.change import Change, Patch
from index.edits import Delete
from index.filters.parse import parse_filter
from index.pages import NEAREST, SearchOptions
from training.catalogue.reader import Item

COUNT = LENGTH + 20
COPIES = range(400, 406)
LABELS = ["new", "Ünique", "", True, 7, None]
FIELDS = ("brand", "price", "labels", "rating", "nothing")


def metadata(row):
    fields = {"brand": f"b{row % 7}", "price": [row * 37 % 500, row * 37 % 500 / 2][row % 2]}
    fields |= {"labels": [LABELS[row % 6], LABELS[row // 6 % 6]]} if row % 3 else {}
    return fields | ({"rating": LABELS[row % 6]} if row % 5 else {})


@pytest.fixture(scope="module", params=["folder", "lite", "server"])
def shop(request, shop_at, numbered):
    """More items than a head, six of them with one picture; then some are put, replaced and deleted."""
    shop = shop_at(request.param)
    items = [Item(f"sku-{row}", shop.indexes / f"{row}.jpg", metadata(row)) for row in range(COUNT)]
    vectors = np.stack([numbered(COPIES[0] if row in COPIES else row) for row in range(COUNT)])
    pictures = np.arange(COUNT, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(4)
    pictures[list(COPIES)] = pictures[COPIES[0]]
    shop.publish(items, vectors, pictures)
    for number in range(6):
        shop.put(f"new-{number}", 5000 + number, brand="b1", price=number - 3, labels=["new", "new", False])
        shop.put(f"sku-{number}", 6000 + number, brand="put", rating=[number, "x" * 300])
        shop.store.changes.write_one(Delete(f"sku-{100 + number}"))
    patches = [Patch(f"sku-{number}", {"price": -50.5 + number, "brand": None}) for number in range(200, 220)]
    patches.append(Patch("new-1", {"labels": ["patched", "patched", "y" * 300], "rating": 2.0}))
    assert all(isinstance(state, Change) for state in shop.store.changes.write(patches))
    shop.searcher = shop.open()
    shop.query = numbered(7)
    return shop


def search(shop, **options):
    return shop.searcher.search(shop.query[None], SearchOptions(**{"limit": COUNT + 10, **options}))[0]


def ids(hits):
    return [hit.item.item_id for hit in hits]


def values(content):
    """The different values of a field as (kind, value): numbers, texts, booleans."""
    every = content if isinstance(content, list) else [content]
    kinds = {int: 0, float: 0, str: 1, bool: 2}
    return sorted({(kinds[type(value)], value) for value in every if value is not None})


def rearranged(hits, boosts, sort):
    """The hits of a plain ranking in the order that was asked for."""
    head, rest = hits[:LENGTH], hits[LENGTH:]
    scores = [
        hit.score + sum(add for where, add in boosts if parse_filter(where).matches(hit.item.metadata))
        for hit in head
    ]
    head = [head[at] for at in sorted(range(len(head)), key=lambda at: -scores[at])]
    if sort:
        field, descending = sort
        keys = {hit.item.item_id: values(hit.item.metadata.get(field)) for hit in head}
        known = [hit for hit in head if keys[hit.item.item_id]]
        known.sort(key=lambda hit: keys[hit.item.item_id][-1 if descending else 0], reverse=descending)
        head = known + [hit for hit in head if not keys[hit.item.item_id]]
    return [*head, *rest]


FILTERS = st.sampled_from(
    [{"brand": ["b1", "put"]}, {"labels": "new"}, {"price": {"lt": 100}}, {"rating": None}, {"unknown": 1}]
)
ASKED = st.fixed_dictionaries(
    {
        "boosts": st.lists(st.tuples(FILTERS, st.sampled_from([-1.5, -0.125, 0.25, 2])), max_size=2),
        "sort": st.none() | st.tuples(st.sampled_from(FIELDS), st.booleans()),
        "where": st.none() | FILTERS,
        "collapse": st.booleans(),
        "min_score": st.sampled_from([-1.0, 0.0]),
        "offset": st.sampled_from([0, 3, LENGTH - 2, LENGTH + 3]),
    }
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(ASKED)
def test_a_page_is_cut_from_the_ranking_that_python_arranges(shop, asked):
    ranking = {
        "where": parse_filter(asked["where"]) if asked["where"] else None,
        "collapse": asked["collapse"],
        "min_score": asked["min_score"],
    }
    plain = search(shop, **ranking)
    boosts = tuple(Boost(parse_filter(where), add) for where, add in asked["boosts"])
    arrangement = Arrangement(boosts, Sort(*asked["sort"]) if asked["sort"] else None, FIELDS)
    page = search(shop, **ranking, offset=asked["offset"], limit=5, arrangement=arrangement)

    expected = rearranged(list(plain.hits), asked["boosts"], asked["sort"])
    first = asked["offset"]
    assert ids(page.hits) == ids(expected[first : first + 5])
    assert [hit.rank for hit in page.hits] == list(range(first + 1, first + 1 + len(page.hits)))
    assert [hit.score for hit in page.hits] == [hit.score for hit in expected[first : first + 5]]
    assert page.total == plain.total == len(plain.hits)
    assert page.next_offset == (first + 5 if first + 5 < page.total else None)
    reordered = bool(boosts or asked["sort"])
    assert page.nearest == (plain.hits[:NEAREST] if reordered else None)

    head = plain.hits[:LENGTH]
    assert [facet.field for facet in page.facets] == list(FIELDS)
    for facet in page.facets:
        found = [values(hit.item.metadata.get(facet.field)) for hit in head]
        counted = Counter(value for each in found for value in each if len(str(value[1])) < 300)
        expected_order = sorted(counted, key=lambda value: (-counted[value], value))
        assert [value for value, _ in facet.values] == [value for _, value in expected_order]
        assert [count for _, count in facet.values] == [counted[value] for value in expected_order]
        assert facet.missing == sum(not each for each in found)


def test_the_neighbours_of_an_item_are_arranged_without_it(shop):
    plain = shop.searcher.similar("sku-7", SearchOptions(limit=COUNT))
    arrangement = Arrangement(sort=Sort("price", True), facets=("brand",))
    page = shop.searcher.similar("sku-7", SearchOptions(limit=8, arrangement=arrangement))
    assert ids(page.hits) == ids(rearranged(list(plain.hits), [], ("price", True)))[:8]
    assert sum(count for _, count in page.facets[0].values) + page.facets[0].missing == LENGTH


def test_what_is_put_and_deleted_later_counts_at_once(shop, numbered):
    arrangement = Arrangement(sort=Sort("price"), facets=("price",))
    shop.put("cheapest", 7, price=-1000.5)
    shop.searcher.refresh()
    page = search(shop, limit=1, arrangement=arrangement)
    assert ids(page.hits) == ["cheapest"] and page.facets[0].lowest == -1000.5
    shop.store.changes.write_one(Delete("cheapest"))
    shop.searcher.refresh()
    nearest = search(shop).hits
    lowest = rearranged(list(nearest), [], ("price", False))[0]
    page = search(shop, limit=1, arrangement=arrangement)
    assert (
        ids(page.hits) == ids([lowest])
        and page.facets[0].lowest == values(lowest.item.metadata["price"])[0][1]
    )
    shop.store.changes.write([Patch(nearest[3].item.item_id, {"price": -2000})])
    shop.searcher.refresh()
    page = search(shop, limit=1, arrangement=arrangement)
    assert ids(page.hits) == ids(nearest[3:4]) and page.facets[0].lowest == -2000
