import pytest

from index.errors import InvalidFilter
from service.config import Config
from service.errors import RefusedRequest
from service.requests.parameters import Look, Ranked, Search, SearchBody, bounded, check, from_text

SETTINGS = Config(default_limit=7, max_limit=50, max_offset=300)


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
