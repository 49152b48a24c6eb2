"""Many changes in one request: each line is made or refused by itself, in one step."""

import base64
import json
import threading

import pytest

from index.errors import ChangeNotWritten
from index.stores.folder.changes import Changes
from service.api import bulk_views
from service.http import capacity
from service.requests.lines import MOST_LINES


@pytest.fixture
def send(live):
    """Send lines, objects or bytes, and return the answers to them."""

    def send(*lines, status=200, kind="application/x-ndjson", headers=None):
        body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        headers = live.headers if headers is None else headers
        answer = live.client.post("/v1/items/bulk", data=body, content_type=kind, headers=headers)
        assert answer.status_code == status, answer.text
        if status != 200:
            return answer.json
        assert answer.mimetype == "application/x-ndjson" and answer.text.endswith("\n")
        return [json.loads(line) for line in answer.text.splitlines()]

    return send


def in_base64(content):
    return base64.b64encode(content).decode()


def put(item_id, content, **metadata):
    return {"put": {"item_id": item_id, "image_base64": in_base64(content), "metadata": metadata}}


def patch(item_id, **metadata):
    return {"patch": {"item_id": item_id, "metadata": metadata}}


def listed(live):
    items = live.client.get("/v1/items?limit=100").json["items"]
    return {item["item_id"]: item["metadata"] for item in items}


def test_each_line_is_made_or_says_what_is_wrong_with_it_and_spoils_no_other(live, send, photo, pictures):
    before = listed(live)
    cape = pictures.encoded(pictures.drawn((42, 10, 78, 90)))
    answers = send(
        patch("hat/0", price=7, category=None),
        put("new/cape", cape, category="cape"),
        patch("no such item", price=1),
        b"{",
        {"delete": {"item_id": "hat/1"}},
        put("bad\n", photo),
        put("text", b"no picture"),
        {"put": {"item_id": "none"}},
        {"put": {"item_id": "many", "image_base64": [in_base64(photo)] * 21}},
        {"put": {"item_id": "both", "image_base64": "x", "image_urls": ["https://shop.example/x.jpg"]}},
        {"put": {"item_id": "url", "image_urls": ["https://shop.example/x.jpg"]}},
        patch("new/cape", price=3),
        {"delete": {"item_id": "hat/1"}},
        {"delete": {"item_id": "hat/2"}, "patch": {}},
        {"patch": {"item_id": "hat/2", "metadata": [1]}},
        {"move": {"item_id": "hat/2"}},
        {"delete": {"item_id": "hat/2", "item": 1}},
        [1],
        patch("hat/2", text="x" * 40_000),
        b'{"patch": {"item_id": "hat/2", "item_id": "hat/3", "metadata": {}}}',
    )
    said = [answer.get("error", {}).get("code", answer.get("item_id")) for answer in answers]
    assert said == [
        *("hat/0", "new/cape", "item_unknown", "invalid_parameter", "hat/1", "invalid_parameter"),
        *(
            "unsupported_type",
            "no_image",
            "invalid_parameter",
            "several_images",
            "url_not_allowed",
            "new/cape",
        ),
        *("item_unknown", *["invalid_parameter"] * 7),
    ]
    problems = [answer["error"] for answer in answers if "error" in answer]
    assert all({"type", "title", "status", "detail", "request_id"} <= problem.keys() for problem in problems)
    assert [problem.get("param") for problem in problems] == [
        *(None, None, "item_id", "image_base64", "image_base64", "image_base64", "image_urls", "image_urls"),
        *(None, None, "metadata", "move", "item", None, "metadata", "item_id"),
    ]
    numbers = [answer["change"] for answer in answers if "change" in answer]
    assert numbers == sorted(set(numbers)) and len(numbers) == 4
    del before["hat/1"]
    assert listed(live) == before | {"hat/0": {"price": 7}, "new/cape": {"category": "cape", "price": 3}}
    assert live.client.get("/v1/items/new/cape/image").data == cape


def test_all_is_made_in_one_step_or_nothing_is(live, send, photo, monkeypatch):
    before, steps = listed(live), []
    write = Changes.write

    def once(self, edits, **options):
        steps.append(len(edits))
        return write(self, edits, **options)

    monkeypatch.setattr(Changes, "write", once)
    lines = [patch(f"dress/{number}", price=number) for number in range(3)] + [put("new", photo)]
    send(*lines)
    assert steps == [4]

    def full(self, connection, state):
        if state.item_id == "hat/2":
            raise ChangeNotWritten("The disk is full.")
        return record(self, connection, state)

    record, now = Changes._record, listed(live)
    monkeypatch.setattr(Changes, "_record", full)
    refused = send(patch("hat/0", price=99), patch("hat/2", price=99), status=503)
    assert refused["code"] == "index_not_ready" and listed(live) == now != before


