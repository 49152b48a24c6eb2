"""The head of a ranking is boosted, sorted and counted as plain Python does it."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.arrangement import LENGTH, Arrangement, Boost, Sort
from index.filters.field_values import FieldValues
from index.filters.parse import MAX_TEXT, parse_filter
from index.filters.postings import posted
from tests.import_graph import ROOT


def arranged(arrangement, scores, contents):
    """Arrange items of the given scores and metadata."""
    done = arrangement.arrange(np.asarray(scores, np.float32), partial(field_values, contents[:LENGTH]))
    return done.order, done.facets


def field_values(contents, field):
    return FieldValues.of(
        (place, value) for place, fields in enumerate(contents) for value in posted(fields.get(field))
    )


def order(arrangement, scores, contents):
    return arranged(arrangement, scores, contents)[0].tolist()


def counts(*contents, field="f"):
    (found,) = arranged(Arrangement(facets=(field,)), np.zeros(len(contents)), list(contents))[1]
    return found


@pytest.mark.parametrize(
    ("descending", "expected"),
    [
        (False, ["1", "2", "2nd", "text", "yes", "none", "null"]),
        (True, ["yes", "text", "2", "2nd", "1", "none", "null"]),
    ],
)
def test_numbers_come_before_texts_and_booleans_and_what_is_missing_last_either_way(descending, expected):
    named = {"none": {}, "text": {"f": "1"}, "2": {"f": 2.0}, "yes": {"f": True}, "2nd": {"f": 2}}
    named |= {"null": {"f": None}, "1": {"f": 1}}
    places = order(Arrangement(sort=Sort("f", descending)), np.linspace(1, 0, 7), list(named.values()))
    assert [list(named)[place] for place in places] == expected


def test_of_a_list_the_lowest_value_counts_and_descending_the_highest():
    contents = [{"sizes": [38, 44]}, {"sizes": [36, 46]}, {"sizes": 37}, {"sizes": []}]
    assert order(Arrangement(sort=Sort("sizes")), [4, 3, 2, 1], contents) == [1, 2, 0, 3]
    assert order(Arrangement(sort=Sort("sizes", True)), [4, 3, 2, 1], contents) == [1, 0, 2, 3]


def test_boosts_add_up_and_equal_sums_keep_their_order():
    contents = [{"brand": "x"}, {"new": True}, {"brand": "y", "new": True}, {"brand": "y"}]
    boosts = (Boost(parse_filter({"brand": "y"}), 0.25), Boost(parse_filter({"new": True}), 0.5))
    assert order(Arrangement(boosts), [0.75, 0.5, 0.25, 0.0], contents) == [1, 2, 0, 3]
    demoted = (Boost(parse_filter({"brand": ["x", "y"]}), -1.0),)
    assert order(Arrangement(demoted), [0.75, 0.5, 0.25, 0.0], contents) == [1, 0, 2, 3]


def test_what_is_equal_when_sorted_comes_in_the_order_of_the_boosted_scores():
    contents = [{"price": 5}, {"price": 5, "sale": True}, {"sale": True}, {"price": 1}, {}]
    boosts = (Boost(parse_filter({"sale": True}), 0.5),)
    places = order(Arrangement(boosts, Sort("price")), [0.5, 0.4, 0.3, 0.2, 0.1], contents)
    assert places == [3, 1, 0, 2, 4]


def test_values_are_counted_by_items_the_most_common_first():
    found = counts({"f": ["b", "b", "a"]}, {"f": "b"}, {"f": 7}, {"f": True}, {"f": 7.0}, {"f": []}, {})
    assert found.values == ((7, 2), ("b", 2), ("a", 1), (True, 1))
    assert (found.missing, found.lowest, found.highest) == (2, 7, 7)
    assert isinstance(found.values[-1][0], bool)


def test_equally_common_values_are_in_the_order_of_filters():
    found = counts({"f": ["b", "a", 10, 9, True, False]})
    assert [value for value, _ in found.values] == [9, 10, "a", "b", False, True]
    assert (found.lowest, found.highest) == (9, 10)


@pytest.mark.parametrize("content", [10**400, -(10**400), "x" * (MAX_TEXT + 1)])
def test_what_neither_json_nor_a_filter_can_hold_is_not_listed_but_not_missing_either(content):
    found = counts({"f": content}, {"f": "x" * MAX_TEXT}, {"f": 3})
    assert [value for value, _ in found.values] == [3, "x" * MAX_TEXT]
    assert (found.missing, found.lowest, found.highest) == (0, 3, 3)


def test_a_thousand_values_are_listed_and_all_numbers_are_in_the_range():
    found = counts({"f": list(range(LENGTH + 5))}, {"f": LENGTH + 4})
    assert len(found.values) == LENGTH and found.values[0] == (LENGTH + 4, 2)
    assert (found.lowest, found.highest) == (0, LENGTH + 4)


def test_what_lies_behind_the_head_is_neither_counted_nor_moved():
    count = LENGTH + 7
    contents = [{"f": -place} for place in range(count)]
    places, (found,) = arranged(
        Arrangement((Boost(parse_filter({"f": {"lt": -LENGTH + 3}}), 1.0),), Sort("f"), ("f",)),
        np.linspace(1, 0, count),
        contents,
    )
    assert places.tolist() == [*reversed(range(LENGTH)), *range(LENGTH, count)]
    assert len(found.values) == LENGTH and found.lowest == -LENGTH + 1


def test_the_guide_says_how_many_items_a_head_has():
    assert f"change the order of the first {LENGTH:,} items" in (ROOT / "docs/api.md").read_text()


def test_fields_that_no_item_of_the_head_has_are_told():
    arrangement = Arrangement((Boost(parse_filter({"not": {"a": 1}}), 1.0),), Sort("b"), ("c", "d", "a"))
    done = arrangement.arrange(np.zeros(2, np.float32), partial(field_values, [{"b": 1}, {"d": [], "c": 0}]))
    assert done.unseen == {"a", "d"}


def test_nothing_asked_is_nothing_done():
    assert not Arrangement() and not Arrangement().reorders
    assert Arrangement(facets=("f",)) and not Arrangement(facets=("f",)).reorders
    assert order(Arrangement(sort=Sort("f")), [], []) == []


VALUES = st.one_of(
    st.sampled_from([0, 1, 1.0, -3, 2.5, 2**60, "a", "b", "ä", "", True, False, None]), st.integers(-3, 3)
)
CONTENTS = st.lists(
    st.dictionaries(st.sampled_from(["f", "g"]), VALUES | st.lists(VALUES, max_size=3)), max_size=12
)


def plain_key(content):
    """The values of a field, as (type, value), by hand."""
    every = content if isinstance(content, list) else [content]
    ranks = {bool: 2, int: 0, float: 0, str: 1}
    return [(ranks[type(value)], value) for value in every if value is not None]


@settings(max_examples=60, deadline=None)
@given(CONTENTS, st.booleans(), st.sampled_from([-0.5, 0.25, 1]))
def test_any_head_is_as_in_plain_python(contents, descending, add):
    scores = [1 - place / 8 for place in range(len(contents))]
    where = parse_filter({"g": {"ne": 1}})
    arrangement = Arrangement((Boost(where, add),), Sort("f", descending), ("g",))
    places, (found,) = arranged(arrangement, scores, contents)

    boosted = [score + add * where.matches(fields) for score, fields in zip(scores, contents, strict=True)]
    ranked = sorted(range(len(contents)), key=lambda place: -boosted[place])
    keys = {place: plain_key(contents[place].get("f")) for place in ranked}
    best = max if descending else min
    with_one = sorted(
        (place for place in ranked if keys[place]), key=lambda place: best(keys[place]), reverse=descending
    )
    assert places.tolist() == [*with_one, *(place for place in ranked if not keys[place])]
    counted = Counter(pair for fields in contents for pair in set(plain_key(fields.get("g"))))
    assert {(type(value) is bool, value): count for value, count in found.values} == {
        (rank == 2, value): count for (rank, value), count in counted.items()
    }
    assert found.missing == sum(not plain_key(fields.get("g")) for fields in contents)
