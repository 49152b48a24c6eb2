import json

import pytest
from flask import Flask

from service.responses import Item, reply


@pytest.fixture(autouse=True)
def application():
    with Flask(__name__).test_request_context():
        yield


def body(metadata):
    return Item(item_id="é\u2028", image_url="/a", metadata=metadata)


def nested(depth):
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [{"price": 9.5, "tags": ["a", None, True], "count": 2**100}, {"name": "\udcff of a file"}, nested(300)],
    ids=["plain", "no Unicode", "deep"],
)
def test_a_body_is_answered_whatever_its_fields_hold(metadata):
    response = reply(body(metadata), 201)
    assert json.loads(response.data) == body(metadata).model_dump()
    assert (response.status_code, response.mimetype) == (201, "application/json")
    assert response.headers["Cache-Control"] == "no-store"


def test_a_field_that_was_not_set_is_left_out():
    assert json.loads(reply(Item.model_construct(item_id="a")).data) == {"item_id": "a"}
