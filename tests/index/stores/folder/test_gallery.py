from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index.change import DELETE, PATCH, PUT, Change
from index.edits import Delete, Put, patched_item
from index.errors import ItemUnknown
from index.filters import facets
from index.filters.parse import parse_filter
from index.pages import SearchOptions
from index.stores.folder import ranking as ranking_module
from index.stores.folder.changes import Changes
from index.stores.folder.filtering import Allowed
from index.stores.folder.gallery import Found, Gallery, _in_order
from index.stores.folder.items import Items, write_items
from index.stores.folder.overlay import lay_over, read_overlay
from index.stores.folder.publish import current_version
from index.stores.folder.ranking import cut_page
from index.stores.folder.version import open_version
from training.catalogue.reader import Item

PICTURE = b"\xff\xd8\xff picture "
CHEAP = parse_filter({"price": {"lt": 20}})


@pytest.fixture
def world(indexes, publish_version, unit_vectors, make_encoder):
    """Forty items and changes to them: a gallery, and what it holds as a table for brute force."""
    vectors = unit_vectors(40)
    vectors[30:36] = vectors[20:26]  # equal scores in the version, and between it and what is put
    publish_version(vectors)
    changes = Changes(indexes)
    table = {f"sku-{row}": (row, vectors[row], row) for row in range(40)}

    def put(item_id, vector, price, picture=PICTURE):
        changes.write_one(Put(item_id, (picture + item_id.encode(),), {"price": price}, vector, "f" * 64))
        table[item_id] = (40 + len(puts), vector, price)
        puts.append(item_id)

    puts = []
    put("sku-3", unit_vectors(1, seed=9)[0], 7)
    put("new-1", vectors[20], 15)
    put("new-2", vectors[21], 50)
    put("sku-22", vectors[22], 1)
    for item_id in ("sku-0", "sku-31", "sku-39"):
        changes.write_one(Delete(item_id))
        del table[item_id]
    version = open_version(indexes / current_version(indexes))
    overlay = read_overlay(changes, version, make_encoder(), before=lay_over(version, {}))
    return SimpleNamespace(gallery=Gallery(overlay), table=table, changes=changes, version=version)


def brute_force(table, query, *, min_score=-2.0, cheap=False, groups=None):
    """The whole ranking: best score first, equal ones by row, of each group the first."""
    scores = {item_id: np.float32(vector @ query) for item_id, (_, vector, _) in table.items()}
    ranking = sorted(table, key=lambda item_id: (-scores[item_id], table[item_id][0]))
    listed = [
        item_id
        for item_id in ranking
        if scores[item_id] >= min_score and (table[item_id][2] < 20 or not cheap)
    ]
    first = {}
    for item_id in listed:
        first.setdefault(item_id if groups is None else groups[table[item_id][0]], item_id)
    return list(first.values())


def listed(page):
    return [hit.item.item_id for hit in page.hits]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(seed=4, limit=14, offset=0, min_score=-1.5, cheap=False, collapse=True)  # searched twice
@example(seed=4, limit=3, offset=1, min_score=0.0, cheap=True, collapse=True)  # counted beyond the page
@example(seed=0, limit=1, offset=1, min_score=-1.5, cheap=False, collapse=False)  # cut in a tie
@example(seed=1, limit=30, offset=9, min_score=-1.5, cheap=False, collapse=False)  # to the very end
@given(
    seed=st.integers(0, 50),
    limit=st.integers(1, 50),
    offset=st.integers(0, 45),
    min_score=st.sampled_from([-1.5, 0.0, 0.25, 0.99]),
    cheap=st.booleans(),
    collapse=st.booleans(),
)
def test_every_page_is_a_cut_of_the_ranking_by_brute_force(
    world, unit_vectors, monkeypatch, seed, limit, offset, min_score, cheap, collapse
):
    monkeypatch.setattr(ranking_module, "_SPARE", 0)  # so that ties at the end of a page are cut
    gallery = world.gallery
    groups = np.arange(44) // 3 if collapse else None
    query = unit_vectors(40)[20] if seed == 0 else unit_vectors(1, seed=seed)[0]
    ranking = brute_force(world.table, query, min_score=min_score, cheap=cheap, groups=groups)
    page = cut_page(
        gallery,
        query,
        SearchOptions(limit, offset, min_score),
        allowed=gallery.allowed(CHEAP if cheap else None),
        labels=groups,
    )
    assert listed(page) == ranking[offset : offset + limit]
    assert page.total == len(ranking)
    assert page.next_offset == (offset + limit if offset + limit < len(ranking) else None)
    assert [hit.rank for hit in page.hits] == list(range(offset + 1, offset + 1 + len(page.hits)))


