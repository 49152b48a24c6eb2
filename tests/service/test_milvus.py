"""The service over Milvus in a file, and with a Milvus that is not there."""

import io
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from index.build import BuildOptions, build_index
from index.stores.address import open_store
from service.config import Config
from service.http.keys import add_key
from service.run.app import create_app
from training.catalogue.reader import Catalogue
from training.photo.encoder import Encoder

pytestmark = pytest.mark.skipif(
    find_spec("milvus_lite") is None, reason="needs milvus-lite: pip install -r requirements-scale.txt"
)


@pytest.fixture
def shop(tmp_path, searcher, monkeypatch):
    """A service over two versions of the gallery in Milvus."""
    from milvus_lite.server_manager import server_manager_instance

    monkeypatch.setattr(Encoder, "load", lambda folder: searcher.encoder)
    config = Config(
        indexes=tmp_path / "indexes",
        store=f"milvus:{tmp_path}/vectors.db",
        workers=1,
        query_folder=tmp_path / "queries",
        keys=tmp_path / "keys.json",
    )
    headers = {"Authorization": f"Bearer {add_key(config.keys, 'tests')}"}
    store = open_store(config.store, config.indexes)
    catalogue = Catalogue("drawn", tuple(searcher.items), ())
    for _ in range(2):
        build_index(
            catalogue,
            searcher.encoder,
            indexes=config.indexes,
            store=store,
            options=BuildOptions(processes=1),
        )
    client = create_app(config).test_client()
    client.open = partial(client.open, buffered=True)
    yield SimpleNamespace(client=client, headers=headers, store=store)
    server_manager_instance.release_server(f"{tmp_path}/vectors.db")


def names(answer):
    assert answer.status_code == 200, answer.text
    return [hit["item_id"] for hit in answer.json["results"]]


def test_the_service_searches_changes_and_switches_over_milvus(shop, pictures, photo):
    def upload(data, **fields):
        content = {"file": (io.BytesIO(data), "photo.jpg"), **fields}
        return names(shop.client.post("/v1/search", data=content))

    assert set(upload(photo, limit=4)) == {f"dress/{number}" for number in range(4)}
    assert shop.client.get("/readyz").json["index"]["items"] == 12
    index = shop.client.get("/v1/index").json
    assert {item["metadata"]["category"] for item in index["examples"][:3]} == {"dress", "shirt", "hat"}
    assert [facet["field"] for facet in index["filters"]] == ["category", "price"]

    wide = pictures.encoded(pictures.drawn((5, 70, 115, 120)))
    data = {"file": (io.BytesIO(wide), "photo.jpg")}
    assert shop.client.put("/v1/items/new", data=data, headers=shop.headers).status_code == 201
    assert upload(wide, limit=1) == ["new"]
    assert shop.client.get("/v1/items/new/image").data == wide
    assert shop.client.get("/v1/index").json["changes"] == 1
    assert shop.client.delete("/v1/items/new", headers=shop.headers).status_code == 200
    assert upload(wide, limit=1) != ["new"]
    assert shop.client.get("/v1/items/new").status_code == 404
    similar = shop.client.get("/v1/items/shirt/0/similar?limit=3")
    assert set(names(similar)) == {"shirt/1", "shirt/2", "shirt/3"}
    deep = shop.client.get("/v1/items/hat/0/similar?offset=20000")
    assert (deep.status_code, deep.json["param"]) == (400, "offset")

    new, old = (version["version"] for version in shop.client.get("/v1/index/versions").json["versions"])
    switched = shop.client.post("/v1/index/activate", json={"version": old}, headers=shop.headers)
    assert switched.json["current"] and shop.client.get("/v1/index").json["version"] == old
    assert b"silhouette_ready 1" in shop.client.get("/metrics").data
    assert new != old


def test_without_milvus_the_service_starts_says_so_and_recovers(tmp_path, searcher, monkeypatch):
    from milvus_lite.server_manager import server_manager_instance

    from index.errors import StoreUnreachable
    from index.stores.milvus import connection

    monkeypatch.setattr(Encoder, "load", lambda folder: searcher.encoder)
    monkeypatch.setattr(connection, "REST_SECONDS", 0.0)
    monkeypatch.setattr("service.live_index.RETRY_SECONDS", 0.0)
    config = Config(indexes=tmp_path / "indexes", store=f"milvus:{tmp_path}/gone/vectors.db", workers=1)
    client = create_app(config).test_client()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "index_not_ready")
    assert "does not answer" in answer.json["detail"] and str(tmp_path) not in answer.text
    assert client.get("/healthz").status_code == 200
    assert b"silhouette_ready 0" in client.get("/metrics").data

    (tmp_path / "gone").mkdir()
    store = open_store(config.store, config.indexes)
    build_index(
        Catalogue("drawn", tuple(searcher.items), ()),
        searcher.encoder,
        indexes=config.indexes,
        store=store,
        options=BuildOptions(processes=1),
    )
    assert client.get("/readyz").json["index"]["items"] == 12
    ask = connection.Server.ask
    monkeypatch.setattr(
        connection.Server, "ask", lambda *_, **__: (_ for _ in ()).throw(StoreUnreachable("gone"))
    )
    assert client.get("/readyz").status_code == 503 and b"silhouette_ready 0" in client.get("/metrics").data
    monkeypatch.setattr(connection.Server, "ask", ask)
    assert client.get("/readyz").status_code == 200
    server_manager_instance.release_server(f"{tmp_path}/gone/vectors.db")
