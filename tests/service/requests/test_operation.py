from dataclasses import replace

import pytest

from service.errors import TITLES
from service.requests.operation import Operation

PLAIN = Operation(None, codes=("item_unknown",))


@pytest.mark.parametrize(
    ("marks", "shed", "keyed"),
    [
        ({}, False, False),
        ({"sheds": True}, True, False),
        ({"key": True}, False, True),
        ({"sheds": True, "key": True}, True, True),
    ],
)
def test_an_operation_names_the_failures_of_shedding_and_of_keys_where_it_has_them(marks, shed, keyed):
    failures = replace(PLAIN, **marks).failures
    assert failures[0] == "item_unknown" and set(failures) <= set(TITLES)
    assert ("overloaded" in failures) is shed and ("key_missing" in failures) is keyed
