import pytest

from training.catalogue.item_rules import LONGEST_ID, METADATA_BYTES, checked_id, checked_metadata
from training.errors import InvalidItem


def nested(depth):
    return {"a": 1} if depth == 1 else {"a": nested(depth - 1)}


@pytest.mark.parametrize(
    "item_id",
    [
        "7",
        "x" * LONGEST_ID,
        "a b/ü#?&'<x>",
        "ドレス\u3000赤",
        "e\u0301",
        "👩\u200d🎤",
        "/a//b/",
        "...",
        ".a/b.",
    ],
)
def test_an_id_is_any_text_that_an_address_can_hold(item_id):
    assert checked_id(item_id) == item_id


@pytest.mark.parametrize(
    ("item_id", "said"),
    [
        ("", "is empty"),
        ("x" * (LONGEST_ID + 1), "has 256 characters"),
        ("a\udc80", "not valid Unicode"),
        ("tab\there", r"control character '\\t'"),
        ("a\x7f", "control character"),
        ("a\x85b", "control character"),
        ("two\u2028lines", "control character"),
        ("..", "part '.' or '..'"),
        ("a/./b", "part '.' or '..'"),
    ],
)
def test_an_id_that_no_address_can_hold_is_refused_with_its_reason(item_id, said):
    with pytest.raises(InvalidItem, match=f"{said}.*Accepted: 1 to 255 characters"):
        checked_id(item_id)


def test_metadata_may_reach_its_limits_but_not_pass_them():
    longest = {"a": "ü" * ((METADATA_BYTES - 9) // 2)}
    assert checked_metadata(longest) == longest and checked_metadata(nested(16)) == nested(16)
    with pytest.raises(InvalidItem, match=r"has 32,7\d\d bytes. Accepted: an object of up to 32,768"):
        checked_metadata({"a": longest["a"] + "xx"})
    with pytest.raises(InvalidItem, match="nested too deep"):
        checked_metadata(nested(17))


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\udfff": 1}, {"a": [{"b": {1, 2}}]}])
def test_metadata_that_is_no_json_is_refused(metadata):
    with pytest.raises(InvalidItem, match="can't be stored"):
        checked_metadata(metadata)


def test_what_is_no_value_becomes_null_and_the_given_metadata_stays_as_it_is():
    given = {"category": "", "a": float("nan"), "b": [1.5, {"c": float("-inf")}], "note": ""}
    assert checked_metadata(given) == {"category": None, "a": None, "b": [1.5, {"c": None}], "note": ""}
    assert given["category"] == "" and given["b"][1]["c"] == float("-inf")
