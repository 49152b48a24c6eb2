import base64
import io
import re
import shutil
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from PIL import Image

from index.backup import restore_backup, write_backup
from index.edits import Delete
from index.errors import ChangeNotWritten
from index.stores.folder.changes import Changes
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from service.run.app import create_app
from training.catalogue.reader import Item


def test_an_item_is_answered_with_its_metadata(client):
    answer = client.get("/v1/items/dress/2")
    assert answer.json["item_id"] == "dress/2"
    assert answer.json["metadata"] == {"category": "dress", "price": 12}
    assert answer.json["image_url"] == "/v1/items/dress/2/image"


def test_an_item_s_picture_is_sent_as_what_it_is_and_only_once(client, searcher):
    answer = client.get("/v1/items/dress/2/image")
    assert answer.data == searcher.item("dress/2").path.read_bytes()
    assert answer.mimetype == "image/png"
    assert answer.headers["Cache-Control"] == "no-cache" and "Content-Disposition" not in answer.headers
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


# --- putting and deleting -------------------------------------------------------------------------------


def put(live, item_id, content, *, headers=None, **fields):
    data = {"file": (io.BytesIO(content), "photo.jpg"), **fields}
    return live.client.put(f"/v1/items/{item_id}", data=data, headers=headers or live.headers)


def first_found(client, content):
    answer = client.post("/v1/search", data={"file": (io.BytesIO(content), "photo.jpg")}).json
    return answer["results"][0]["item_id"], answer["total"]


@pytest.fixture
def cape(pictures):
    """A photograph that looks like nothing in the gallery."""
    return pictures.encoded(pictures.drawn((42, 10, 78, 90)))


def test_an_item_that_is_put_is_found_at_once_and_after_a_restart(live, cape):
    answer = put(live, "new/cape", cape, metadata='{"category": "cape", "price": 5}')
    assert answer.status_code == 201, answer.text
    assert answer.json["item_id"] == "new/cape"
    assert answer.json["image_url"].startswith("/v1/items/new/cape/image?v=")
    assert answer.json["metadata"] == {"category": "cape", "price": 5}
    assert (answer.json["warnings"], answer.json["change"]) == ([], 1)
    searched = live.client.post("/v1/search", data={"file": (io.BytesIO(cape), "photo.jpg")}).json
    assert answer.json["box"] == searched["query"]["box"]
    assert first_found(live.client, cape) == ("new/cape", 13)
    assert live.client.get("/v1/items/new/cape/image").data == cape
    assert live.client.get("/v1/index").json["changes"] == 1
    again = create_app(live.config, Searcher.open(live.config.indexes, encoder=live.encoder)).test_client()
    assert first_found(again, cape) == ("new/cape", 13)


def test_an_item_is_replaced_by_the_next_one_of_its_id(live, cape, photo):
    assert put(live, "hat/1", cape, metadata='{"category": "cape"}').status_code == 200
    assert live.client.get("/v1/items/hat/1").json["metadata"] == {"category": "cape"}
    assert first_found(live.client, cape) == ("hat/1", 12)
    assert put(live, "hat/1", photo).json["metadata"] == {}


def test_an_item_may_come_in_json(live, cape):
    body = {"image_base64": base64.b64encode(cape).decode(), "metadata": {"category": "cape"}}
    assert live.client.put("/v1/items/cape", json=body, headers=live.headers).status_code == 201
    assert live.client.get("/v1/items/cape").json["metadata"] == {"category": "cape"}


def test_a_picture_without_a_garment_is_stored_with_a_warning(live, pictures):
    blank = pictures.encoded(Image.new("RGB", (100, 100), "white"))
    answer = put(live, "blank", blank).json
    assert (answer["warnings"], answer["box"]) == (["garment_not_found"], [0, 0, 1, 1])


def test_an_item_that_is_deleted_is_gone_at_once(live, cape):
    put(live, "cape", cape)
    for item_id in ("cape", "dress/2"):
        answer = live.client.delete(f"/v1/items/{item_id}", headers=live.headers)
        assert (answer.status_code, answer.json["item_id"]) == (200, item_id)
        assert live.client.get(f"/v1/items/{item_id}").status_code == 404
        again = live.client.delete(f"/v1/items/{item_id}", headers=live.headers)
        assert (again.status_code, again.json["code"]) == (404, "item_unknown")
    assert first_found(live.client, cape)[1] == 11


