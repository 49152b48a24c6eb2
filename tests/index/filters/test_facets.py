"""What an index offers to filter by."""

import json
from pathlib import Path

import pytest

from index.filters.facets import MOST_FIELDS, MOST_VALUES, Facet
from index.filters.parse import parse_filter
from index.stores.folder.items import Items, write_items
from training.catalogue.reader import Item


@pytest.fixture
def facets_of(tmp_path):
    """Return the facets of items with the given metadata."""

    def facets(*metadata):
        path = tmp_path / "items.sqlite"
        path.unlink(missing_ok=True)
        write_items(
            path, [Item(f"sku-{row}", Path(f"/{row}.jpg"), fields) for row, fields in enumerate(metadata)]
        )
        return Items.open(path).facets()

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


def test_a_field_of_too_many_values_is_not_offered(facets_of):
    few = [{"brand": str(number % MOST_VALUES)} for number in range(100)]
    many = [{"brand": str(number % (MOST_VALUES + 1))} for number in range(100)]
    assert len(facets_of(*few)[0].values) == MOST_VALUES
    assert facets_of(*many) == []


def test_only_some_fields_are_offered_and_none_that_no_filter_can_name(facets_of):
    fields = [*"abcdefghijkl", "and", "or", "not"]
    offered = facets_of(*[dict.fromkeys(fields, value) for value in ("x", "x", "y")])
    assert [facet.field for facet in offered] == fields[:MOST_FIELDS]


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
