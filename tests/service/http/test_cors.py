from dataclasses import replace

import pytest

from service.run.app import create_app

SHOP = "https://shop.example"


@pytest.fixture
def shared(config, searcher):
    return create_app(replace(config, cors_origins=(SHOP,)), searcher).test_client()


def cors(answer):
    return {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}


def test_an_allowed_website_may_read_answers_and_failures(shared):
    for address in ("/v1/index", "/v1/items/nothing"):
        answer = shared.get(address, headers={"Origin": SHOP})
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://shop.example.evil", "http://shop.example", "https://SHOP.example", "null", ""]
)
def test_another_website_may_not_and_caches_keep_them_apart(shared, origin):
    answer = shared.get("/v1/index", headers={"Origin": origin})
    assert answer.status_code == 200 and cors(answer) == {}
    assert "Origin" in answer.headers["Vary"]


def test_a_preflight_tells_what_may_be_sent(shared):
    asked = {"Origin": SHOP, "Access-Control-Request-Method": "PUT"}
    answer = shared.options("/v1/items/new", headers=asked)
    assert (answer.status_code, answer.data) == (204, b"")
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_of_another_website_is_told_nothing(shared):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
    assert cors(shared.options("/v1/items/new", headers=asked)) == {}


def test_what_is_not_the_api_is_not_shared(shared):
    assert cors(shared.get("/metrics", headers={"Origin": SHOP})) == {}


def test_a_star_shares_with_all(config, searcher):
    client = create_app(replace(config, cors_origins=("*",)), searcher).test_client()
    assert client.get("/v1/index", headers={"Origin": "https://any.example"}).headers[
        "Access-Control-Allow-Origin"
    ] == ("*")


def test_nothing_is_shared_unless_it_is_set(client):
    assert cors(client.get("/v1/index", headers={"Origin": SHOP})) == {}