def test_any_id_that_can_be_searched_can_be_put_and_deleted(live, cape):
    for item_id in ("a b/ü#?&'<x>", "shop/image", "日本/similar", "100%"):
        address = quote(item_id)
        assert put(live, address, cape).json["item_id"] == item_id
        assert live.client.delete(f"/v1/items/{address}", headers=live.headers).json["item_id"] == item_id


def test_a_price_changes_without_a_photograph_and_fields_go_by_null(live):
    def patched(item_id, **metadata):
        return live.client.patch(f"/v1/items/{item_id}", json={"metadata": metadata}, headers=live.headers)

    answer = patched("dress/1", price=7.5, sale=True, category=None)
    assert (answer.status_code, answer.json["item_id"], answer.json["change"]) == (200, "dress/1", 1)
    assert answer.json["metadata"] == {"price": 7.5, "sale": True}
    assert patched("dress/1", sale=None, size="M").json["metadata"] == {"price": 7.5, "size": "M"}
    assert live.client.get("/v1/items/dress/1").json["metadata"] == {"price": 7.5, "size": "M"}
    found = live.client.post("/v1/search", json={"item_id": "dress/2", "filter": {"price": {"lt": 8}}}).json[
        "results"
    ]
    assert [(hit["item_id"], hit["metadata"]["size"]) for hit in found] == [("dress/1", "M")]
    old = live.client.post("/v1/search", json={"item_id": "dress/2", "filter": {"price": 11}}).json
    assert "dress/1" not in [hit["item_id"] for hit in old["results"]]
    restarted = create_app(
        live.config, Searcher.open(live.config.indexes, encoder=live.encoder)
    ).test_client()
    assert restarted.get("/v1/items/dress/1").json["metadata"] == {"price": 7.5, "size": "M"}


def test_what_was_put_is_patched_as_it_was_put(live, cape):
    put(live, "cape", cape, metadata='{"category": "cape", "price": 9}')
    answer = live.client.patch(
        "/v1/items/cape", json={"metadata": {"price": 8, "category": ""}}, headers=live.headers
    )
    assert (answer.json["metadata"], answer.json["change"]) == ({"price": 8}, 2)
    assert first_found(live.client, cape) == ("cape", 13)
    assert live.client.get("/v1/items/cape/image").data == cape


@pytest.mark.parametrize(
    ("item_id", "body", "status", "code", "param"),
    [
        ("no-such", {"metadata": {}}, 404, "item_unknown", None),
        ("dress/1", {}, 400, "invalid_parameter", "metadata"),
        ("dress/1", {"metadata": 3}, 400, "invalid_parameter", "metadata"),
        ("dress/1", {"metadata": {}, "price": 3}, 400, "invalid_parameter", "price"),
        ("dress/1", {"metadata": {"text": "x" * 32_760}}, 400, "invalid_parameter", "metadata"),
    ],
)
def test_a_patch_that_can_not_be_made_changes_nothing(live, item_id, body, status, code, param):
    answer = live.client.patch(f"/v1/items/{item_id}", json=body, headers=live.headers)
    assert (answer.status_code, answer.json["code"], answer.json.get("param")) == (status, code, param)
    assert live.client.get("/v1/index").json["changes"] == 0


def test_a_deleted_item_is_not_patched(live):
    live.client.delete("/v1/items/dress/1", headers=live.headers)
    answer = live.client.patch("/v1/items/dress/1", json={"metadata": {}}, headers=live.headers)
    assert (answer.status_code, answer.json["code"]) == (404, "item_unknown")


