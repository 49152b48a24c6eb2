import math

import pytest

from index.errors import InvalidFilter
from index.filters.parse import MAX_DEPTH, MAX_ENTRIES, MAX_TEXT, parse_filter
from index.filters.predicates import NUMBERS, TEXTS, All, AnyOf, Between, Has, Not, OneOf

DRESS = OneOf("category", ("dress",))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, All(())),
        ({"category": "dress"}, DRESS),
        ({"category": {"eq": "dress"}}, DRESS),
        ({"category": {"ne": "dress"}}, Not(DRESS)),
        ({"category": ["dress", "skirt"]}, OneOf("category", ("dress", "skirt"))),
        ({"category": {"in": ["dress", "skirt"]}}, OneOf("category", ("dress", "skirt"))),
        ({"category": []}, OneOf("category", ())),
        ({"new": True}, OneOf("new", (b"\x01",))),
        ({"price": {"gte": 10, "lte": 90}}, Between("price", 10, 90)),
        ({"price": {"gt": 10}}, Between("price", 10, NUMBERS[1], low_open=True)),
        ({"day": {"lt": "2026-01-01"}}, Between("day", TEXTS[0], "2026-01-01", high_open=True)),
        (
            {"price": {"gte": 10, "ne": 50}},
            All((Not(OneOf("price", (50,))), Between("price", 10, NUMBERS[1]))),
        ),
        ({"category": None}, Not(Has("category"))),
        ({"category": ["dress", None]}, AnyOf((DRESS, Not(Has("category"))))),
        ({"category": {"ne": None}}, Not(Not(Has("category")))),
        ({"category": "dress", "price": 5}, All((DRESS, OneOf("price", (5,))))),
        ({"and": [{"category": "dress"}, {}]}, All((DRESS, All(())))),
        ({"or": [{"category": "dress"}, {"price": 5}]}, AnyOf((DRESS, OneOf("price", (5,))))),
        ({"not": {"category": "dress"}}, Not(DRESS)),
        ({"or": []}, AnyOf(())),
        ({"price": 2**70}, OneOf("price", (float(2**70),))),
        ({"name": "ü" * MAX_TEXT}, OneOf("name", ("ü" * MAX_TEXT,))),
    ],
)
def test_the_json_form_says_what_is_asked(fields, expected):
    assert parse_filter(fields) == expected


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "A filter is an object"),
        ("category", "A filter is an object"),
        ({"price": {}}, "Use one or more of: eq, ne, in, gt, gte, lt, lte"),
        ({"price": {"above": 3}}, "'above'"),
        ({"price": {"gt": 3, 4: 5}}, "operators"),
        ({"price": {"in": 3}}, "takes a list and not 3"),
        ({"price": {"eq": [3]}}, "can't be compared with"),
        ({"price": {"gte": None}}, "can't be compared with None"),
        ({"price": {"gte": True}}, "not a boolean"),
        ({"price": {"gte": 1, "gt": 2}}, "both 'gt' and 'gte'"),
        ({"price": {"gte": 1, "lt": "9"}}, "a number and a text as bounds"),
        ({"price": math.nan}, "can't be compared with nan"),
        ({"price": [[1]]}, "can't be compared with"),
        ({"price": "\ud800"}, "can't be compared with"),
        ({"price": "x" * (MAX_TEXT + 1)}, "up to 255 characters"),
        ({"\ud800": 1}, "not a valid field name"),
        ({3: 1}, "not a valid field name"),
        ({"and": {"price": 1}}, "'and' takes a list of filters"),
        ({"or": [3]}, "A filter is an object"),
        ({"not": [{"price": 1}]}, "A filter is an object"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason(fields, said):
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(fields)
    assert said in str(refused.value) and len(str(refused.value)) < 300


def nested(depth):
    fields = {"price": 1}
    for _ in range(depth - 1):
        fields = {"not": fields}
    return fields


def test_a_filter_may_be_nested_16_deep_and_no_deeper():
    parse_filter(nested(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(InvalidFilter, match="nested more than 16 deep"):
            parse_filter(nested(depth))


def test_a_filter_may_have_1000_entries_and_no_more():
    parse_filter({"price": list(range(MAX_ENTRIES - 1))})
    with pytest.raises(InvalidFilter, match="more than 1,000 entries"):
        parse_filter({"price": list(range(MAX_ENTRIES))})
    with pytest.raises(InvalidFilter, match="more than 1,000 entries"):
        parse_filter({"or": [{"price": n} for n in range(600)]})
