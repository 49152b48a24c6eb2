"""SQLite's answer to a filter is the one of Python, on any metadata."""

import sqlite3
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.filters.field_values import FieldValues, mask_of
from index.filters.parse import MAX_TEXT, parse_filter
from index.filters.postings import passing, posted, posted_values, write_postings
from index.filters.predicates import Has, order_key
from index.stores.folder.items import Items, write_items
from index.vectors.flat import FlatIndex
from training.catalogue.reader import Item

FIELDS = st.sampled_from(["a", "ä", "and no operator"])
NUMBERS = st.sampled_from(
    [0, 1, -1, 1.0, -0.0, 0.5, 2**53, 2**53 + 1, 2.0**53, 2**63 - 1, 2**63, -(2**63), 10**400, -(10**400)]
    + [float("inf"), float("-inf"), 5e-324, 1.7e308]
)
TEXTS = st.sampled_from(
    ["", "a", "A", "ab", "ä", "a\u0308", "1", "true", "\0", "a\0b", "%", "';--", "\uffff", "\U0001d518"]
    + ["x" * (MAX_TEXT - 1), "x" * MAX_TEXT]
)
COMPARED = st.one_of(NUMBERS, TEXTS, st.booleans(), st.integers(), st.floats(allow_nan=False))
ONLY_STORED = st.sampled_from([None, float("nan"), "\ud800", "x" * (MAX_TEXT + 1), "x" * 400, {}, {"a": 1}])


def metadata(values):
    """Metadata of a few items, of the given values and of some that can't be asked for."""
    stored = st.one_of(values, values, ONLY_STORED)
    content = st.one_of(stored, st.lists(st.one_of(stored, st.lists(stored, max_size=2)), max_size=3))
    return st.lists(st.dictionaries(st.one_of(FIELDS, st.just("\udfff")), content, max_size=3), max_size=8)


def conditions(values):
    """What may be asked of a field, with the given values."""
    ends = [values.filter(lambda value, kind=kind: type(value) in kind) for kind in ((int, float), (str,))]
    bounds = [
        st.fixed_dictionaries({}, optional={low: end, high: end}).filter(bool)
        for end in ends
        for low in ("gt", "gte")
        for high in ("lt", "lte")
    ]
    asked = st.one_of(values, st.none())
    return st.one_of(*bounds, asked, st.lists(asked, max_size=3), values.map(lambda value: {"ne": value}))


def filters(values):
    """Filters that ask for the given values."""
    return st.recursive(
        st.dictionaries(FIELDS, conditions(values), max_size=2),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
            st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=4,
    )


def shop(pool):
    """Metadata and filters that share values, so that they meet at the very bounds."""
    values = st.sampled_from([*pool, 1, "a"])
    return st.tuples(metadata(values), st.lists(filters(values), min_size=1, max_size=6))


# each form of a filter, with items that pass one of its parts alone: not every run draws such
EVERY_FORM = (
    [{"a": 1}, {"a": "a"}, {"a": 2}, {"ä": 1}, {"a": [1, 2], "ä": "a"}, {"a": None}, {}],
    [
        {"or": [{"a": 1}, {"ä": "a"}]},
        {"or": [{"a": {"gt": 1}}, {"a": "a"}, {"ä": 1}]},
        {"or": []},
        {"and": [{"a": 1}, {"a": 2}]},
        {"and": []},
        {"not": {"or": [{"a": 1}, {"ä": 1}]}},
        {"not": {"and": [{"a": 1}, {"a": 2}]}},
        {"a": [1, "a", None]},
        {"a": []},
        {"a": None},
        {"a": {"ne": 1}},
        *({"a": {low: 1, high: 2}} for low in ("gt", "gte") for high in ("lt", "lte")),
    ],
)


@settings(max_examples=120, deadline=None)
@example(EVERY_FORM)
@given(st.lists(COMPARED, max_size=4).flatmap(shop))
def test_sqlite_lets_the_same_items_pass_as_python(drawn):
    contents, asked = drawn
    connection = sqlite3.connect(":memory:")
    write_postings(connection, enumerate(contents))
    for fields in asked:
        where = parse_filter(fields)
        expected = [where.matches(item) for item in contents]
        found = passing(where, len(contents), lambda sql, *values: connection.execute(sql, values).fetchall())
        assert found.tolist() == expected, fields
        assert mask_of(where, partial(values_in, contents), len(contents)).tolist() == expected, fields
    connection.close()