def test_items_are_listed_part_by_part_with_a_filter_and_a_total(live, cape):
    put(live, "a-first", cape, metadata='{"price": 11}')
    live.client.delete("/v1/items/dress/3", headers=live.headers)
    ids, after = [], ""
    while after is not None:
        address = f"/v1/items?limit=4&after={quote(after)}" if after else "/v1/items?limit=4"
        part = live.client.get(address).json
        assert part["total"] == 12 and len(part["items"]) <= 4
        ids += [item["item_id"] for item in part["items"]]
        after = part["next_after"]
    expected = {f"{kind}/{number}" for kind in ("dress", "hat", "shirt") for number in range(4)}
    assert ids == sorted(expected - {"dress/3"} | {"a-first"})
    dear = live.client.get('/v1/items?filter={"price":{"gte":11,"lt":12}}').json
    assert [item["item_id"] for item in dear["items"]] == ["a-first", "dress/1", "hat/1", "shirt/1"]
    assert (dear["total"], dear["next_after"]) == (4, None)
    assert dear["items"][1]["image_url"].startswith("/v1/items/dress/1/image?v=")
    for address, param in (("limit=0", "limit"), ("limit=101", "limit"), ("after=", "after"), ("x=1", "x")):
        refused = live.client.get(f"/v1/items?{address}")
        assert (refused.status_code, refused.json["param"]) == (400, param)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writing_needs_a_key(live, method, photo):
    write = getattr(live.client, method)
    answer = write("/v1/items/dress/1")
    assert (answer.status_code, answer.json["code"]) == (401, "key_missing")
    wrong = write("/v1/items/dress/1", headers={"Authorization": "Bearer sk_wrong"})
    assert (wrong.status_code, wrong.json["code"]) == (403, "key_wrong")
    assert live.client.get("/v1/index").json["changes"] == 0


@pytest.mark.parametrize(
    "metadata, param",
    [("[1]", "metadata"), ("{", "metadata"), ('{"a": [}', "metadata"), ('{"a": "\\ud800"}', "metadata")],
)
def test_metadata_that_can_t_be_stored_is_refused(live, photo, metadata, param):
    answer = put(live, "new", photo, metadata=metadata)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter"), answer.text
    assert answer.json["param"] == param
    assert live.client.get("/v1/items/new").status_code == 404


def test_metadata_that_is_nested_too_deep_or_too_long_is_refused(live, photo):
    for metadata in ('{"a":' * 40 + "1" + "}" * 40, '{"a": "' + "x" * 33_000 + '"}'):
        answer = put(live, "new", photo, metadata=metadata)
        assert (answer.status_code, answer.json["param"]) == (400, "metadata"), answer.text


@pytest.mark.parametrize("item_id", ["x" * 256, "a%00b", "a%09b"])
def test_an_id_that_can_t_be_stored_is_refused(live, photo, item_id):
    answer = put(live, item_id, photo)
    assert (answer.status_code, answer.json["param"]) == (400, "item_id")


def test_a_picture_that_can_t_be_used_is_not_stored(live, photo):
    cut = put(live, "new", photo[:900])
    assert (cut.status_code, cut.json["code"], cut.json["param"]) == (422, "image_undecodable", "file")
    text = live.client.put("/v1/items/new", json={"image_base64": "AAAA"}, headers=live.headers)
    assert (text.status_code, text.json["param"]) == (415, "image_base64")
    none = live.client.put("/v1/items/new", json={"metadata": {}}, headers=live.headers)
    assert (none.status_code, none.json["param"]) == (400, "image_base64")
    empty = live.client.put("/v1/items/new", headers=live.headers)
    assert (empty.status_code, empty.json["code"]) == (400, "no_image")
    assert live.client.get("/v1/items/new").status_code == 404


def test_a_field_that_is_not_known_is_not_stored_in_silence(live, photo):
    answer = put(live, "new", photo, category="dress")
    assert (answer.status_code, answer.json["param"]) == (400, "category")
    beside = live.client.delete("/v1/items/dress/1?force=true", headers=live.headers)
    assert (beside.status_code, beside.json["param"]) == (400, "force")


def test_a_change_that_can_t_be_written_is_said_and_changes_nothing(live, photo, monkeypatch):
    def full(*values, **views):
        raise ChangeNotWritten("'/srv/indexes/changes.sqlite': no space left")

    monkeypatch.setattr(Changes, "write", full)
    answer = put(live, "new", photo)
    assert (answer.status_code, answer.json["code"]) == (503, "index_not_ready")
    assert "nothing was changed" in answer.json["detail"] and "/srv" not in answer.text
    assert answer.headers["Retry-After"]


