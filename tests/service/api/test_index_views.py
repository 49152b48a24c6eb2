import pytest

from index.pages import Hit, Page
from service.api.examples import Examples
from service.live_index import LiveIndex
from service.run.app import create_app


def test_the_index_names_its_version_and_a_few_varied_examples(client):
    answer = client.get("/v1/index").json
    assert (answer["version"], answer["items"], answer["kind"]) == ("2026-11-21T02-00-00Z", 12, "flat")
    assert len(answer["examples"]) == 8
    assert answer["card_fields"]["title"][:2] == ["title", "name"]
    assert {item["metadata"]["category"] for item in answer["examples"][:3]} == {"dress", "shirt", "hat"}


def test_what_can_be_filtered_by_is_counted_with_the_changes(live):
    def kinds():
        category = live.client.get("/v1/index").json["filters"][0]
        return {value["value"]: value["items"] for value in category["values"]}

    assert kinds() == {"dress": 4, "hat": 4, "shirt": 4}
    for item_id, category in (("dress/1", "gown"), ("dress/2", "gown"), ("hat/0", "shirt")):
        body = {"metadata": {"category": category}}
        live.client.patch(f"/v1/items/{item_id}", json=body, headers=live.headers)
    live.client.delete("/v1/items/hat/1", headers=live.headers)
    assert kinds() == {"dress": 2, "gown": 2, "hat": 2, "shirt": 5}


def test_the_service_says_that_it_is_alive_and_ready(client):
    assert client.get("/healthz").json["status"] == "alive"
    assert client.get("/readyz").json["index"]["items"] == 12


# --- versions -------------------------------------------------------------------------------------------

OLD, NEW = "2026-11-20T02-00-00Z", "2026-11-21T02-00-00Z"


def activate(live, version, *, headers=None):
    return live.client.post("/v1/index/activate", json={"version": version}, headers=headers or live.headers)


def listed(live):
    versions = live.client.get("/v1/index/versions").json["versions"]
    return {version["version"]: (version["current"], version["usable"]) for version in versions}


def test_the_versions_at_hand_are_listed_newest_first(live):
    answer = live.client.get("/v1/index/versions")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert [version["version"] for version in answer.json["versions"]] == [NEW, OLD]
    assert listed(live) == {NEW: (True, True), OLD: (False, True)}
    newest = answer.json["versions"][0]
    assert (newest["items"], newest["kind"], newest["encoder"]) == (12, "flat", "f" * 64)


def test_another_version_is_switched_to_and_back(live):
    for version in (OLD, NEW):
        answer = activate(live, version)
        assert (answer.status_code, answer.json["version"], answer.json["current"]) == (200, version, True)
        assert live.client.get("/v1/index").json["version"] == version
        assert listed(live)[version] == (True, True)


def test_switching_needs_a_key(live):
    assert live.client.post("/v1/index/activate", json={"version": OLD}).status_code == 401
    assert activate(live, OLD, headers={"X-Api-Key": "wrong"}).status_code == 403
    assert listed(live)[NEW] == (True, True)


@pytest.mark.parametrize("version", ["2020-01-01T00-00-00Z", "../photographs", "current"])
def test_a_version_that_is_not_there_is_unknown(live, version):
    answer = activate(live, version)
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (
        404,
        "version_unknown",
        "version",
    )
    assert str(live.config.indexes) not in answer.text


def test_a_damaged_version_is_not_switched_to(live):
    file = live.config.indexes / OLD / "items.sqlite"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    answer = activate(live, OLD)
    assert (answer.status_code, answer.json["code"]) == (409, "version_unusable")
    (live.config.indexes / OLD / "manifest.json").write_text("{}")
    assert activate(live, OLD).status_code == 409
    assert listed(live) == {NEW: (True, True)}


def test_a_version_of_another_encoder_is_not_switched_to(live, monkeypatch):
    monkeypatch.setattr(LiveIndex, "fingerprint", "e" * 64)
    assert listed(live)[OLD] == (False, False)
    answer = activate(live, OLD)
    assert (answer.status_code, answer.json["code"]) == (409, "version_unusable")
    assert "another encoder" in answer.json["detail"]


@pytest.mark.parametrize("body, param", [({}, "version"), ({"version": 3}, "version"), ({"to": OLD}, "to")])
def test_a_switch_says_to_which_version(live, body, param):
    answer = live.client.post("/v1/index/activate", json=body, headers=live.headers)
    assert (answer.status_code, answer.json["param"]) == (400, param)


def test_before_the_first_index_there_are_no_versions(config, searcher):
    answer = create_app(config, searcher).test_client().get("/v1/index/versions")
    assert (answer.status_code, answer.json["code"]) == (503, "index_not_ready")


def test_examples_are_clear_garments_and_stay_the_same_until_one_is_deleted(searcher):
    among = {"dress/0": ["dress"] * 3, "dress/1": ["hat", "hat", "dress"], "hat/0": ["dress", "hat", "hat"]}
    items = {item.item_id: item for item in searcher.items}
    asked = []

    def similar(item_id, options):
        asked.append(item_id)
        hits = [Hit(1, 0.9, 99.0, items[f"{category}/2"]) for category in among.get(item_id, ["shirt"])]
        return Page(tuple(hits), len(hits), None)

    searcher.similar, searcher.items = similar, [items[name] for name in ("dress/1", "hat/0", "dress/0")]
    chosen = Examples()
    for _ in range(2):
        assert [item.item_id for item in chosen.of(searcher)] == ["dress/0", "hat/0", "dress/1"]
    assert len(asked) == 3
    searcher.items.pop(1)
    assert [item.item_id for item in chosen.of(searcher)] == ["dress/0", "dress/1"]