def values_in(contents, field):
    return FieldValues.of(
        (place, value) for place, fields in enumerate(contents) for value in posted(fields.get(field))
    )


def by_place(found):
    return sorted(found.pairs(), key=lambda pair: (pair[0], order_key(pair[1])))


@settings(max_examples=60, deadline=None)
@given(metadata(COMPARED), st.randoms())
def test_the_values_of_rows_are_those_of_their_metadata(contents, rng):
    connection = sqlite3.connect(":memory:")
    write_postings(connection, enumerate(contents))
    rows = np.array([rng.randrange(-1, len(contents)) for _ in range(5)], np.int64)
    shown = [contents[row] if row >= 0 else {} for row in rows.tolist()]
    for field in ("a", "ä", "missing"):
        posted_of = partial(posted_values, field, len(contents))
        found = posted_of(lambda sql, *values: connection.execute(sql, values).fetchall()).at(rows)
        assert sorted(found.table, key=order_key) == list(found.table)
        assert by_place(found) == by_place(values_in(shown, field))
    connection.close()


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    path = tmp_path_factory.mktemp("items") / "items.sqlite"
    rng = np.random.default_rng(4)
    metadata = [
        {"category": str(rng.choice(["dress", "skirt", "coat"])), "price": float(price), "sizes": [36, size]}
        for price, size in zip(rng.integers(1, 200, 400), rng.choice([38, 40, 42], 400).tolist(), strict=True)
    ]
    write_items(path, [Item(f"sku-{n}", Path(f"/{n}.jpg"), fields) for n, fields in enumerate(metadata)])
    return Items.open(path), metadata


PRICES = st.integers(0, 210)
SHOP_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "category": st.lists(st.sampled_from(["dress", "skirt", "coat", "hat"]), max_size=3),
        "price": st.tuples(PRICES, PRICES).map(lambda ends: {"gte": min(ends), "lte": max(ends)}),
        "sizes": st.sampled_from([36, 38, 40, 44]),
        "not": st.just({"category": "dress"}),
    },
)


@settings(max_examples=40, deadline=None)
@given(SHOP_FILTERS)
def test_a_filtered_ranking_is_the_one_of_brute_force(items, unit_vectors, fields):
    store, metadata = items
    vectors, query = unit_vectors(400), unit_vectors(1, seed=5)
    allowed = np.zeros(400, bool)
    allowed[store.matching(parse_filter(fields))] = True
    (scores,), (rows,) = FlatIndex.build(vectors).search(query, 20, allowed=allowed)

    expected = [row for row in range(400) if parse_filter(fields).matches(metadata[row])]
    ranked = sorted(expected, key=lambda row: -float(vectors[row] @ query[0]))[:20]
    assert rows[rows >= 0].tolist() == ranked
    np.testing.assert_allclose(scores[rows >= 0], vectors[ranked] @ query[0], atol=1e-6)


def test_the_rows_that_match_come_ascending_as_int64(items):
    store, metadata = items
    rows = store.matching(parse_filter({"price": {"gte": 100}}))
    assert rows.dtype == np.int64
    assert rows.tolist() == [row for row, fields in enumerate(metadata) if fields["price"] >= 100]


def test_every_lookup_uses_the_index(items):
    store, _ = items
    plans = []

    def explain(sql, *values):
        plans.append(store._ask(f"EXPLAIN QUERY PLAN {sql}", *values)[0][-1])
        return []

    for fields in ({"price": 1}, {"price": [1, "a", True]}, {"price": {"lt": 5}}, {"price": None}):
        passing(parse_filter(fields), 400, explain)
    assert len(plans) == 4
    assert all(plan.startswith("SEARCH postings USING PRIMARY KEY (field=? AND value") for plan in plans)


def test_an_empty_store_answers_with_no_rows():
    connection = sqlite3.connect(":memory:")
    write_postings(connection, [])
    assert passing(Has("a"), 0, lambda sql, *values: connection.execute(sql, values).fetchall()).shape == (0,)
    connection.close()
