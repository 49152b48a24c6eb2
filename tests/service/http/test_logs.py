import json
import logging
import sys
from dataclasses import replace
from urllib.parse import quote

import pytest

from service.api import search_views as views
from service.http.keys import add_key
from service.http.logs import REQUESTS, JsonLines, TextLines, configure_logs


@pytest.fixture
def logged(caplog):
    """The fields of each request that was logged."""
    caplog.set_level(logging.INFO, logger=REQUESTS)
    return lambda: [record.fields for record in caplog.records if record.name == REQUESTS]


@pytest.fixture
def config(config, tmp_path):
    return replace(config, keys=tmp_path / "keys.json")


def record(message, *args, level=logging.WARNING, exc_info=None, **fields):
    made = logging.LogRecord("service.x", level, __file__, 1, message, args, exc_info)
    if fields:
        made.fields = fields
    return made


def test_a_search_is_one_line_with_its_id_its_time_and_its_bytes(client, post, photo, logged):
    answer = post(photo)
    (line,) = logged()
    assert line.pop("ms") > 0
    assert line == {
        "request_id": answer.json["request_id"],
        "method": "POST",
        "path": "/v1/search",
        "status": 200,
        "bytes": len(answer.data),
    }


def test_a_picture_is_logged_with_its_bytes(client, logged):
    answer = client.get("/v1/items/hat/0/image")
    assert logged()[0]["bytes"] == len(answer.data) > 0


def test_a_failure_has_its_code_and_an_address_its_template_only(client, logged):
    client.get("/v1/items/secret-id")
    client.get("/nothing/secret")
    known, unknown = logged()
    assert (known["path"], known["code"]) == ("/v1/items/<item:item_id>", "item_unknown")
    assert (unknown["path"], unknown["status"], unknown["code"]) == ("", 404, "not_found")


@pytest.mark.parametrize("item_id", ["coat-9", "women/summer dress", "日本"])
def test_a_change_names_its_item_and_no_other_request_does(client, logged, item_id):
    place = f"/v1/items/{quote(item_id)}"
    for method in ("PUT", "PATCH", "DELETE", "GET"):
        client.open(place, method=method)
    client.get(f"{place}/similar")
    assert [line.get("item_id") for line in logged()] == [item_id, item_id, item_id, None, None]


def test_the_id_of_a_query_is_not_logged(client, post, photo, caplog, logged):
    query_id = post(photo).json["query_id"]
    assert client.delete(f"/v1/queries/{query_id}").status_code == 204
    assert "item_id" not in logged()[-1] and query_id not in caplog.text


def test_a_write_names_the_key_and_does_not_hold_it(client, config, caplog, logged):
    key = add_key(config.keys, "shop")
    client.put("/v1/items/new", headers={"X-Api-Key": key})
    assert logged()[0]["key"] == "shop"
    assert key not in caplog.text


def test_a_failure_of_ours_is_logged_with_its_traceback_under_the_id_that_is_answered(
    client, caplog, monkeypatch, logged
):
    monkeypatch.setattr(views, "answer", lambda *args: 1 / 0)
    answer = client.post("/v1/search", json={"item_id": "hat/0"})
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "ZeroDivisionError" in caplog.text and answer.json["request_id"] in caplog.text
    assert "ZeroDivision" not in answer.text and ".py" not in answer.text
    assert logged()[0]["code"] == "internal_error"


def test_json_is_one_line_of_ascii_whatever_the_message_holds():
    text = JsonLines().format(record('a "quote"\nand a new line, %s', "ü\x1b[2J", status=400))
    assert text.isascii() and text.isprintable()
    entry = json.loads(text)
    assert entry["message"] == 'a "quote"\nand a new line, ü\x1b[2J'
    assert (entry["level"], entry["logger"], entry["status"]) == ("warning", "service.x", 400)
    assert entry["time"].endswith("+00:00")


def test_text_can_t_be_forged_by_a_message():
    text = TextLines().format(record("one\n2026-11-21 error forged\x1b[2J", status=400))
    assert text.count("\n") == 0 and "\x1b" not in text
    assert text.endswith("status=400") and "warning one\\n2026" in text


@pytest.mark.parametrize("form", [JsonLines, TextLines])
def test_a_traceback_is_kept(form):
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        text = form().format(record("failed", exc_info=sys.exc_info()))
    assert "ZeroDivisionError" in text


@pytest.mark.parametrize(("form", "kind"), [("json", JsonLines), ("text", TextLines)])
def test_everything_is_logged_in_the_form_that_is_set(config, form, kind):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logs(replace(config, log_format=form, log_level="warning"))
        assert isinstance(root.handlers[0].formatter, kind)
        assert root.level == logging.WARNING
        assert not logging.getLogger(REQUESTS).isEnabledFor(logging.INFO)  # which requests have
    finally:
        root.handlers[:], root.level = before[0], before[1]
