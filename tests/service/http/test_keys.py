import pytest

from service.http.keys import add_key, remove_key


@pytest.fixture
def key(config):
    return add_key(config.keys, "shop")


@pytest.fixture
def delete(client):
    def send(**headers):
        return client.delete("/v1/items/hat/0", headers={k.replace("_", "-"): v for k, v in headers.items()})

    return send


@pytest.fixture
def config(config, tmp_path):
    from dataclasses import replace

    return replace(config, keys=tmp_path / "keys.json")


def test_without_keys_the_service_is_read_only(delete):
    answer = delete(Authorization="Bearer anything")
    assert (answer.status_code, answer.json["code"]) == (403, "key_wrong")
    assert "read-only" in answer.json["detail"]


def test_a_write_without_a_key_is_told_how_to_send_one(key, delete):
    answer = delete()
    assert (answer.status_code, answer.json["code"]) == (401, "key_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json["detail"]


@pytest.mark.parametrize("text", ["Bearer", "Bearer  ", "Basic c2hvcDp4", "bearer"])
def test_a_header_without_a_key_is_none(key, delete, text):
    assert delete(Authorization=text).json["code"] == "key_missing"


@pytest.mark.parametrize("wrong", ["x", "sk_", "sk_" + "A" * 43, "é", "\x7f" * 4000])
def test_a_wrong_key_is_refused_and_not_repeated(key, delete, wrong):
    answer = delete(X_Api_Key=wrong)
    assert (answer.status_code, answer.json["code"]) == (403, "key_wrong")
    assert wrong == "x" or wrong not in answer.text


def test_a_key_made_or_removed_while_the_service_runs_counts_at_once(config, client, delete):
    assert "read-only" in delete().json["detail"]
    key = add_key(config.keys, "shop")
    assert delete(Authorization=f"Bearer {key}").status_code not in (401, 403)
    assert delete(X_Api_Key=key).status_code not in (401, 403)
    remove_key(config.keys, "shop")
    assert delete(Authorization=f"Bearer {key}").status_code == 403


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("PUT", "/v1/items/new"),
        ("PATCH", "/v1/items/hat/0"),
        ("DELETE", "/v1/items/hat/0"),
        ("POST", "/v1/items/bulk"),
        ("POST", "/v1/index/activate"),
        ("POST", "/v1/status/compare"),
    ],
)
def test_every_write_needs_a_key_before_its_body_is_looked_at(key, client, method, address):
    answer = client.open(address, method=method, data=b"\x00" * 100, content_type="image/tiff")
    assert (answer.status_code, answer.json["code"]) == (401, "key_missing")


def test_no_view_that_changes_something_goes_without_a_key(app):
    writes = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.methods & {"PUT", "DELETE", "PATCH", "POST"}
        and not rule.rule.startswith(("/v1/search", "/v1/queries"))  # this one takes the id as its key
    ]
    assert len(writes) == 6
    assert all(app.view_functions[rule.endpoint].operation.key for rule in writes)
