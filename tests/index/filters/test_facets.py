"""What an index offers to filter by."""

import json
from pathlib import Path

import pytest

from index.filters import facets
from index.filters.facets import Facet, offered
from index.filters.parse import parse_filter
from index.stores.folder.items import Items, write_items
from training.catalogue.reader import Item


@pytest.fixture
def facets_of(tmp_path):
    """Return the facets of items with the given metadata."""

    def facets(*metadata, fields=()):
        path = tmp_path / "items.sqlite"
        path.unlink(missing_ok=True)
        write_items(
            path, [Item(f"sku-{row}", Path(f"/{row}.jpg"), fields) for row, fields in enumerate(metadata)]
        )
        return offered(Items.open(path).facets(), fields)

    return facets


def test_texts_that_items_share_are_offered_the_most_common_first(facets_of):
    kinds = ["skirt", "dress", "dress", "hat", "dress", "hat"]
    (facet,) = facets_of(*[{"category": kind} for kind in kinds])
    assert facet == Facet("category", (("dress", 3), ("hat", 2), ("skirt", 1)))


def test_booleans_are_offered_as_such_and_not_as_numbers(facets_of):
    (facet,) = facets_of({"kids": True}, {"kids": False}, {"kids": False}, {"kids": False})
    assert facet.values == ((False, 3), (True, 1))
    assert isinstance(facet.values[0][0], bool)


def test_numbers_are_offered_as_a_range(facets_of):
    assert facets_of({"price": 49.9}, {"price": 5}, {"price": 12}) == [Facet("price", lowest=5, highest=49.9)]


def test_the_category_comes_first_then_values_then_numbers(facets_of):
    item = {"age": 1, "colour": "red", "category": "hat"}
    other = {"age": 2, "colour": "blue", "category": "dress"}
    assert [facet.field for facet in facets_of(item, other, item)] == ["category", "colour", "age"]


@pytest.mark.parametrize(
    "values",
    [
        ["one", "one"],  # nothing to choose from
        ["a", "b", "c"],  # names: each item has its own
        [7, 7],
        [1e999, 1],  # JSON has no infinity
        ["x" * 61, "x" * 61, "y" * 61],  # texts, not labels
        ["", "", "dress"],
        [None, {"a": 1}, {"a": 2}],
    ],
)
def test_what_does_not_help_to_choose_is_not_offered(facets_of, values):
    assert facets_of(*[{"field": value} for value in values]) == []


@pytest.mark.parametrize(("values", "items", "offered"), [(24, 25, True), (25, 49, False), (25, 50, True)])
def test_many_values_are_offered_where_two_items_share_one_on_average(facets_of, values, items, offered):
    found = facets_of(*[{"brand": f"b{number % values}"} for number in range(items)])
    assert [len(facet.values) for facet in found] == [values] * offered


@pytest.mark.parametrize(
    "field",
    ["id", "product_id", "productId", "SKU", "gtin", "Handle", "image link", "imageURL", "url", "split"]
    + ["additional-image-link", "image1", "file", "item_group_id"]
    + ["title", "Titel", "name", "product_name", "displayName", "Produktname", "meta description"],
)
def test_ids_links_titles_and_splits_are_left_out_by_their_names(facets_of, field):
    shared, numbers = [{field: text} for text in ("a", "a", "b", "b")], [{field: 10}, {field: 12}]
    assert facets_of(*shared) == [] == facets_of(*numbers)


@pytest.mark.parametrize(
    "field",
    ["brand", "fluid", "kids", "width", "filed", "category", "splitting", "größe", "brand_name", "titled"],
)
def test_words_that_only_hold_those_names_are_offered(facets_of, field):
    assert [facet.field for facet in facets_of(*[{field: text} for text in ("a", "a", "b")])] == [field]


@pytest.mark.parametrize(
    "values",
    [["train", "Test", "TEST"], ["val", "val", "train"], ["https://a.b/c", "https://a.b/c", "//x/y"]],
)
def test_links_and_splits_are_told_by_their_values_whatever_the_field_is_called(facets_of, values):
    assert facets_of(*[{"where": value} for value in values]) == []
    (facet,) = facets_of(*[{"where": value} for value in [*values, values[0], "a shop"]])
    assert dict(facet.values)["a shop"] == 1


def test_fields_that_are_named_are_offered_in_their_order_whatever_they_hold(facets_of):
    metadata = [{"sku": "a", "split": "train", "price": 3}, {"sku": "b", "split": "train", "price": 4}]
    offered = facets_of(*metadata, fields=("price", "colour", "split", "sku"))
    assert offered == [
        Facet("price", lowest=3, highest=4),
        Facet("split", (("train", 2),)),
        Facet("sku", (("a", 1), ("b", 1))),
    ]


def test_of_very_many_values_the_most_common_are_offered(facets_of, monkeypatch):
    monkeypatch.setattr("index.filters.facets.MOST_VALUES", 3)
    values = ["d", "c", "b", "a", "b", True]
    (facet,) = facets_of(*[{"tag": value} for value in values], fields=("tag",))
    assert facet.values == (("b", 2), ("a", 1), ("c", 1))


def test_ten_thousand_values_of_a_field_are_read_at_most_and_those_that_changed():
    limits = []

    def ask(query, *values):
        if query == facets._VALUES:
            limits.append(values[-1])
        return []

    facets.facets_of(["field"], ask, {})
    facets.facets_of(["field"], ask, {"field": {"a": 1, "b": 1}})
    assert limits == [10_000, 10_002]


def test_a_value_that_no_item_has_any_more_is_not_offered():
    built = {"a": 2, "b": 3}
    found = facets.facets_of(["field"], lambda *_: [*built.items()], {"field": {"a": -2, "c": 1}})
    assert found == [Facet("field", (("b", 3), ("c", 1)))]


def test_only_some_fields_are_offered_and_none_that_no_filter_can_name(facets_of):
    fields = [*"abcdefghijkl", "and", "or", "not"]
    offered = facets_of(*[dict.fromkeys(fields, value) for value in ("x", "x", "y")])
    assert [facet.field for facet in offered] == [*"abcdefgh"]


def test_a_filter_by_what_is_offered_finds_as_many_as_were_promised(tmp_path):
    path = tmp_path / "items.sqlite"
    metadata = [
        {"tags": tags, "new": new} for tags, new in [(["a", "b"], True), (["b"], False), (["b", "c"], True)]
    ]
    write_items(path, [Item(str(row), Path("/x"), fields) for row, fields in enumerate(metadata)])
    items = Items.open(path)
    for facet in items.facets():
        for value, count in facet.values:
            where = parse_filter(json.loads(json.dumps({facet.field: [value]})))
            assert len(items.matching(where)) == count
    assert {facet.field for facet in items.facets()} == {"new", "tags"}


def test_without_metadata_nothing_is_offered(facets_of):
    assert facets_of({}, {}) == []


@pytest.mark.parametrize(("length", "offered"), [(1, True), (60, True), (61, False)])
def test_names_and_values_are_offered_that_fit_into_a_line(facets_of, length, offered):
    text = "x" * length
    values = [
        value
        for facet in facets_of(*[{"fit": text}] * 3, *[{"fit": "y"}] * 4, *[{"fit": "z"}] * 2)
        for value, _ in facet.values
    ]
    assert ("y" in values, text in values) == (True, offered)
    names = [facet.field for facet in facets_of(*[{text: "y"}] * 3, *[{text: "z"}] * 4)]
    assert names == ([text] if offered else [])
