"""A path prefix from the settings: routed by, and part of every address in answers."""

import io
import re
from dataclasses import replace

import httpx
import pytest

from service.config import Config
from service.errors import InvalidSetting
from service.run.app import create_app
from silhouette_client import Client

PREFIXES = ["/shop", "/a/b-c", "/v1", "/static"]


@pytest.fixture(params=PREFIXES)
def below(request, config, searcher):
    """A client of a service below a prefix, and that prefix."""
    client = create_app(replace(config, prefix=request.param), searcher).test_client()
    return client, request.param


def _addresses(value):
    """Yield every value of a JSON document whose name ends in `_url`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("_url"):
                yield inner
            yield from _addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _addresses(inner)


def test_every_address_in_an_answer_begins_with_the_prefix_and_answers(below, photo):
    client, prefix = below
    form = {"file": (io.BytesIO(photo), "photo.jpg"), "explain": "true"}
    answers = [
        client.post(f"{prefix}/v1/search", data=form),
        client.post(f"{prefix}/v1/search/batch", json={"searches": [{"item_id": "hat/0", "explain": True}]}),
        client.get(f"{prefix}/v1/items/hat/0"),
        client.get(f"{prefix}/v1/items/hat/0/similar?explain=true"),
        client.get(f"{prefix}/v1/index"),
    ]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        addresses = list(_addresses(answer.json))
        assert addresses
        for address in addresses:
            assert address.startswith(f"{prefix}/v1/")
            assert client.get(address, buffered=True).status_code == 200


@pytest.mark.parametrize("page", ["", "/", "/docs"])
def test_every_address_on_a_page_begins_with_the_prefix_and_answers(below, page):
    client, prefix = below
    html = client.get(prefix + page, follow_redirects=True).text
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert addresses
    for address in addresses:
        assert address.startswith(f"{prefix}/") and client.get(address, buffered=True).status_code == 200


def test_the_contract_names_the_prefix_and_the_docs_show_it(below):
    client, prefix = below
    contract = client.get(f"{prefix}/openapi.json").json
    assert contract["servers"] == [{"url": prefix}]
    assert "/v1/search" in contract["paths"]
    assert f"<code>{prefix}/v1/search</code>" in client.get(f"{prefix}/docs").text


def test_without_a_prefix_the_contract_starts_at_the_root(client):
    assert client.get("/openapi.json").json["servers"] == [{"url": "/"}]


@pytest.mark.parametrize("path", ["/v1/index", "/", "/docs", "/static/page.js", "/shopping/v1/index"])
def test_what_comes_without_the_prefix_is_a_problem_that_names_it(config, searcher, path):
    client = create_app(replace(config, prefix="/shop"), searcher).test_client()
    answer = client.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert "/shop/v1/search" in answer.json["detail"]
    assert answer.json["type"] == "/errors/not_found"
    assert answer.headers["X-Request-Id"] == answer.json["request_id"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_and_figures_are_answered_with_the_prefix_and_without_it(config, searcher, path):
    client = create_app(replace(config, prefix="/shop"), searcher).test_client()
    assert client.get("/shop" + path).status_code == client.get(path).status_code == 200


def test_a_prefix_that_is_doubled_leads_nowhere(config, searcher):
    client = create_app(replace(config, prefix="/shop"), searcher).test_client()
    assert client.get("/shop/shop/metrics").status_code == 404


@pytest.mark.parametrize("header", ["X-Forwarded-Prefix", "X-Script-Name", "Script-Name", "X-Original-Url"])
@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_no_header_names_a_prefix(config, searcher, header, prefix):
    client = create_app(replace(config, prefix=prefix, proxies=1), searcher).test_client()
    answer = client.get(f"{prefix}/v1/items/hat/0", headers={header: "/other"})
    assert answer.json["image_url"] == f"{prefix}/v1/items/hat/0/image"


def test_figures_and_cors_are_the_same_with_a_prefix(config, searcher):
    app = create_app(replace(config, prefix="/shop", cors_origins=("https://a.example",)), searcher)
    answer = app.test_client().get("/shop/v1/index", headers={"Origin": "https://a.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert 'path="/v1/index"' in app.test_client().get("/metrics").text


def test_the_client_takes_the_prefix_as_part_of_its_address(config, searcher):
    transport = httpx.WSGITransport(app=create_app(replace(config, prefix="/shop"), searcher))
    with Client("http://silhouette/shop", transport=transport) as api:
        hit = api.search(item_id="hat/0").results[0]
        assert hit.image_url.startswith("/shop/v1/items/")
        assert api.download(hit.image_url) == api.image(hit.item_id)


@pytest.mark.parametrize("prefix", ["shop", "/shop/", "/", "//shop", "/../x", "/a/.", "/a b", "/ä", "/%73"])
def test_a_prefix_that_is_not_a_plain_path_is_refused(prefix):
    with pytest.raises(InvalidSetting, match="SILHOUETTE_PREFIX is .* Accepted: a path such as /shop"):
        Config.from_environment({"SILHOUETTE_PREFIX": prefix})