def test_a_photograph_that_can_not_be_written_is_its_line_s_own_problem(live, send, photo, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("index.photographs.write_atomically", full)
    failed, made = send(put("new", photo), patch("hat/0", price=1))
    assert (failed["error"]["code"], failed["error"]["status"]) == ("index_not_ready", 503)
    assert made["item_id"] == "hat/0" and "new" not in listed(live)


def test_pictures_are_embedded_at_the_same_time(live, send, photo, monkeypatch):
    embed, barrier = bulk_views.embed_item_apart, threading.Barrier(2, timeout=30)

    def together(*arguments, **options):
        barrier.wait()
        return embed(*arguments, **options)

    monkeypatch.setattr(bulk_views, "CORES", 2)
    monkeypatch.setattr(bulk_views, "embed_item_apart", together)
    answers = send(*(put(f"new/{number}", photo) for number in range(4)))
    assert [answer["item_id"] for answer in answers] == [f"new/{number}" for number in range(4)]


def test_a_body_that_is_no_list_of_changes_is_refused_as_a_whole(send, live):
    line = json.dumps(patch("hat/0", price=1)).encode()
    assert send(b"", status=400)["detail"].startswith("The body is empty")
    assert send(b" \r", b"", status=400)["code"] == "invalid_parameter"
    many = send(*[line] * (MOST_LINES + 1), status=400)
    assert "1,001 lines" in many["detail"] and "1,000" in many["detail"]
    assert send(line, kind="application/json", status=415)["code"] == "unsupported_type"
    assert send(line, headers={}, status=401)["code"] == "key_missing"
    packed = send(line, headers={**live.headers, "Content-Encoding": "gzip"}, status=415)
    assert packed["code"] == "unsupported_type"


def test_empty_lines_and_both_line_ends_are_taken(send):
    line = json.dumps(patch("hat/0", price=1)).encode()
    answers = send(b"", line + b"\r", b"  ", line, b"")
    assert [answer["item_id"] for answer in answers] == ["hat/0", "hat/0"]


def test_a_thousand_patches_are_one_request(send, live):
    answers = send(*(patch(f"hat/{number % 4}", price=number) for number in range(MOST_LINES)))
    assert len(answers) == MOST_LINES
    prices = {item_id: fields["price"] for item_id, fields in listed(live).items() if item_id[:3] == "hat"}
    assert prices == {f"hat/{number}": 996 + number for number in range(4)}


def test_reading_and_making_changes_rest_where_others_wait(send, live, monkeypatch):
    slept, app = [], live.client.application
    monkeypatch.setattr(capacity, "WORK_SECONDS", 0)
    monkeypatch.setattr(capacity.time, "sleep", slept.append)
    lines = [patch("hat/0", price=number) for number in range(20)]
    send(*lines)
    assert slept == []
    app.extensions["silhouette.capacity"].admit("another")
    assert len(send(*lines)) == 20 and len(slept) >= 2 * len(lines)


def test_an_item_may_be_called_bulk(live, photo):
    assert live.client.get("/v1/items/bulk").json["code"] == "item_unknown"
    body = {"image_base64": in_base64(photo)}
    assert live.client.put("/v1/items/bulk", json=body, headers=live.headers).status_code == 201
    assert live.client.get("/v1/items/bulk").json["item_id"] == "bulk"


def test_photographs_by_address_are_fetched_where_that_is_allowed(live, send, photo, pictures, monkeypatch):
    asked = []
    other = pictures.encoded(pictures.drawn((42, 10, 78, 90)))
    files = {"https://shop.example/1.jpg": photo, "https://shop.example/2.jpg": other}
    monkeypatch.setattr(
        "service.api.item_embedding.fetch", lambda address, settings: asked.append(address) or files[address]
    )
    object.__setattr__(live.config, "image_urls", True)
    (answer,) = send({"put": {"item_id": "new", "image_urls": list(files), "metadata": {"price": 2}}})
    assert (answer["item_id"], asked) == ("new", list(files))
    assert live.client.get("/v1/items/new/image").data == photo
    assert live.client.get("/v1/items/new/image?photo=1").data == other
    state = Changes(live.config.indexes).state("new")
    first, second = state.views.vectors.tolist()
    assert state.vector.tolist() == first != second
