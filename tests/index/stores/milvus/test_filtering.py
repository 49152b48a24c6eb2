"""Filters in Milvus's language pass what they pass in Python, for all values that there are."""

import importlib
import itertools
import math
import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.filters.predicates import NUMBERS, TEXTS, All, AnyOf, Between, Has, Not, OneOf, order_key, value_of
from index.stores.milvus.terms import sort_key
from training.catalogue.reader import Item

VALUES = [0, -0.0, 1, 1.0, 1.5, -7, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), 1e300, math.inf]
VALUES += ["", "1", "a", "ab", "b", "Ä", "ä\"'\\", "日本", "😀", "x" * 255, "x" * 300, True, False]
NOTHING = [None, math.nan, {"a": 1}, "\ud800", []]
FIELDS = ["price", 'a "b\\', "größe", "none"]
COMPARED = sorted({value_of(value) for value in VALUES if value != "x" * 300}, key=order_key)


def contents(dice):
    choice = dice.random()
    if choice < 0.5:
        return dice.choice(VALUES)
    return dice.choice(NOTHING) if choice < 0.7 else dice.choices(VALUES + NOTHING[:3], k=dice.randrange(7))


@pytest.fixture(scope="module")
def rows():
    """300 items with metadata of every kind."""
    dice = random.Random(5)
    return [
        {field: contents(dice) for field in dice.sample(FIELDS[:3], dice.randrange(4))} for _ in range(300)
    ]


def filters(values, bounds):
    leaves = st.one_of(
        st.builds(OneOf, st.sampled_from(FIELDS), st.lists(st.sampled_from(values), max_size=4).map(tuple)),
        st.builds(Has, st.sampled_from(FIELDS)),
        st.builds(
            lambda field, pair, low, high: Between(field, *pair, low_open=low, high_open=high),
            *(st.sampled_from(FIELDS), st.sampled_from(bounds), st.booleans(), st.booleans()),
        ),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
            st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        ),
        max_leaves=6,
    )


def _bounds():
    numbers = [value for value in COMPARED if not isinstance(value, str | bytes)]
    texts = [value for value in COMPARED if isinstance(value, str)]
    for known, (lowest, highest) in ((numbers, NUMBERS), (texts, TEXTS)):
        yield from itertools.product([*known, lowest], [*known, highest])


FILTERS = filters(COMPARED, list(_bounds()))


@pytest.fixture(scope="module", params=["lite", "server"])
def passing(request, shop_at, rows, numbered):
    """Ask Milvus which of the rows pass a filter."""
    server = shop_at(request.param).store._place.server
    rows_module = importlib.import_module("index.stores.milvus.items")
    name = f"{server.address.prefix}_rows"
    server.ask("create_collection", name, schema=rows_module.schema(16))
    index = importlib.import_module("pymilvus").MilvusClient.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    server.ask("create_index", name, index, sync=False)
    server.ask("load_collection", name, timeout=60.0)
    items = [Item(str(row), Path("x"), metadata) for row, metadata in enumerate(rows)]
    options = {"shared": False, "content": b""}
    made = [
        rows_module.built_row(item, numbered(1), row=row, first=row, **options)
        for row, item in enumerate(items)
    ]
    server.ask("insert", name, made)
    collection = importlib.import_module("index.stores.milvus.version").Collection(
        server, name, {}, consistency="Bounded"
    )
    assert collection.count("row >= 0", consistency="Strong") == len(rows)

    def ask(where):
        return sorted(row["row"] for row in collection.query(collection.passing(where), ["row"]))

    return ask


EITHER = (Has("price"), OneOf("größe", (1, "a")))


@settings(max_examples=150, deadline=None)
@example(where=AnyOf(EITHER))
@example(where=All(EITHER))
@example(where=Not(AnyOf(EITHER)))
@example(where=AnyOf(()))
@example(where=All(()))
@given(where=FILTERS)
def test_milvus_passes_what_python_passes(passing, rows, where):
    assert passing(where) == [row for row, metadata in enumerate(rows) if where.matches(metadata)]


def test_a_filter_of_a_thousand_entries_is_answered(passing, rows):
    where = AnyOf(tuple(OneOf("price", (number,)) for number in range(999)))
    assert passing(where) == [row for row, metadata in enumerate(rows) if where.matches(metadata)]


def nested(depth):
    return Has("price") if depth == 0 else Not(All((nested(depth - 1), Has("größe"))))


def test_a_filter_nested_as_deep_as_it_may_be_is_answered(passing, rows):
    where = nested(16)
    assert passing(where) == [row for row, metadata in enumerate(rows) if where.matches(metadata)]


numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.integers(-5, 5))
values = st.one_of(numbers, st.text(max_size=5), st.sampled_from([b"\x00", b"\x01", b""]))
near = st.tuples(st.sampled_from([2**53, 2**62, 2**63 - 1000, -(2**60)]), st.integers(-999, 999)).map(sum)


@settings(max_examples=200, deadline=None)
@given(st.one_of(values, near), st.one_of(values, near, near.map(float)))
def test_keys_sort_and_are_equal_as_the_values_are(one, other):
    keys, places = (sort_key(one), sort_key(other)), (order_key(one), order_key(other))
    assert (keys[0] < keys[1], keys[0] == keys[1]) == (places[0] < places[1], places[0] == places[1])
