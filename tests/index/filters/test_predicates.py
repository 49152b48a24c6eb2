import math

import pytest

from index.filters.parse import parse_filter
from index.filters.predicates import (
    NUMBERS,
    TEXTS,
    All,
    AnyOf,
    Between,
    Has,
    Not,
    OneOf,
    fields_of,
    value_of,
    values_of,
)


def passes(where, *contents):
    return [where.matches({"x": content}) for content in contents]


def test_texts_numbers_and_booleans_are_never_equal():
    assert passes(OneOf("x", (1,)), 1, 1.0, "1", True) == [True, True, False, False]
    assert passes(OneOf("x", ("1",)), 1, "1") == [False, True]
    assert passes(OneOf("x", (value_of(True),)), True, 1, "true", False) == [True, False, False, False]


def test_a_list_has_the_values_of_its_elements():
    assert list(values_of([36, "M", None, [40], {"a": 1}, False])) == [36, "M", b"\x00"]
    assert passes(OneOf("x", (38,)), [36, 38], [36], []) == [True, False, False]


def test_both_bounds_hold_for_one_value_of_a_list():
    assert passes(Between("x", 10, 20), [5, 30], [5, 15], 10, 20, 21) == [False, True, True, True, False]
    assert passes(Between("x", 10, 20, low_open=True, high_open=True), 10, 15, 20) == [False, True, False]


def test_a_range_of_numbers_holds_no_text_and_a_range_of_texts_no_number():
    assert passes(Between("x", 0, NUMBERS[1]), "5", "", True, 5, math.inf) == [False] * 3 + [True] * 2
    assert passes(Between("x", "b", TEXTS[1]), "a", "b", "ä", 7, True) == [False, True, True, False, False]
    assert passes(Between("x", TEXTS[0], "b"), "", "b", "ba", -7) == [True, True, False, False]


@pytest.mark.parametrize("nothing", [None, math.nan, {"a": 1}, [], [None, math.nan, [1]], "\ud800"])
def test_what_can_not_be_compared_is_no_value(nothing):
    assert passes(Has("x"), nothing, 0, "", False) == [False, True, True, True]


def test_the_complement_holds_items_without_the_field():
    assert Not(OneOf("x", (1,))).matches({}) and Not(Between("x", 0, 1)).matches({"x": "text"})
    assert not Not(OneOf("x", (1,))).matches({"x": [1, 2]})


def test_all_of_nothing_is_true_and_any_of_nothing_false():
    assert All(()).matches({}) and not AnyOf(()).matches({})
    assert All((OneOf("x", (1,)), Not(OneOf("y", (1,))))).matches({"x": 1, "y": 2})
    assert AnyOf((OneOf("x", (1,)), OneOf("y", (2,)))).matches({"y": 2})


def test_integers_are_exact_to_64_bits_and_beyond_as_exact_as_floats():
    assert passes(OneOf("x", (2**53 + 1,)), 2**53 + 1, 2**53, float(2**53)) == [True, False, False]
    assert value_of(2**63 - 1) == 2**63 - 1 and value_of(2**63) == float(2**63)
    kinds = {number: type(value_of(number)) for number in (2**63 - 1, 2**63, -(2**63), -(2**63) - 1)}
    assert list(kinds.values()) == [int, float, int, float]
    assert (value_of(10**400), value_of(-(10**400))) == NUMBERS[::-1]


def test_unicode_is_compared_by_code_points():
    assert passes(OneOf("x", ("é",)), "\u00e9", "e\u0301", "É") == [True, False, False]


def test_filters_that_differ_by_a_boolean_differ():
    assert OneOf("x", (value_of(True),)) != OneOf("x", (value_of(1),))


def test_the_fields_of_a_filter_are_found_at_every_depth():
    asked = {"a": 1, "or": [{"b": {"gt": 1, "ne": None}}, {"not": {"c": None, "and": [{"d": []}, {"a": 2}]}}]}
    assert fields_of(parse_filter(asked)) == {"a", "b", "c", "d"}
    assert fields_of(parse_filter({})) == set()
