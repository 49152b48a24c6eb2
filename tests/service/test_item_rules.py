"""One rule says what an item may be: a build, HTTP and the command line accept and store the same."""

import io
import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from index.editing import put_item
from index.errors import InvalidChange
from index.stores.folder.store import FolderStore
from service.run.server import LONGEST_ADDRESS
from training.catalogue.item_rules import LONGEST_ID, is_unicode
from training.catalogue.reader import read_catalogue

texts = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["x" * 255, "y" * 256, "a\tb", "..", "a/../b", "a\u2028", "\ud83d", "ü" * 255, "shop/image", "a\u3000b"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def nested(depth):
    return {"a": 1} if depth == 1 else {"a": nested(depth - 1)}


def built(folder, item_id, metadata):
    """What a build takes of an item: its metadata as stored, or nothing."""
    rows = [{"item_id": "anchor", "path": "a.jpg"}, {**metadata, "item_id": item_id, "path": "a.jpg"}]
    (folder / "shop.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    catalogue = read_catalogue(str(folder / "shop.jsonl"))
    assert len(catalogue.items) + len(catalogue.bad) == 2
    return {item.item_id: item.metadata for item in catalogue.items}.get(item_id)


def put(live, photo, item_id, metadata):
    """What HTTP takes of it."""
    address = f"/v1/items/{quote(item_id.encode('utf-8', 'surrogatepass'))}"
    data = {"file": (io.BytesIO(photo), "p"), "metadata": json.dumps(metadata)}
    answer = live.client.put(address, data=data, headers=live.headers)
    assert answer.status_code in (200, 201, 400), answer.text
    if answer.status_code == 400:
        assert answer.json["param"] in ("item_id", "metadata"), answer.text
        return None
    stored = live.client.get(address).json["metadata"]
    assert live.client.get(f"{address}/image").data == photo
    return stored


def commanded(live, photo, item_id, metadata):
    """What `python -m index put` takes of it."""
    try:
        return put_item(FolderStore(live.config.indexes), live.encoder, item_id, photo, metadata).metadata
    except InvalidChange:
        return None


@pytest.fixture
def same(live, photo, tmp_path):
    (tmp_path / "a.jpg").write_bytes(photo)

    def check(item_id, metadata):
        ways = [built(tmp_path, item_id, metadata), put(live, photo, item_id, metadata)]
        ways.append(commanded(live, photo, item_id, metadata))
        assert ways[0] == ways[1] == ways[2], ways
        return ways[0]

    return check


def test_an_item_is_accepted_by_a_build_and_by_a_put_or_by_neither(same):
    columns = st.dictionaries(texts.filter(lambda name: name not in ("item_id", "path")), values, max_size=3)

    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts.filter(lambda item_id: item_id not in ("", "anchor") and is_unicode(item_id)), columns)
    @example("depth", nested(17))
    @example("depth", nested(16))
    @example("none", {"price": float("nan"), "sizes": [float("inf")], "category": ""})
    @example("long", {"note": "ü" * 16_384})
    @example("large", {"number": 10**400})
    def attempt(item_id, metadata):
        same(item_id, metadata)

    attempt()


@pytest.mark.parametrize("size", [32_000, 33_000, 100_000])
def test_metadata_has_one_limit(same, size):
    assert (same("large", {"note": "x" * size}) is None) == (size > 32_768)


def test_every_address_of_an_item_fits_the_server_s_longest_one(live, photo):
    longest = "\U0001f45a" * LONGEST_ID
    assert put(live, photo, longest, {}) == {}
    body = {"item_id": longest, "explain": True, "kind": "sketch", "box": [0.123456, 0.123456, 0.9, 0.9]}
    hits = live.client.post("/v1/search", json=body).json["results"]
    (address,) = [hit["explain_url"] for hit in hits if hit["item_id"] == longest]
    assert 6000 < len(f"GET {address} HTTP/1.1") < LONGEST_ADDRESS
    assert live.client.get(address).status_code == 200
