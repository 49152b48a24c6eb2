import re
from xml.etree import ElementTree

import numpy as np
import pytest

from service.config import Config
from training.photo.garment import isolate

SVG = "{http://www.w3.org/2000/svg}"


def batch(post, *searches):
    return post(address="/v1/search/batch", json={"searches": list(searches)})


def test_a_batch_is_answered_in_its_order_and_a_failure_stays_in_its_place(post, photo):
    query_id = post(photo).json["query_id"]
    answer = batch(
        post,
        {"item_id": "shirt/2", "limit": 1},
        {"item_id": "scarf/1"},
        {"query_id": query_id, "limit": 2},
        {"limit": 5},
        {"item_id": "hat/1", "limt": 1},
        "hat/1",
        {"item_id": "hat/1", "filter": {"price": {"about": 3}}},
    )
    assert answer.status_code == 200
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    first, unknown, third, empty, misspelt, text, wrong = answer.json["answers"]
    assert [result["item_id"] for result in first["results"]] == ["shirt/2"]
    assert (third["query_id"], len(third["results"])) == (query_id, 2)
    errors = [entry["error"] for entry in (unknown, empty, misspelt, text, wrong)]
    assert [(error["status"], error["code"], error.get("param")) for error in errors] == [
        (404, "item_unknown", "item_id"),
        (400, "no_image", None),
        (400, "invalid_parameter", "limt"),
        (400, "invalid_parameter", None),
        (400, "invalid_filter", "filter"),
    ]


@pytest.mark.parametrize("searches", [[], [{"item_id": "hat/1"}] * 17, {"item_id": "hat/1"}, None])
def test_a_batch_of_none_or_too_many_is_refused_as_a_whole(post, searches):
    answer = post(address="/v1/search/batch", json={"searches": searches})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
    assert answer.json["param"] == "searches" and "1 to 16" in answer.json["detail"]


def test_a_batch_without_searches_or_with_something_else_is_refused(post):
    missing = post(address="/v1/search/batch", json={})
    assert (missing.status_code, missing.json["param"]) == (400, "searches")
    other = post(address="/v1/search/batch", json={"searches": [{"item_id": "hat/1"}], "limit": 3})
    assert (other.status_code, other.json["param"]) == (400, "limit")
    beside = post(address="/v1/search/batch?limit=3", json={"searches": [{"item_id": "hat/1"}]})
    assert (beside.status_code, beside.json["param"]) == (400, "limit")


def paths(answer):
    root = ElementTree.fromstring(answer.data)
    return {path.get("id"): path.get("d") for path in root.iter(f"{SVG}path")}


def points(path):
    numbers = [float(number) for number in re.findall(r"[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def extent(path):
    x, y = zip(*points(path), strict=True)
    return max(x) - min(x), max(y) - min(y)


def test_each_result_of_a_search_links_to_a_drawing_of_both_outlines(client, post, photo, pictures):
    results = post(photo, fields={"explain": "true"}).json["results"]
    addresses = {result["item_id"]: result["explain_url"] for result in results}
    drawing = client.get(addresses["shirt/0"])
    assert (drawing.status_code, drawing.mimetype) == (200, "image/svg+xml")
    assert drawing.headers["Cache-Control"] == "no-store"
    outlines = paths(drawing)
    for name, shape in (("query", "dress"), ("result", "shirt")):
        rows, columns = np.nonzero(isolate(np.asarray(pictures.drawn(pictures.SHAPES[shape]))).mask > 127)
        width, height = extent(outlines[name])
        assert width / height == pytest.approx(np.ptp(columns) / np.ptp(rows), rel=0.12)


def test_an_item_compared_with_itself_has_the_same_outline_twice(client):
    outlines = paths(client.get("/v1/explain?query_item=dress/1&item_id=dress/1"))
    assert outlines["query"] == outlines["result"]
    assert len(points(outlines["query"])) >= 4


def test_an_explanation_is_measures_where_json_is_preferred(client):
    address = "/v1/explain?query_item=dress/1&item_id=shirt/0"
    answer = client.get(address, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("no-store", "Accept")
    measured = answer.json
    assert measured["sentence"].startswith("Different outline")
    assert 0 < measured["overlap"] < 0.75
    assert set(measured["parts"]) == {"upper", "middle", "lower", "left", "right"}
    assert measured["parts"]["left"]["difference"] > 0  # a shirt is wider than a dress
    drawing = ElementTree.fromstring(client.get(address).data)
    assert drawing.find(f"{SVG}title").text == measured["sentence"]


@pytest.mark.parametrize("accept", ["*/*", "image/avif,image/webp,image/*,*/*;q=0.8", "text/html", ""])
def test_an_explanation_is_drawn_for_whoever_does_not_prefer_json(client, accept):
    address = "/v1/explain?query_item=dress/1&item_id=dress/2"
    assert client.get(address, headers={"Accept": accept}).mimetype == "image/svg+xml"


def test_an_item_agrees_with_itself(client):
    address = "/v1/explain?query_item=dress/1&item_id=dress/1"
    measured = client.get(address, headers={"Accept": "application/json"}).json
    assert measured["sentence"].startswith("Same outline")
    assert (measured["overlap"], measured["differences"]) == (1.0, [])


def test_an_explanation_looks_at_the_box_that_the_search_looked_at(client, post, photo):
    fields = {"explain": "true", "box": "[0, 0, 1, 0.5]"}
    address = post(photo, fields=fields).json["results"][0]["explain_url"]
    upper, whole = (paths(client.get(at))["query"] for at in (address, address.replace("&box=0,0,1,0.5", "")))
    assert "box=0,0,1,0.5" in address
    assert extent(upper)[0] > extent(whole)[0]  # half a dress is as wide, and fills the square


def test_the_neighbours_of_an_item_are_explained_by_it(client):
    results = client.get("/v1/items/dress/2/similar?explain=true&limit=2").json["results"]
    assert all("query_item=dress/2" in result["explain_url"] for result in results)
    assert client.get(results[0]["explain_url"]).status_code == 200


def test_what_was_not_asked_to_be_explained_has_no_link(post, photo):
    assert "explain_url" not in post(photo).json["results"][0]


@pytest.mark.parametrize(
    "query, status, code, param",
    [
        ("query_item=dress/1", 400, "invalid_parameter", "item_id"),
        ("item_id=dress/1", 400, "invalid_parameter", "query_id"),
        ("item_id=dress/1&query_id=q_1&query_item=dress/2", 400, "invalid_parameter", "query_id"),
        ("item_id=dress/1&query_item=dress/2&kind=drawing", 400, "invalid_parameter", "kind"),
        ("item_id=dress/1&query_id=q_1", 404, "query_expired", "query_id"),
        ("item_id=scarf/1&query_item=dress/2", 404, "item_unknown", "item_id"),
        ("item_id=dress/1&query_item=scarf/2", 404, "item_unknown", "query_item"),
        ("item_id=dress/1&query_item=dress/2&explain=true", 400, "invalid_parameter", "explain"),
    ],
)
def test_an_explanation_that_can_t_be_given_says_why(client, query, status, code, param):
    answer = client.get(f"/v1/explain?{query}")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (status, code, param)


def test_the_bound_of_a_batch_is_a_setting():
    assert Config().batch_searches == 16