def test_writes_are_refused_while_the_log_of_changes_is_damaged_and_go_on_once_it_is_restored(
    live, photo, tmp_path
):
    store = FolderStore(live.config.indexes)
    put(live, "mine", photo)
    write_backup(store, tmp_path / "b.zip")
    put(live, "later", photo)
    (live.config.indexes / "changes.sqlite").write_bytes(b"nothing of the kind" * 500)
    for answer in (put(live, "new", photo), live.client.delete("/v1/items/mine", headers=live.headers)):
        assert (answer.status_code, answer.json["code"]) == (503, "index_not_ready")
    assert live.client.get("/v1/items/mine").status_code == 200
    restore_backup(store, tmp_path / "b.zip")
    assert put(live, "new", photo).status_code == 201
    statuses = {name: live.client.get(f"/v1/items/{name}").status_code for name in ("mine", "later", "new")}
    assert statuses == {"mine": 200, "later": 404, "new": 200}


def test_a_picture_that_was_replaced_is_sent_to_who_holds_the_old_one(live, photo, cape):
    first = put(live, "new", photo)
    held = live.client.get(first.json["image_url"]).headers["ETag"]
    put(live, "new", cape)
    again = live.client.get(first.json["image_url"], headers={"If-None-Match": held})
    assert again.status_code == 200 and again.headers["ETag"] != held


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png", "\x01.png", 'say "hi".png', "ü" * 60 + ".png"])
def test_a_picture_is_sent_whatever_its_file_is_called(client, searcher, name, monkeypatch):
    item = searcher.item("dress/2")
    path = item.path.with_name(name)
    path.write_bytes(item.path.read_bytes())
    monkeypatch.setattr(searcher, "item", lambda _: replace(item, path=path))
    answer = client.get("/v1/items/dress/2/image")
    assert (answer.status_code, answer.data) == (200, path.read_bytes())


def test_a_put_is_acknowledged_where_the_item_is_deleted_in_the_same_moment(live, photo, monkeypatch):
    log = type(live.client.application.extensions["silhouette.store"].changes)
    stored = log.write

    def put_and_gone(self, edits, **items):
        made = stored(self, edits, **items)
        stored(self, [Delete(edit.item_id) for edit in edits])
        return made

    monkeypatch.setattr(log, "write", put_and_gone)
    answer = put(live, "brief", photo, metadata='{"category": "", "price": 5}')
    assert (answer.status_code, answer.json["item_id"], answer.json["change"]) == (201, "brief", 1)
    assert answer.json["metadata"] == {"category": None, "price": 5}
    assert live.client.get("/v1/items/brief").status_code == 404


def test_an_item_is_replaced_and_deleted_while_the_files_of_the_open_version_are_gone(live, cape):
    version = live.client.get("/v1/index").json["version"]
    shutil.rmtree(live.config.indexes / version)
    assert put(live, "dress/1", cape).status_code == 200
    assert live.client.delete("/v1/items/hat/1", headers=live.headers).status_code == 200
    assert live.client.get("/v1/items/hat/1").status_code == 404


# --- several photographs --------------------------------------------------------------------------------


@pytest.fixture
def sides(pictures):
    """Three photographs that look like nothing in the gallery, and not like each other."""
    boxes = ((42, 10, 78, 90), (10, 150, 110, 180), (30, 20, 50, 170))
    return [pictures.encoded(pictures.drawn(box)) for box in boxes]


def without_version(url):
    return re.sub("[?&]v=[0-9a-f]{16}$", "", url)


def put_all(live, item_id, contents, **fields):
    data = {"file": [(io.BytesIO(content), "photo.jpg") for content in contents], **fields}
    return live.client.put(f"/v1/items/{item_id}", data=data, headers=live.headers)


def best(client, content, **fields):
    data = {"file": (io.BytesIO(content), "photo.jpg"), **fields}
    return client.post("/v1/search", data=data).json["results"][0]


def test_an_item_is_found_by_each_of_its_photographs_and_shown_by_that_one(live, sides):
    answer = put_all(live, "new/cape", sides, metadata='{"price": 5}')
    assert answer.status_code == 201, answer.text
    urls = ["/v1/items/new/cape/image", *(f"/v1/items/new/cape/image?photo={number}" for number in (1, 2))]
    assert [without_version(url) for url in answer.json["image_urls"]] == urls
    urls = answer.json["image_urls"]
    assert answer.json["image_url"] == urls[0]
    item = live.client.get("/v1/items/new/cape").json
    assert (item["image_url"], item["image_urls"]) == (urls[0], urls)
    for number, content in enumerate(sides):
        found = best(live.client, content)
        assert (found["item_id"], found["photo"], found["image_url"]) == ("new/cape", number, urls[number])
        assert live.client.get(urls[number]).data == content
        assert len(found["box"]) == 4 and found["score"] > 0.999
    assert best(live.client, sides[0])["box"] == pytest.approx(answer.json["box"], abs=2e-4)
    similar = live.client.get("/v1/items/new/cape/similar?limit=100").json
    assert "new/cape" not in [result["item_id"] for result in similar["results"]] and similar["total"] == 12


