import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from service.client import ApiError, Client, Hit, Page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def api(live):
    """A client of the application itself, without a network; `api.waits` are the seconds it has waited."""
    waits = []
    key = live.headers["Authorization"].removeprefix("Bearer ")
    transport = httpx.WSGITransport(app=live.app)
    with Client("http://silhouette", key=key, transport=transport, sleep=waits.append) as client:
        client.waits = waits
        yield client


@pytest.fixture
def answering():
    """Make a client of a service that gives these answers, one after the other."""

    def make(*answers, **options):
        rest, waits = list(answers), []
        transport = httpx.MockTransport(lambda request: rest.pop(0))
        client = Client("http://silhouette", transport=transport, sleep=waits.append, **options)
        client.waits, client.rest = waits, rest
        return client

    return make


def busy(seconds="3"):
    problem = {"code": "overloaded", "detail": "Retry.", "request_id": "r_1"}
    return httpx.Response(503, json=problem, headers={"Retry-After": seconds})


def test_a_photo_is_searched_by_its_path_its_bytes_and_in_base64(api, photo, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(photo)
    pages = [
        api.search(tmp_path / "photo.jpg", limit=3),
        api.search(str(tmp_path / "photo.jpg"), limit=3),
        api.search(photo, limit=3),
        api.search(image_base64=base64.b64encode(photo).decode(), limit=3),
    ]
    assert all(isinstance(page, Page) and len(page.results) == 3 for page in pages)
    assert {tuple(hit.item_id for hit in page) for page in pages} == {tuple(h.item_id for h in pages[0])}
    hit = pages[0].results[0]
    assert isinstance(hit, Hit) and (hit.rank, hit.metadata["category"]) == (1, "dress")
    assert pages[0].query.category == "dress" and len(pages[0].query.box) == 4
    assert pages[0].index.items == 12


def test_every_option_reaches_the_service_in_a_form_as_in_json(api, photo):
    options = {
        "box": [0.1, 0.05, 0.9, 0.95],
        "kind": "photo",
        "limit": 2,
        "offset": 1,
        "min_score": -0.9,
        "filter": {"category": ["hat", "shirt"]},
        "collapse_duplicates": True,
        "explain": True,
    }
    first = api.search(photo, **options)
    again = api.search(query_id=first.query_id, **options)
    assert [hit.item_id for hit in first] == [hit.item_id for hit in again]
    assert {hit.metadata["category"] for hit in first} <= {"hat", "shirt"}
    assert first.results[0].rank == 2 and first.results[0].explain_url


def test_pages_follow_one_another_to_the_end_and_the_photo_is_sent_once(api, photo):
    pages = list(api.pages(photo, limit=5))
    assert [len(page.results) for page in pages] == [5, 5, 2]
    assert [hit.rank for page in pages for hit in page] == list(range(1, 13))
    assert len({page.query_id for page in pages}) == 1


def test_neighbours_items_and_pictures_are_had_by_any_id(api, photo):
    for item_id in ("dress/1", "a b/ü#?%2F&'\"<x>", "/lead//slash", "shop/image", "100%"):
        api.put_item(item_id, photo, {"category": "dress", "price": 5})
        assert api.item(item_id).metadata == {"category": "dress", "price": 5}
        assert api.image(item_id) == photo
        with Image.open(io.BytesIO(api.image(item_id, width=160))) as thumbnail:
            assert thumbnail.format == "JPEG" and thumbnail.size == (120, 190)
        assert item_id not in {hit.item_id for hit in api.similar(item_id, limit=3)}


def test_an_item_is_put_found_and_deleted(api, photo):
    stored = api.put_item("new", photo, {"category": "dress"})
    assert (stored.item_id, stored.metadata) == ("new", {"category": "dress"})
    assert stored.change > 0 and stored.warnings == ()
    assert "new" in {hit.item_id for hit in api.search(photo, limit=100)}
    api.delete_item("new")
    with pytest.raises(ApiError) as refused:
        api.item("new")
    assert (refused.value.status, refused.value.code) == (404, "item_unknown")


def test_versions_are_listed_and_switched(api):
    newest, oldest = api.versions()
    assert newest.current and not oldest.current
    assert api.activate(oldest.version).current
    assert api.index().version == oldest.version


def test_a_refusal_is_an_error_with_its_code_its_field_and_its_request(api, photo):
    with pytest.raises(ApiError, match="limit") as refused:
        api.search(photo, limit=0)
    error = refused.value
    assert (error.status, error.code, error.param) == (400, "invalid_parameter", "limit")
    assert error.request_id.startswith("r_") and error.request_id in str(error)


def test_a_wrong_key_is_an_error(live):
    with Client("http://x", key="sk_wrong", transport=httpx.WSGITransport(app=live.app)) as client:
        with pytest.raises(ApiError) as refused:
            client.delete_item("hat/0")
    assert refused.value.code == "key_wrong"


def test_a_busy_service_is_asked_again_after_the_time_that_it_names(answering):
    item = {"item_id": "a", "image_url": "/x", "metadata": {}, "a_field_of_later": 1}
    client = answering(busy("3"), busy("500"), httpx.Response(200, json=item), longest_wait=10.0)
    assert client.item("a").item_id == "a"
    assert client.waits == [3.0, 10.0]


def test_a_service_that_stays_busy_is_given_up_in_the_end(answering):
    client = answering(*[busy()] * 5, retries=2)
    with pytest.raises(ApiError) as refused:
        client.item("a")
    assert refused.value.code == "overloaded" and len(client.rest) == 2


def test_what_was_refused_is_not_sent_again(answering):
    client = answering(httpx.Response(429, json={"code": "too_many_requests"}), busy())
    with pytest.raises(ApiError):
        client.item("a")
    assert client.waits == []


@pytest.mark.parametrize("content", [b"<html>Bad Gateway</html>", b"", b"[1]"])
def test_an_answer_of_something_in_front_is_an_error_too(answering, content):
    client = answering(httpx.Response(502, content=content, headers={"X-Request-Id": "r_9"}))
    with pytest.raises(ApiError) as refused:
        client.item("a")
    assert (refused.value.status, refused.value.code, refused.value.request_id) == (502, "", "r_9")


def test_a_search_without_a_query_id_sends_the_photo_with_each_page(answering, photo):
    def page(next_offset):
        return httpx.Response(
            200,
            json={
                "request_id": "r",
                "query_id": None,
                "index": {"version": "v", "built_at": "", "encoder": "", "items": 2},
                "query": {},
                "results": [],
                "total": 2,
                "next_offset": next_offset,
                "took_ms": {},
            },
        )

    assert len(list(answering(page(1), page(None)).pages(photo))) == 2


def test_the_picture_of_a_search_is_deleted_by_its_id(api, photo):
    query_id = api.search(photo).query_id
    api.delete_query(query_id)
    with pytest.raises(ApiError) as refused:
        api.search(query_id=query_id)
    assert refused.value.code == "query_expired"


def test_a_program_that_uses_the_client_loads_no_part_of_the_service():
    program = "import sys, json, service.client; print(json.dumps([name for name in sys.modules]))"
    words = [sys.executable, "-c", program]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(answer.stdout)}
    assert not loaded & {
        "flask",
        "faiss",
        "tensorflow",
        "numpy",
        "PIL",
        "ai_edge_litert",
        "index",
        "training",
    }
