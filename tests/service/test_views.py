import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from training.catalogue import Item

STATIC = Path(__file__).parents[2] / "service" / "static"


def test_an_item_is_answered_with_its_metadata(client):
    answer = client.get("/v1/items/dress/2")
    assert answer.json["item_id"] == "dress/2"
    assert answer.json["metadata"] == {"category": "dress", "price": 12}
    assert answer.json["image_url"] == "/v1/items/dress/2/image"


def test_an_item_s_picture_is_sent_as_what_it_is_and_only_once(client, searcher):
    answer = client.get("/v1/items/dress/2/image")
    assert answer.data == searcher.item("dress/2").path.read_bytes()
    assert answer.mimetype == "image/png"
    assert "max-age=3600" in answer.headers["Cache-Control"]
    again = client.get("/v1/items/dress/2/image", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_picture_that_has_gone_or_is_none_any_more_is_not_sent(client, searcher):
    searcher.item("dress/1").path.unlink()
    searcher.item("dress/2").path.write_text("<script>alert(1)</script>")
    for item_id in ("dress/1", "dress/2"):
        answer = client.get(f"/v1/items/{item_id}/image")
        assert (answer.status_code, answer.json["code"]) == (404, "item_unknown")
        assert "gone" in answer.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "dress/1%00",
        "hat",
    ],
)
@pytest.mark.parametrize("tail", ["", "/image", "/similar"])
def test_a_path_is_never_taken_for_an_item(client, path, tail):
    answer = client.get(f"/v1/items/{path}{tail}")
    assert (answer.status_code, answer.json["code"]) == (404, "item_unknown")


@pytest.mark.parametrize(
    "item_id", ["a b/ü#?%2F&'\"<x>", "/lead/slash", "a//b", "shop/image", "shop/similar", "100%", "日本"]
)
def test_any_id_can_be_followed_from_the_addresses_that_answers_give(client, searcher, item_id):
    old = searcher.items[3]
    searcher.items[3] = Item(item_id, old.path, old.metadata)
    address = client.get("/v1/items/dress/2/similar").json["results"]
    (image_url,) = [result["image_url"] for result in address if result["item_id"] == item_id]
    assert client.get(image_url).data == old.path.read_bytes()
    base = image_url.removesuffix("/image")
    assert unquote(base) == f"/v1/items/{item_id}"
    assert client.get(base).json["item_id"] == item_id
    assert client.get(f"{base}/similar").json["query"]["item_id"] == item_id


def test_the_neighbours_of_an_item_leave_it_out(client):
    answer = client.get("/v1/items/dress/2/similar?limit=3").json
    assert [result["item_id"] for result in answer["results"]] != []
    assert {result["metadata"]["category"] for result in answer["results"]} == {"dress"}
    assert "dress/2" not in [result["item_id"] for result in answer["results"]]
    assert (answer["total"], answer["next_offset"]) == (11, 3)
    assert (answer["query"]["item_id"], answer["query"]["category"]) == ("dress/2", "dress")
    assert answer["query"]["category_confidence"] == 1.0


def test_an_item_without_a_category_is_guessed_from_its_neighbours(client, searcher):
    searcher.items[2] = Item("dress/2", searcher.items[2].path)
    query = client.get("/v1/items/dress/2/similar?limit=1").json["query"]
    assert query["category"] == "dress" and 0.5 < query["category_confidence"] <= 1.0


def test_an_unknown_item_is_named_as_it_was_asked_for(client):
    for tail in ("", "/image", "/similar"):
        assert "'hat'" in client.get(f"/v1/items/hat{tail}").json["detail"]


@pytest.mark.parametrize("tail", ["", "/image", "/similar"])
def test_an_item_is_looked_up_once_in_one_version_of_the_index(client, searcher, monkeypatch, tail):
    asked = []
    item, snapshot = searcher.item, searcher.snapshot
    monkeypatch.setattr(searcher, "item", lambda item_id: asked.append(item_id) or item(item_id))
    monkeypatch.setattr(searcher, "snapshot", lambda: asked.append("version") or snapshot())
    assert client.get(f"/v1/items/dress/2{tail}").status_code == 200
    assert asked == ["version", "dress/2"]


def test_a_search_by_an_item_keeps_to_one_version_of_the_index(post, searcher, monkeypatch):
    taken = []
    monkeypatch.setattr(searcher, "snapshot", lambda: taken.append("version") or searcher)
    assert post(json={"item_id": "dress/2"}).status_code == 200
    assert taken == ["version"]


def test_neighbours_refuse_fields_that_they_do_not_know(client):
    answer = client.get("/v1/items/dress/2/similar?limt=3")
    assert (answer.status_code, answer.json["param"]) == (400, "limt")


def test_the_index_names_its_version_and_a_few_varied_examples(client):
    answer = client.get("/v1/index").json
    assert (answer["version"], answer["items"], answer["kind"]) == ("2026-11-21T02-00-00Z", 12, "flat")
    assert len(answer["examples"]) == 8
    assert {item["metadata"]["category"] for item in answer["examples"][:3]} == {"dress", "shirt", "hat"}


def test_the_service_says_that_it_is_alive_and_ready(client):
    assert client.get("/healthz").json["status"] == "alive"
    assert client.get("/readyz").json["index"]["items"] == 12


@pytest.mark.parametrize(
    "address", ["/nothing", "/v1", "/v1/items/", "/static/../app.py", "/static/nothing.js"]
)
def test_an_address_without_anything_is_a_problem(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.mimetype == "application/problem+json"


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client):
    answer = client.get("/v1/search")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_a_request_keeps_the_id_that_it_came_with_unless_it_is_unsafe(client):
    assert client.get("/healthz", headers={"X-Request-Id": "trace-1"}).json["request_id"] == "trace-1"
    unsafe = client.get("/healthz", headers={"X-Request-Id": "a b<c>"})
    assert unsafe.headers["X-Request-Id"].startswith("r_")


@pytest.mark.parametrize(
    "address", ["/", "/healthz", "/nothing", "/v1/items/dress/1/image", "/static/page.js"]
)
def test_every_answer_carries_the_security_headers(client, address):
    headers = client.get(address).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_page_needs_nothing_inline_and_nothing_from_elsewhere(client):
    html = client.get("/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", html) == []
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        assert client.get(address).status_code == 200


def test_every_element_that_the_script_asks_for_is_on_the_page(client):
    asked = set(re.findall(r'\bat\("([a-z-]+)"\)', (STATIC / "page.js").read_text()))
    assert asked <= set(re.findall(r'\bid="([a-z-]+)"', client.get("/").text))


def test_the_serving_process_holds_no_tensorflow():
    code = "import sys, service.app; print(sorted({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_what_runs_before_the_workers_fork_starts_no_native_threads():
    code = (
        "import sys, service.__main__; print(sorted({'numpy', 'faiss', 'ai_edge_litert'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