def test_several_photographs_may_come_in_json(live, sides):
    texts = [base64.b64encode(content).decode() for content in sides]
    answer = live.client.put("/v1/items/cape", json={"image_base64": texts}, headers=live.headers)
    assert (answer.status_code, len(answer.json["image_urls"])) == (201, 3), answer.text
    assert best(live.client, sides[2])["photo"] == 2
    one = live.client.put("/v1/items/cape", json={"image_base64": texts[1:2]}, headers=live.headers)
    assert list(map(without_version, one.json["image_urls"])) == ["/v1/items/cape/image"]
    assert live.client.get("/v1/items/cape/image").data == sides[1]


def test_photographs_may_come_by_their_addresses_where_that_is_allowed(live, sides, monkeypatch):
    body = {"image_urls": [f"https://shop.example/{number}.jpg" for number in range(3)]}
    refused = live.client.put("/v1/items/cape", json=body, headers=live.headers)
    assert (refused.status_code, refused.json["code"]) == (403, "url_not_allowed")
    assert refused.json["param"] == "image_urls"
    app = create_app(
        replace(live.config, image_urls=True), Searcher.open(live.config.indexes, encoder=live.encoder)
    )
    there = dict(zip(body["image_urls"], sides, strict=True))
    monkeypatch.setattr("service.api.item_embedding.fetch", lambda url, settings: there[url])
    answer = app.test_client().put("/v1/items/cape", json=body, headers=live.headers)
    assert (answer.status_code, len(answer.json["image_urls"])) == (201, 3), answer.text
    found = best(app.test_client(), sides[1])["image_url"]
    assert without_version(found) == "/v1/items/cape/image?photo=1"


def test_one_photograph_of_several_that_can_t_be_used_is_named_and_nothing_is_stored(live, sides):
    cut = put_all(live, "new", [sides[0], sides[1][:900]])
    assert (cut.status_code, cut.json["code"], cut.json["param"]) == (422, "image_undecodable", "file")
    assert cut.json["detail"].startswith("Photograph 2 of 2: ")
    many = put_all(live, "new", sides * 7)
    assert (many.status_code, many.json["code"]) == (400, "several_images")
    assert "21 files. Send up to 20 photos" in many.json["detail"]
    texts = [base64.b64encode(sides[0]).decode()] * 21
    for body, code, param in (
        ({"image_base64": texts}, "invalid_parameter", "image_base64"),
        ({"image_base64": []}, "invalid_parameter", "image_base64"),
        ({"image_base64": texts[0], "image_urls": ["https://a.example/1"]}, "several_images", "image_urls"),
        ({"image_urls": "https://a.example/1"}, "invalid_parameter", "image_urls"),
    ):
        answer = live.client.put("/v1/items/new", json=body, headers=live.headers)
        assert (answer.status_code, answer.json["code"], answer.json["param"]) == (400, code, param)
    assert live.client.get("/v1/items/new").status_code == 404


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [("1", 404, "not_found"), ("-1", 400, "invalid_parameter"), ("x", 400, "invalid_parameter")],
)
def test_a_photograph_that_an_item_does_not_have_is_not_sent(client, photo, status, code):
    answer = client.get(f"/v1/items/dress/2/image?photo={photo}")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (status, code, "photo")


def test_an_explanation_shows_the_photograph_that_was_found(live, sides):
    put_all(live, "cape", sides)
    first, second = (best(live.client, content, explain="true") for content in sides[:2])
    assert "photo=" not in first["explain_url"] and "photo=1" in second["explain_url"]
    drawn = [live.client.get(found["explain_url"]) for found in (first, second)]
    assert [answer.status_code for answer in drawn] == [200, 200]
    for answer in drawn:  # the query is the photograph that was found
        outlines = re.findall(r'id="(?:query|result)".* d="([^"]+)"', answer.text)
        assert len(outlines) == 2 and outlines[0] == outlines[1]
        assert "<title>Same outline" in answer.text
    assert drawn[0].text != drawn[1].text
