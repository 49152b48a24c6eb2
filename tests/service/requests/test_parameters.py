from dataclasses import replace

import pytest
from pydantic import ValidationError

from index.arrangement import Sort
from index.errors import InvalidFilter
from service.config import Config
from service.errors import RefusedRequest
from service.requests.parameters import (
    Batch,
    Comparison,
    Fields,
    ItemPicture,
    Listed,
    Look,
    Ranked,
    Search,
    SearchBody,
    SortBy,
    StatusPicture,
    bounded,
    check,
    from_text,
    given_twice,
)

SETTINGS = Config(default_limit=7, max_limit=50, max_offset=300)


@pytest.mark.parametrize(
    ("model", "defaults"),
    [
        (Ranked, {"limit": 20, "offset": 0, "min_score": -1.0, "collapse_duplicates": False}),
        (Ranked, {"explain": False, "boost": (), "facets": ()}),
        (Listed, {"limit": 20}),
        (Look, {"kind": "photo"}),
        (Search, {"weight": 0.6}),
        (SortBy, {"order": "asc"}),
        (ItemPicture, {"photo": 0}),
        (StatusPicture, {"width": 160}),
        (Comparison, {"limit": 10}),
    ],
)
def test_what_is_not_asked_for_is_as_the_contract_says(model, defaults):
    assert {name: model.model_fields[name].default for name in defaults} == defaults


def refusal(model, **fields):
    with pytest.raises(RefusedRequest) as caught:
        check(bounded(model, SETTINGS), fields)
    return caught.value


def test_absent_fields_take_the_defaults_of_the_settings():
    asked = check(bounded(Search, SETTINGS), {})
    assert (asked.limit, asked.offset, asked.min_score) == (7, 0, -1.0)
    assert (asked.kind, asked.box, asked.filter) == ("photo", None, None)
    assert (asked.collapse_duplicates, asked.explain) == (False, False)


def test_the_bounds_of_the_settings_hold_and_are_told():
    assert check(bounded(Ranked, SETTINGS), {"limit": 50, "offset": 300.0}).offset == 300
    assert str(refusal(Ranked, limit=51)) == "`limit` is 51. Accepted: a whole number from 1 to 50."
    assert "from 0 to 300" in str(refusal(Ranked, offset=301))


@pytest.mark.parametrize(
    "field, value",
    [("limit", "5"), ("limit", True), ("min_score", "0.5"), ("explain", 1), ("box", "0,0,1,1"), ("kind", 3)],
)
def test_a_value_of_another_type_is_not_taken_for_one_of_the_right(field, value):
    assert refusal(Search, **{field: value}).param == field


def test_a_filter_becomes_one_that_the_index_can_ask():
    where = check(Ranked, {"filter": {"category": ["dress"]}}).filter
    assert where.matches({"category": "dress"}) and not where.matches({"category": "hat"})
    with pytest.raises(InvalidFilter):
        check(Ranked, {"filter": "dress"})


def test_a_box_needs_room_between_its_sides():
    assert check(Look, {"box": [0, 0, 0.02, 0.02]}).box == (0, 0, 0.02, 0.02)
    assert "at least 0.02 apart" in str(refusal(Look, box=[0, 0, 0.019, 0.5]))


def test_an_unknown_field_is_refused_before_any_other_fault():
    refused = refusal(SearchBody, limit=0, colour="red")
    assert refused.param == "colour" and "collapse_duplicates" in str(refused)


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("limit", "5", 5),
        ("limit", "many", "many"),
        ("min_score", "0.25", 0.25),
        ("explain", "true", True),
        ("box", "0,0.5,1,1", [0, 0.5, 1, 1]),
        ("box", "[0, 0.5, 1, 1]", [0, 0.5, 1, 1]),
        ("filter", '{"price": {"lte": 9}}', {"price": {"lte": 9}}),
        ("filter", "[" * 100_000, "[" * 100_000),
        ("item_id", "5", "5"),
        ("kind", "sketch", "sketch"),
    ],
)
def test_texts_of_forms_and_addresses_become_values(name, text, value):
    assert from_text(name, text) == value


@pytest.mark.parametrize(("length", "shown"), [(58, '"' + "x" * 58 + '"'), (59, '"' + "x" * 56 + "...")])
def test_a_value_is_quoted_whole_up_to_60_characters(length, shown):
    assert str(refusal(Look, kind="x" * length)).startswith(f"`kind` is {shown}. Accepted: ")


@pytest.mark.parametrize("length", [60, 61, 5000])
def test_a_name_is_quoted_up_to_60_characters(length):
    name = "y" * length
    for refused in (refusal(Look, **{name: 1}), given_twice(name)):
        assert refused.param == "y" * 60 and f"`{'y' * 60}` is " in str(refused)


def test_a_field_that_is_missing_is_named_and_what_is_accepted_where_nothing_is_told():
    assert str(refusal(Batch)) == "`searches` is missing. Accepted: a list of 1 to 16 searches in JSON."
    with pytest.raises(RefusedRequest, match=r"`a` is not accepted here. Accepted: none. Leave it out"):
        check(Nothing, {"a": 1})


