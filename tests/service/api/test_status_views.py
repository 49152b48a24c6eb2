import base64
import io
import shutil
from collections import Counter

import pytest
from PIL import Image

from index.errors import NoIndex
from service.http.keys import remove_key
from service.http.usage_file import LooseQuery
from service.live_index import LiveIndex

OLD, NEW = "2026-11-20T02-00-00Z", "2026-11-21T02-00-00Z"
CALLS = ["/v1/status", "/v1/status/builds/x", "/v1/status/image?golden=0", "/v1/status/compare"]


@pytest.fixture
def get(live):
    return lambda address: live.client.get(address, headers=live.headers)


@pytest.fixture
def note(live, note_build):
    """Note a build of `NEW`: two items new, one gone, two skipped, a golden query that misses one of two."""
    gallery = live.app.extensions["silhouette.live_index"].searcher().item("hat/0").path.parent
    return note_build(
        live.config.indexes,
        gallery,
        version=NEW,
        since=OLD,
        first={"new": ("hat/0", "hat/1"), "changed": (), "removed": ("dress/0",)},
        skipped=[("bad", gallery / "hat-1.png", "too small"), ("", "/etc/passwd", "file not found")],
        golden={
            "image": str(gallery / "hat-2.png"),
            "k": 4,
            "item_ids": ["hat/2", "none"],
            "missing": ["none"],
        },
    )


# --- who may see it -------------------------------------------------------------------------------------


def test_without_keys_the_page_is_off_and_says_how_it_is_switched_on(live):
    assert live.client.get("/status").status_code == 200
    remove_key(live.config.keys, "tests")
    answer = live.client.get("/status")
    assert answer.status_code == 404 and "keys add" in answer.text and "status.js" not in answer.text
    assert live.client.get("/v1/status", headers=live.headers).json["code"] == "key_wrong"


@pytest.mark.parametrize("address", CALLS)
def test_nothing_is_told_without_a_key(live, address):
    method = "POST" if address.endswith("compare") else "GET"
    answer = live.client.open(address, method=method)
    assert (answer.status_code, answer.json["code"]) == (401, "key_missing")
    answer = live.client.open(f"{address.partition('?')[0]}?key={live.key}", method=method)
    assert answer.status_code == 401  # an address is logged, here or by a proxy


def test_the_page_itself_tells_nothing_and_lets_nobody_frame_it(live):
    answer = live.client.get("/status")
    assert NEW not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert "style=" not in answer.text and "<script>" not in answer.text


# --- what is told ---------------------------------------------------------------------------------------


def test_versions_are_told_with_their_gate_and_the_note_of_their_build(get, note):
    answer = get("/v1/status").json
    assert (answer["current"], answer["served"], answer["items"]) == (NEW, NEW, 12)
    newest, oldest = answer["versions"]
    assert (newest["version"], newest["current"], newest["usable"]) == (NEW, True, True)
    assert newest["gate"]["self_recall_at_1"] == 1.0
    assert (newest["build"], newest["bundle"]) == (note.name, note.encoder)
    assert (oldest["version"], oldest["build"], oldest["bundle"]) == (OLD, None, None)
    (build,) = answer["builds"]
    assert (build["outcome"], build["seconds"], build["since"]) == (
        "published",
        {"embed": 2.5, "check": 0.5},
        OLD,
    )
    (golden,) = answer["golden"]
    assert (golden["name"], golden["missing"], golden["k"]) == ("hat-2.png", ["none"], 4)


def test_searches_are_told_over_a_day_and_a_month(live, get, post, photo):
    for _ in range(3):
        live.client.post("/v1/search", data={"file": (io.BytesIO(photo), "photo.jpg")})
    live.client.post("/v1/search", data={"file": (io.BytesIO(b"no picture"), "photo.jpg")})
    live.app.extensions["silhouette.usage"].file.add(
        Counter({(0, "ms 1"): 9}), [LooseQuery("photo", "hat", 0.1, 60.0, at=10**10)], now=0
    )
    answer = get("/v1/status").json
    for span, parts in (("day", 24), ("month", 30)):
        total = answer[span]["total"]
        assert len(answer[span]["parts"]) == parts
        assert (total["searches"], total["refused"], total["busy"], total["judged"]) == (4, 1, 0, 3)
        assert 0 < total["p50_ms"] <= total["p95_ms"] <= total["p99_ms"]
        assert sum(part["searches"] for part in answer[span]["parts"]) == 4
    assert answer["day"]["parts"][0]["p50_ms"] is None
    assert answer["pictures_kept"] is False
    assert [(query["category"], query["image_url"]) for query in answer["loose"]] == [("hat", None)]


def test_where_figures_can_not_be_read_the_rest_is_told(live, get, post, photo):
    live.config.usage_file.mkdir()
    answer = get("/v1/status").json
    assert answer["day"] is None and answer["loose"] == [] and len(answer["versions"]) == 2
    found = live.client.post("/v1/search", data={"file": (io.BytesIO(photo), "photo.jpg")})
    assert found.status_code == 200


