import asyncio
import base64
import inspect
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from PIL import Image

from silhouette_client import ApiError, AsyncClient, Client, put_line
from silhouette_client.contract import Failure, Hit, MadeChange, SearchAnswer
from silhouette_client.messages import bulk_bodies, item_path


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


def run_apart(program):
    """Run a coroutine in a thread of its own: tests in a browser leave a running loop in this one."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, program).result()


ITEM = {"request_id": "r_1", "item_id": "a", "image_url": "/x", "image_urls": [], "metadata": {}}

UNDERSTOOD = dict.fromkeys(("garment", "box", "category", "category_confidence")) | {
    "garments": [],
    "turned": 0,
    "warnings": [],
}


def busy(seconds="3", status=503):
    problem = {"code": "overloaded", "detail": "Retry.", "request_id": "r_1"}
    return httpx.Response(status, json=problem, headers={"Retry-After": seconds})


def test_a_photo_is_searched_by_its_path_its_bytes_and_in_base64(api, photo, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(photo)
    pages = [
        api.search(io.BytesIO(photo), limit=3),
        api.search(tmp_path / "photo.jpg", limit=3),
        api.search(str(tmp_path / "photo.jpg"), limit=3),
        api.search(photo, limit=3),
        api.search(image_base64=base64.b64encode(photo).decode(), limit=3),
    ]
    assert all(isinstance(page, SearchAnswer) and len(page.results) == 3 for page in pages)
    assert {tuple(hit.item_id for hit in page.results) for page in pages} == {
        tuple(hit.item_id for hit in pages[0].results)
    }
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
    assert [hit.item_id for hit in first.results] == [hit.item_id for hit in again.results]
    assert {hit.metadata["category"] for hit in first.results} <= {"hat", "shirt"}
    assert first.results[0].rank == 2 and first.results[0].explain_url


def test_a_ranking_is_sorted_counted_and_cut_to_the_fields_that_a_shop_asks_for(api, photo):
    options = {
        "facets": ["category", "price"],
        "sort": {"field": "price", "order": "desc"},
        "fields": ["price"],
        "limit": 4,
    }
    by_photo, by_item = api.search(photo, **options), api.similar("hat/0", **options)
    assert [hit.metadata for hit in by_photo.results] == [{"price": 13}] * 3 + [{"price": 12}]
    category, price = by_photo.facets
    assert {counted.value: counted.items for counted in category.values} == dict.fromkeys(
        ("dress", "hat", "shirt"), 4
    )
    assert (price.lowest, price.highest, price.missing) == (10, 13, 0)
    assert {counted.value: counted.items for counted in by_item.facets[0].values}["hat"] == 3
    boosted = api.search(photo, boost=[{"filter": {"category": "hat"}, "add": 2}], limit=4)
    assert {hit.metadata["category"] for hit in boosted.results} == {"hat"}


def test_pages_follow_one_another_to_the_end_and_the_photo_is_sent_once(api, photo):
    pages = list(api.pages(photo, limit=5))
    assert [len(page.results) for page in pages] == [5, 5, 2]
    assert [hit.rank for page in pages for hit in page.results] == list(range(1, 13))
    assert len({page.query_id for page in pages}) == 1


def test_neighbours_items_and_pictures_are_had_by_any_id(api, photo):
    for item_id in ("dress/1", "a b/ü#?%2F&'\"<x>", "/lead//slash", "shop/image", "100%"):
        api.put_item(item_id, photo, {"category": "dress", "price": 5})
        assert api.item(item_id).metadata == {"category": "dress", "price": 5}
        assert api.image(item_id) == photo
        assert item_id not in {hit.item_id for hit in api.similar(item_id, limit=3).results}


def test_an_item_is_put_found_and_deleted(api, photo):
    stored = api.put_item("new", photo, {"category": "dress"})
    assert (stored.item_id, stored.metadata) == ("new", {"category": "dress"})
    assert stored.change > 0 and stored.warnings == []
    assert "new" in {hit.item_id for hit in api.search(photo, limit=100).results}
    assert api.delete_item("new").change > stored.change
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
    client = answering(busy("3"), busy("500"), httpx.Response(200, json=ITEM))
    assert client.item("a").item_id == "a"
    assert client.waits == [3.0, 10.0]


def test_a_service_with_too_many_requests_is_asked_again_at_the_date_that_it_names(answering):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    passed = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    answers = [busy(later, status=429), busy("soon"), busy(passed), httpx.Response(200, json=ITEM)]
    client = answering(*answers, longest_wait=300.0, retries=3)
    client.item("a")
    by_date, by_habit, at_once = client.waits
    assert 60 < by_date <= 90 and by_habit == 1.0 and at_once == 0.0


@pytest.mark.parametrize(("options", "left"), [({}, 2), ({"retries": 0}, 4)])
def test_a_service_that_stays_busy_is_given_up_in_the_end(answering, options, left):
    client = answering(*[busy()] * 5, **options)
    with pytest.raises(ApiError) as refused:
        client.item("a")
    assert refused.value.code == "overloaded" and len(client.rest) == left


def test_what_was_refused_is_not_sent_again(answering):
    client = answering(httpx.Response(400, json={"code": "invalid_parameter"}), busy())
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
                "query": UNDERSTOOD,
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


def test_what_is_no_answer_of_the_service_is_an_error_that_says_so(answering):
    client = answering(httpx.Response(200, json={"ok": True}), httpx.Response(200, text="<html>"))
    for _ in range(2):
        with pytest.raises(ApiError, match="The answer is no ItemAnswer"):
            client.item("a")


def test_searches_of_a_batch_are_answered_each_by_its_page_or_its_failure(api):
    page, failure = api.batch([{"item_id": "hat/1", "limit": 2}, {"item_id": "no/such", "box": None}])
    assert [type(hit) for hit in page.results] == [Hit, Hit]
    assert isinstance(failure, Failure) and failure.error.code == "item_unknown"


def test_hits_are_those_of_all_pages_and_a_picture_in_base64_is_sent_once(api, photo, monkeypatch):
    sent = []
    monkeypatch.setattr(
        api, "_send", lambda *words, send=api._send, **body: (sent.append(body), send(*words, **body))[1]
    )
    hits = list(api.hits(image_base64=base64.b64encode(photo).decode(), limit=7))
    assert [hit.rank for hit in hits] == list(range(1, 13))
    assert ["image_base64" in body["json"] for body in sent] == [True, False]


def test_what_an_address_of_an_answer_leads_to_is_downloaded(api, photo):
    hit = api.search(photo, limit=1, explain=True).results[0]
    assert api.download(hit.image_url) == api.image(hit.item_id)
    assert api.download(hit.explain_url).startswith(b"<svg")


def test_the_service_says_that_it_is_alive_and_ready(api):
    assert api.alive().status == "alive" and api.ready().index.items == 12


@pytest.mark.parametrize(
    ("item_id", "path"),
    [
        ("shoe/7 b", "/v1/items/shoe/7%20b/image"),
        ("a/../b", "/v1/items/a%2F..%2Fb/image"),
        ("ü?#", "/v1/items/%C3%BC%3F%23/image"),
    ],
)
def test_slashes_stay_in_the_address_of_an_item_unless_dots_would_lead_elsewhere(item_id, path):
    assert item_path(item_id, "/image") == path
    assert httpx.URL("http://x").join(path).raw_path.decode() == path


def test_an_item_has_the_photographs_that_were_put_and_each_is_sent(api, photo, pictures):
    other = pictures.encoded(pictures.drawn(pictures.SHAPES["hat"]))
    stored = api.put_item("two", [photo, other], {"price": 3})
    assert len(stored.image_urls) == 2
    with Image.open(io.BytesIO(api.image("two", photo=1, width=160))) as thumbnail:
        assert thumbnail.size == (120, 190)
    assert [api.download(address) for address in stored.image_urls] == [photo, other]
    assert api.image("two", photo=1) == other and api.image("two") == photo
    found = {hit.item_id: hit for hit in api.search(other, limit=20).results}["two"]
    assert found.photo == 1 and found.box is not None


def test_a_photograph_by_its_address_is_asked_for_in_json(answering):
    asked = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(400))
    with Client("http://silhouette", transport=transport) as api, pytest.raises(ApiError):
        api.put_item("a", image_urls=["https://shop.example/a.jpg"], metadata={"price": 2})
    body = {"image_urls": ["https://shop.example/a.jpg"], "metadata": {"price": 2}}
    assert json.loads(asked[0].content) == body
    assert put_line("a", **body) == {"put": {"item_id": "a", **body}}


def test_options_of_a_search_go_as_they_are_in_json_and_as_text_in_a_form_and_in_an_address():
    asked = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(400))
    options = {
        "facets": ["brand", "price"],
        "sort": {"field": "price", "order": "desc"},
        "boost": [{"filter": {"sale": True}, "add": 0.1}],
        "fields": [],
    }
    with Client("http://silhouette", transport=transport) as api:
        for call in (
            lambda: api.search(item_id="a", **options, box=None),
            lambda: api.search(b"photo", **options, kind="sketch"),
            lambda: api.similar("a", **options),
            lambda: api.image("a", photo=2, width=640),
        ):
            with pytest.raises(ApiError):
                call()
    in_json, form, address, image = asked
    assert json.loads(in_json.content) == {"item_id": "a", **options}
    for name, value in (*options.items(), ("kind", "sketch")):
        text = value if isinstance(value, str) else json.dumps(value)
        assert f'name="{name}"\r\n\r\n{text}\r\n'.encode() in form.content
    assert {name: json.loads(text) for name, text in address.url.params.items()} == options
    assert str(image.url) == "http://silhouette/v1/items/a/image?photo=2&width=640"


def test_metadata_is_changed_without_a_photograph(api, photo):
    api.put_item("coat", photo, {"price": 90, "sale": True, "brand": "x"})
    patched = api.patch_item("coat", {"price": 70, "sale": None})
    assert patched.metadata == api.item("coat").metadata == {"price": 70, "brand": "x"}


def test_changes_in_bulk_have_an_answer_each_in_their_order(api, photo):
    answers = api.bulk(
        [
            put_line("new", photo, {"price": 8}),
            {"patch": {"item_id": "hat/0", "metadata": {"price": 99}}},
            {"delete": {"item_id": "no/such"}},
            {"delete": {"item_id": "hat/1"}},
        ]
    )
    put, patched, unknown, deleted = answers
    assert (put.item_id, patched.item_id, deleted.item_id) == ("new", "hat/0", "hat/1")
    assert isinstance(unknown, Failure) and unknown.error.code == "item_unknown"
    assert api.item("hat/0").metadata["price"] == 99 and api.image("new") == photo


def test_a_long_bulk_goes_in_several_requests_whose_answers_come_as_they_arrive(answering):
    def answer(numbers):
        lines = [json.dumps({"item_id": str(number), "change": number}) for number in numbers]
        return httpx.Response(200, text="\n".join(lines) + "\n")

    taken = []

    def changes():
        for number in range(1500):
            taken.append(number)
            yield {"patch": {"item_id": str(number), "metadata": {}}}

    refused = httpx.Response(403, json={"code": "key_wrong"})
    made = answering(answer(range(1000)), refused).bulk(changes())
    assert next(made) == MadeChange(item_id="0", change=0) and len(taken) == 1001
    rest = []
    with pytest.raises(ApiError, match="key_wrong"):
        rest.extend(change.change for change in made)
    assert len(taken) == 1500


def test_items_are_listed_part_by_part_and_those_of_a_filter(api):
    parts = list(api.item_pages(limit=5))
    assert [len(part.items) for part in parts] == [5, 5, 2] and {part.total for part in parts} == {12}
    assert len({item.item_id for part in parts for item in part.items}) == 12
    dear = [item.metadata["price"] for item in api.items(filter={"price": {"gte": 12}}, limit=4)]
    assert sorted(dear) == [12] * 3 + [13] * 3
    second = next(api.item_pages(limit=5, after=parts[0].next_after))
    assert second.items == parts[1].items


def test_changes_go_by_a_thousand_or_by_their_size():
    small = [{"delete": {"item_id": str(number)}} for number in range(2003)]
    bodies = list(bulk_bodies(small))
    assert [body.count(b"\n") for body in bodies] == [1000, 1000, 3]
    assert [json.loads(line) for line in b"".join(bodies).splitlines()] == small
    large = [{"put": {"item_id": "ä", "image_base64": "A" * 3 * 2**20}}] * 5
    assert [body.count(b"\n") for body in bulk_bodies(large)] == [2, 2, 1]
    assert list(bulk_bodies([])) == []


@pytest.mark.parametrize(("more", "lines"), [(0, [2, 2, 1]), (1, [1] * 5)])
def test_changes_of_8_mib_go_together_and_none_longer(more, lines):
    def change(length):
        empty = {"put": {"item_id": "a", "image_base64": ""}}
        return {"put": {**empty["put"], "image_base64": "A" * (length - len(json.dumps(empty)) - 1)}}

    changes = [change(2**22), change(2**22 + more)] * 3
    assert [body.count(b"\n") for body in bulk_bodies(changes[:5])] == lines


def test_a_client_waits_half_a_minute_for_each_step_by_default():
    with Client("http://silhouette") as client:
        assert client._http.timeout == httpx.Timeout(30)


class Aside(httpx.AsyncBaseTransport):
    """The transport of another client, for one that does not wait."""

    def __init__(self, transport):
        self.transport = transport

    async def handle_async_request(self, request):
        content = await request.aread()
        whole = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        answer = self.transport.handle_request(whole)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read())


def test_the_client_that_does_not_wait_answers_the_same(live, photo):
    async def use():
        transport = Aside(httpx.WSGITransport(app=live.app))
        async with AsyncClient("http://silhouette", key=live.key, transport=transport) as api:
            stored = await api.put_item("new", photo, {"category": "dress"})
            both = await asyncio.gather(api.search(photo, limit=2), api.similar("new", limit=2))
            ranks = [hit.rank async for hit in api.hits(photo, limit=8)]
            async for _ in api.bulk([{"delete": {"item_id": "new"}}]):
                pass
            assert len([item async for item in api.items(limit=5)]) == 12
            with pytest.raises(ApiError, match="item_unknown"):
                await api.item("new")
        return stored, both, ranks

    stored, (found, near), ranks = run_apart(use())
    assert stored.metadata == {"category": "dress"} and ranks == list(range(1, 14))
    assert found.results[0].score > 0.99 and near.query.item_id == "new"


def test_the_client_that_does_not_wait_lets_others_run_while_a_service_is_busy():
    answers, waits = [busy("4"), httpx.Response(200, json=ITEM)], []

    async def sleep(seconds):
        waits.append(seconds)

    async def use():
        transport = httpx.MockTransport(lambda request: answers.pop(0))
        async with AsyncClient("http://silhouette", transport=transport, sleep=sleep) as api:
            return await api.item("a")

    assert run_apart(use()).item_id == "a" and waits == [4.0]


CALLS = {
    "search": lambda api: api.search(item_id="a"),
    "pages": lambda api: next(api.pages(item_id="a")),
    "hits": lambda api: next(api.hits(item_id="a")),
    "batch": lambda api: api.batch([]),
    "similar": lambda api: api.similar("a"),
    "delete_query": lambda api: api.delete_query("q"),
    "item": lambda api: api.item("a"),
    "items": lambda api: next(api.items()),
    "item_pages": lambda api: next(api.item_pages()),
    "image": lambda api: api.image("a"),
    "download": lambda api: api.download("/v1/explain?item_id=a&query_item=b"),
    "put_item": lambda api: api.put_item("a", b""),
    "patch_item": lambda api: api.patch_item("a", {}),
    "bulk": lambda api: next(api.bulk([{}])),
    "delete_item": lambda api: api.delete_item("a"),
    "index": lambda api: api.index(),
    "versions": lambda api: api.versions(),
    "activate": lambda api: api.activate("v"),
    "alive": lambda api: api.alive(),
    "ready": lambda api: api.ready(),
}
OF_PROGRAMS = {("get", "/metrics"), ("get", "/openapi.json")} | {
    ("get", "/v1/status"),
    ("get", "/v1/status/builds/{build}"),
    ("get", "/v1/status/image"),
    ("post", "/v1/status/compare"),
}
"""Calls that are no one's but Prometheus's, a generator's and the status page's."""


def methods(kind):
    named = inspect.getmembers(kind, inspect.isfunction)
    return {name for name, _ in named if not name.startswith("_")} - {"close", "aclose"}


def test_every_call_of_the_contract_has_a_method(app, client):
    asked = set()
    for call in CALLS.values():
        transport = httpx.MockTransport(
            lambda request: asked.add((request.method, request.url.path)) or httpx.Response(400)
        )
        with Client("http://silhouette", transport=transport) as api, pytest.raises(ApiError):
            call(api)
    paths = client.get("/openapi.json").json["paths"]
    adapter = app.url_map.bind("silhouette")
    rules = [(method, adapter.match(path, method, return_rule=True)[0].rule) for method, path in asked]
    reached = {(method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)) for method, rule in rules}
    assert reached == {(method, path) for path in paths for method in paths[path]} - OF_PROGRAMS


def test_both_clients_have_the_methods_that_are_called_here():
    assert methods(Client) == methods(AsyncClient) == CALLS.keys()
