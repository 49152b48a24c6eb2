import pytest

from service.config import Config
from service.run.app import create_app
from tests.picture_server import pictures


@pytest.fixture
def server(photo):
    with pictures() as server:
        server.routes["photo"] = photo
        yield server


@pytest.fixture
def search(searcher, config, tmp_path):
    """Search by an address, in a service with these settings."""

    def send(url, **settings):
        settings = Config(indexes=config.indexes, query_folder=tmp_path / "q", **settings)
        body = {"image_url": url, "limit": 1}
        return create_app(settings, searcher).test_client().post("/v1/search", json=body)

    return send


def test_a_search_fetches_only_where_the_operator_allows_it(search, server):
    url = server.url("photo")
    for settings in ({}, {"image_urls": True}, {"image_urls": True, "allowed_hosts": ("localhost",)}):
        answer = search(url, **settings)
        assert (answer.status_code, answer.json["code"]) == (403, "url_not_allowed")
        assert answer.json["param"] == "image_url"
    assert server.asked == []
    answer = search(url, image_urls=True, allowed_hosts=("127.0.0.1",))
    assert answer.status_code == 200 and answer.json["query_id"].startswith("q_")
    assert answer.json["results"][0]["metadata"]["category"] == "dress"


def test_what_does_not_come_or_is_too_large_names_the_field(search, server):
    allowed = {"image_urls": True, "allowed_hosts": ("127.0.0.1",)}
    missing = search(server.url("missing"), **allowed)
    assert (missing.status_code, missing.json["code"]) == (422, "image_url_unreachable")
    server.routes["photo"] = bytes(2000)
    large = search(server.url("photo"), **allowed, max_upload_bytes=1999)
    assert (large.status_code, large.json["code"]) == (413, "upload_too_large")
    assert {missing.json["param"], large.json["param"]} == {"image_url"}