class Nothing(Fields):
    """No fields at all."""


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_a_batch_has_one_search_at_least_and_as_many_as_the_settings_say(count):
    batch = bounded(Batch, replace(SETTINGS, batch_searches=3))
    if 1 <= count <= 3:
        assert len(check(batch, {"searches": [{}] * count}).searches) == count
    else:
        with pytest.raises(RefusedRequest, match="a list of 1 to 3 searches in JSON"):
            check(batch, {"searches": [{}] * count})


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("limit", 1, 50), ("offset", 0, 300), ("min_score", -1, 1), ("garment", 0, None)],
)
def test_numbers_are_taken_up_to_their_bounds_and_not_beyond(name, least, most):
    for value in (least, most):
        assert value is None or getattr(check(bounded(Search, SETTINGS), {name: value}), name) == value
    for value in (least - 1, most and most + 1):
        assert value is None or refusal(Search, **{name: value}).param == name


def test_photographs_are_numbered_from_0():
    assert check(ItemPicture, {"photo": 0}).photo == check(ItemPicture, {}).photo == 0
    assert refusal(ItemPicture, photo=-1).param == "photo"


def test_fields_stay_as_they_were_checked():
    with pytest.raises(ValidationError, match="frozen"):
        check(Look, {}).kind = "sketch"


@pytest.mark.parametrize(
    ("box", "taken"),
    [
        ([0.98, 0.5, 1, 0.6], True),
        ([0, 0, 1, 0.01], False),
        ([0.5, 0, 0.4, 1], False),
        ([0, 0.5, 1, 0.4], False),
        ([0, 0, 1], False),
        ([-0.1, 0, 1, 1], False),
        ([0, 0, 1, 1.1], False),
    ],
)
def test_a_box_lies_within_the_picture_and_its_sides_are_in_order(box, taken):
    if taken:
        assert check(Look, {"box": box}).box == tuple(box)
    else:
        assert refusal(Look, box=box).param == "box"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "price"),
        ("sort", {"field": ""}),
        ("sort", {"field": "price", "order": "down"}),
        ("sort", {"field": "\ud800"}),
        ("sort", {"field": "price", "by": 1}),
        ("boost", {"filter": {}, "add": 1}),
        ("boost", [{"filter": {"new": True}}]),
        ("boost", [{"add": 0.1}]),
        ("boost", [{"filter": {}, "add": 2.1}]),
        ("boost", [{"filter": {}, "add": 0.1}] * 17),
        ("facets", "price"),
        ("facets", ["price", "price"]),
        ("facets", [""]),
        ("facets", [str(number) for number in range(17)]),
        ("fields", ["price", 1]),
        ("fields", [str(number) for number in range(101)]),
    ],
)
def test_what_a_shop_adds_is_refused_by_its_field_and_what_is_accepted(name, value):
    refused = refusal(Ranked, **{name: value})
    assert refused.param == name and "Accepted: " in str(refused)


def test_a_boost_whose_filter_is_not_valid_is_named():
    for where in (None, "dress", {"price": {"above": 3}}):
        refused = refusal(Ranked, boost=[{"filter": where, "add": 0.1}])
        assert (refused.code, refused.param) == ("invalid_filter", "boost")


def test_what_a_shop_adds_becomes_what_the_index_is_asked():
    boost = [{"filter": {"new": True}, "add": -0.5}] * 16
    asked = {"boost": boost, "sort": {"field": "price", "order": "desc"}, "facets": ["brand", "a,b"]}
    options = check(bounded(Search, SETTINGS), {**asked, "fields": [], "offset": 3}).options
    assert (options.limit, options.offset, options.depth) == (7, 3, 1000)
    assert options.arrangement.sort == Sort("price", descending=True)
    assert options.arrangement.facets == ("brand", "a,b")
    assert [boost.add for boost in options.arrangement.boosts] == [-0.5] * 16
    assert options.arrangement.boosts[0].where.matches({"new": True})
    assert check(Ranked, {"sort": {"field": "price"}}).options.arrangement.sort == Sort("price")
    assert check(Ranked, {}).fields is None and not check(Ranked, {}).options.arrangement


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("price", ["price"]),
        ("price, link", ["price", "link"]),
        ("", []),
        ('["a,b", "c"]', ["a,b", "c"]),
        ("5", ["5"]),
        (",", ["", ""]),
    ],
)
def test_names_of_fields_in_text_stand_between_commas_or_in_a_list(text, value):
    assert from_text("facets", text) == from_text("fields", text) == value


@pytest.mark.parametrize("text", [" [0, 0, 1, 1]", "0,0,1,1", " 0, 0, 1, 1 "])
def test_a_box_in_text_is_a_list_with_or_without_brackets(text):
    assert from_text("box", text) == [0, 0, 1, 1]