def test_the_count_is_of_what_can_be_found(world):
    assert world.gallery.count == len(world.table) == 39


def test_an_item_is_what_it_was_put_as(world):
    row, item = world.gallery.by_id("sku-3")
    assert row == 40 and item.metadata == {"price": 7}
    np.testing.assert_array_equal(world.gallery.vector(row), world.table["sku-3"][1])
    assert world.gallery.by_id("sku-4") == (4, world.version.items.by_id("sku-4")[1])


BUILT = [
    {"colour": "red", "price": 1, "new": True, "size": ["S", "M", "S"]},
    {"colour": "blue", "price": 2.5, "new": False, "size": "M"},
    {"colour": "blue", "price": 9, "new": True},
    {"colour": ["red", "green"], "price": -3, "code": "x" * 300},
    {"price": 9, "size": [38, 40], "and": "here"},
    {},
]
FIELDS = st.dictionaries(
    st.sampled_from(["colour", "price", "new", "size", "code", "brand"]),
    st.sampled_from(
        [None, 1, 2.5, 9, -3, 12, 1e999, "red", "blue", "navy", "", True, False, ["M", 38], "x" * 300]
    ),
    max_size=4,
)
PUT_FIELDS = st.tuples(st.just(PUT), FIELDS)
CHANGED = st.dictionaries(
    st.integers(0, 5), st.one_of(PUT_FIELDS, st.tuples(st.sampled_from([PATCH, DELETE]), FIELDS)), max_size=6
)


@pytest.mark.parametrize("most", [2, facets.MOST_VALUES])
def test_facets_count_what_can_be_found(indexes, publish_version, unit_vectors, monkeypatch, most):
    """They are those of an index built with the changes, also where it has more values than are listed."""
    items = [Item(f"sku-{row}", Path(f"/{row}.jpg"), fields) for row, fields in enumerate(BUILT)]
    publish_version(unit_vectors(len(items)), items=items)
    version = open_version(indexes / current_version(indexes))
    monkeypatch.setattr(facets, "MOST_VALUES", most)

    @settings(max_examples=150, deadline=None)
    @given(changed=CHANGED, added=st.lists(PUT_FIELDS, max_size=3))
    def check(changed, added):
        now = {item.item_id: item for item in items}
        states = {}
        for row, (action, fields) in [*changed.items(), *enumerate(added, len(items))]:
            before = now.pop(f"sku-{row}", Item(f"sku-{row}", Path("/new.jpg")))
            item = replace(before, metadata=fields)
            if action != DELETE:
                now[item.item_id] = patched_item(before, fields) if action == PATCH else item
            state = Change(len(states) + 1, "", action, item.item_id)
            if action == PUT:
                state = replace(state, item=item, vector=unit_vectors(1)[0], photographed=state.seq)
            elif action == PATCH:
                state = replace(state, fields=fields)
            states[item.item_id] = state
        path = indexes / "items.sqlite"
        path.unlink(missing_ok=True)
        write_items(path, now.values())
        assert Gallery(lay_over(version, states)).facets == Items.open(path).facets()

    check()


def test_examples_are_the_same_ones_as_long_as_they_can_be_found(world):
    before = {item.item_id for item in Gallery(lay_over(world.version, {})).spread(30)}
    after = {item.item_id for item in world.gallery.spread(30)}
    assert len(before) == len(after) == 30 and len(after - before) <= 7
    assert {item.item_id for item in world.gallery.spread(1000)} == world.table.keys()