def test_without_an_index_and_with_a_damaged_one_the_rest_is_told(live, get, monkeypatch):
    def none(self):
        raise NoIndex("There is none.")

    (live.config.indexes / OLD / "manifest.json").write_text("{}")
    (live.config.indexes / "current").unlink()
    monkeypatch.setattr(LiveIndex, "searcher", none)
    answer = get("/v1/status").json
    assert (answer["current"], answer["served"], answer["items"], answer["damaged"]) == (
        None,
        None,
        None,
        [OLD],
    )


def test_a_build_tells_what_it_changed_with_pictures(get, note):
    answer = get(f"/v1/status/builds/{note.name}").json
    assert [item["item_id"] for item in answer["new"]] == ["hat/0", "hat/1"]
    assert (answer["changed"], answer["counts"]["removed"]) == ([], 1)
    assert f"version={OLD}" in answer["removed"][0]["image_url"]
    for item in (*answer["new"], *answer["removed"], answer["skipped"][0]):
        picture = get(item["image_url"])
        assert Image.open(io.BytesIO(picture.data)).width == 120  # as wide as it is
        assert picture.headers["Cache-Control"] == "private, no-cache"
    assert answer["skipped"][0]["reason"] == "too small"
    assert get("/v1/status/builds/2026-11-21T02-00-00-000000Z").json["code"] == "not_found"


def test_pictures_of_versions_that_are_gone_are_not_offered(live, get, note):
    shutil.rmtree(live.config.indexes / OLD)
    answer = get(f"/v1/status/builds/{note.name}").json
    assert answer["removed"] == [{"item_id": "dress/0", "image_url": None}]


def test_no_file_outside_of_the_folders_that_may_be_served_is_sent(get, note):
    skipped = get(f"/v1/status/builds/{note.name}").json["skipped"][1]
    assert skipped["path"] == "/etc/passwd" and skipped["image_url"] is None
    assert get(f"/v1/status/image?build={note.name}&skipped=1").json["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_parameter"),
        ("version=x", "invalid_parameter"),
        (f"version={NEW}&item_id=hat/0&golden=0", "invalid_parameter"),
        (f"version={NEW}&item_id=none", "item_unknown"),
        ("version=../..&item_id=hat/0", "version_unknown"),
        ("golden=7", "not_found"),
        ("loose=7", "not_found"),
        ("build=x&skipped=0", "not_found"),
        ("golden=0&width=7", "invalid_parameter"),
    ],
)
def test_a_picture_that_is_not_there_is_refused(get, note, query, code):
    assert get(f"/v1/status/image?{query}").json["code"] == code


def test_the_picture_of_a_query_is_sent_while_it_is_kept(live, get):
    query = LooseQuery("photo", None, None, None, at=10**10, query="a", picture=b"RIFF")
    live.app.extensions["silhouette.usage"].file.add(Counter(), [query], now=0)
    (told,) = get("/v1/status").json["loose"]
    answer = get(told["image_url"])
    assert (answer.data, answer.mimetype) == (b"RIFF", "image/webp")


# --- side by side ---------------------------------------------------------------------------------------


@pytest.fixture
def compare(live):
    def send(**fields):
        body = {"before": OLD, "after": NEW, **fields}
        return live.client.post("/v1/status/compare", json=body, headers=live.headers)

    return send


def test_a_photograph_is_searched_in_two_versions(compare, photo):
    answer = compare(image_base64=base64.b64encode(photo).decode(), limit=5).json
    assert (answer["came"], answer["went"], answer["moved"]) == (0, 0, 0)
    for side, version in (("before", OLD), ("after", NEW)):
        found = answer[side]
        assert (found["version"], len(found["results"])) == (version, 5)
        assert [hit["other_rank"] for hit in found["results"]] == [1, 2, 3, 4, 5]
        assert found["results"][0]["metadata"]["category"] == "dress"
        assert f"version={version}" in found["results"][0]["image_url"]


def test_a_golden_query_tells_what_it_wants_and_misses(compare, note):
    answer = compare(golden=0).json
    assert answer["after"]["missing"] == ["none"]
    (wanted,) = [hit["item_id"] for hit in answer["after"]["results"] if hit["wanted"]]
    assert wanted == "hat/2"


def test_versions_are_compared_as_they_were_built(compare, photo, live):
    live.client.delete("/v1/items/dress/0", headers=live.headers)
    answer = compare(image_base64=base64.b64encode(photo).decode()).json
    assert "dress/0" in [hit["item_id"] for hit in answer["after"]["results"]]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "invalid_parameter", "golden"),
        ({"golden": 0, "image_base64": "aGF0"}, "invalid_parameter", "golden"),
        ({"golden": 5}, "not_found", "golden"),
        ({"image_base64": "aGF0"}, "unsupported_type", "image_base64"),
        ({"golden": 0, "before": "2020-01-01T00-00-00Z"}, "version_unknown", "before"),
        ({"golden": 0, "after": "../.."}, "version_unknown", "after"),
    ],
)
def test_a_comparison_that_can_not_be_made_says_why(compare, note, fields, code, param):
    answer = compare(**fields).json
    assert (answer["code"], answer["param"]) == (code, param)


def test_a_version_of_an_encoder_that_nobody_knows_can_not_be_compared(compare, note, live, monkeypatch):
    monkeypatch.setattr(LiveIndex, "fingerprint", "e" * 64)
    answer = compare(golden=0)
    assert (answer.status_code, answer.json["code"]) == (409, "version_unusable")
    assert "no build has noted" in answer.json["detail"]