def test_a_deleted_item_is_unknown(world):
    with pytest.raises(ItemUnknown, match="'sku-0' was deleted"):
        world.gallery.by_id("sku-0")
    with pytest.raises(ItemUnknown, match="no item 'nobody'"):
        world.gallery.by_id("nobody")


def test_items_come_in_the_order_of_the_rows(world):
    rows = [41, 5, 40, 1, 5]
    assert [item.item_id for item in world.gallery.by_rows(np.array(rows))] == [
        "new-1",
        "sku-5",
        "sku-3",
        "sku-1",
        "sku-5",
    ]


def test_a_filter_sees_what_was_put_and_not_what_it_replaced(world):
    """The catalogue's price of sku-22 is 22; it was put with 1."""
    cheap = {
        item.item_id for item in world.gallery.by_rows(np.flatnonzero(world.gallery.allowed(CHEAP).mask))
    }
    assert cheap == {item_id for item_id, (_, _, price) in world.table.items() if price < 20}
    assert "sku-22" in cheap and "new-2" not in cheap


def test_the_rows_of_the_last_filters_are_kept(world):
    found = world.gallery.allowed(CHEAP)
    assert world.gallery.allowed(parse_filter({"price": {"lt": 20}})) is found
    assert world.gallery.allowed(parse_filter({"price": {"lte": 20}})) is not found
    for most in range(4):
        world.gallery.allowed(parse_filter({"price": {"lt": most}}))
    again = world.gallery.allowed(CHEAP)
    assert again is not found and (again.mask == found.mask).all()


def test_what_was_put_is_in_one_group_where_it_has_one_photograph(world, unit_vectors, make_encoder):
    for item_id in ("a", "b"):
        world.changes.write_one(Put(item_id, (PICTURE,), {}, unit_vectors(1)[0], "f" * 64))
    overlay = read_overlay(world.changes, world.version, make_encoder(), before=world.gallery.overlay)
    groups = Gallery(overlay).groups
    assert groups.tolist() == [*range(40), 40, 41, 42, 43, 44, 44]


def test_equal_scores_are_ordered_by_their_rows():
    found = _in_order(Found(np.array([0.9, 0.5, 0.5, 0.2], np.float32), np.array([7, 9, 3, 1]), 0.1))
    assert found.rows.tolist() == [7, 3, 9, 1] and found.unseen == 0.1
    np.testing.assert_array_equal(found.scores, np.array([0.9, 0.5, 0.5, 0.2], np.float32))


class Forgetful:
    """An approximate kind: it finds only every second vector, and says -1 for the others."""

    def __init__(self, vectors):
        self.vectors = vectors

    def __len__(self):
        return len(self.vectors)

    def search(self, queries, k, *, allowed=None):
        scores = (self.vectors @ queries[0]).astype(np.float32)
        rows = np.array(
            [row for row in np.argsort(-scores) if row % 2 == 0 and (allowed is None or allowed[row])]
        )
        rows = rows[:k]
        missing = min(k, len(self)) - len(rows)
        return (
            np.r_[scores[rows], np.full(missing, -np.inf, np.float32)][None],
            np.r_[rows, np.full(missing, -1, np.int64)][None],
        )


def test_a_kind_that_finds_fewer_ends_the_search(unit_vectors):
    vectors = unit_vectors(40)
    version = SimpleNamespace(vectors=Forgetful(vectors))
    overlay = SimpleNamespace(
        version=version, hidden=np.zeros(40, bool), items=(Item("a", None),), vectors=None
    )
    found = Gallery(overlay).search(vectors[0], 30, Allowed.of(np.ones(41, bool), base=40))
    assert len(found.rows) == 20 and (found.rows % 2 == 0).all() and found.unseen == -np.inf
    assert (np.diff(found.scores) <= 0).all()
