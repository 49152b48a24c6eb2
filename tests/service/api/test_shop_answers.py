"""Facets, sort, boost and fields: in JSON, forms, addresses, batches and for neighbours."""

import json

import pytest

from index.head import Sort
from index.pages import SearchOptions

PRICEY = {"sort": {"field": "price", "order": "desc"}}
HATS = {"boost": [{"filter": {"category": "hat"}, "add": 1.75}]}


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [result["item_id"] for result in answer.json["results"]]


@pytest.fixture(params=["json", "form", "address", "batch", "similar"])
def ask(request, client, photo, post, searcher):
    """Search with a picture of an item, or for its neighbours, in each way that there is."""
    texts = lambda fields: {name: json.dumps(value) for name, value in fields.items()}  # noqa: E731

    def send(**fields):
        if request.param == "json":
            return client.post("/v1/search", json={"item_id": "dress/1", **fields}).json
        if request.param == "form":
            return post(photo, fields=texts(fields)).json
        if request.param == "address":
            return client.post("/v1/search", json={"item_id": "dress/1"}, query_string=texts(fields)).json
        if request.param == "batch":
            searches = [{"item_id": "dress/1", **fields}]
            return client.post("/v1/search/batch", json={"searches": searches}).json["answers"][0]
        return client.get("/v1/items/dress/1/similar", query_string=texts(fields)).json

    return send


def test_results_are_sorted_and_keep_their_scores(ask):
    plain = ask(limit=12)["results"]
    results = ask(limit=12, **PRICEY)["results"]
    expected = sorted(plain, key=lambda result: -result["metadata"]["price"])
    assert [result["item_id"] for result in results] == [result["item_id"] for result in expected]
    assert [result["score"] for result in results] == [result["score"] for result in expected]
    assert [result["rank"] for result in results] == list(range(1, len(results) + 1))


def test_what_is_boosted_comes_first(ask):
    assert {result["metadata"]["category"] for result in ask(limit=4, **HATS)["results"]} == {"hat"}


def test_values_are_counted_and_fields_are_chosen(ask):
    answer = ask(limit=2, facets=["category", "price", "colour"], fields=["price", "colour"])
    category, price, colour = answer["facets"]
    total = answer["total"]
    assert category["field"] == "category" and category["missing"] == 0
    assert sum(value["items"] for value in category["values"]) == total
    assert {value["value"] for value in category["values"]} == {"dress", "hat", "shirt"}
    assert (price["lowest"], price["highest"]) == (10, 13) and "lowest" not in category
    assert colour == {"field": "colour", "values": [], "missing": total}
    assert all(result["metadata"].keys() == {"price"} for result in answer["results"])


def test_without_them_an_answer_is_as_before(ask):
    answer = ask(limit=2)
    assert "facets" not in answer and answer["results"][0]["metadata"].keys() == {"category", "price"}
    assert ask(limit=2, fields=[])["results"][0]["metadata"] == {}


@pytest.mark.parametrize("fields", [PRICEY, HATS, {**PRICEY, **HATS}])
@pytest.mark.parametrize("where", [{}, {"filter": {"price": {"lt": 13}}}, {"collapse_duplicates": True}])
def test_what_is_understood_of_the_query_stays_that_of_the_nearest(ask, fields, where):
    def known(answer):
        return {name: answer["query"][name] for name in ("category", "category_confidence", "warnings")}

    plain = ask(limit=5, **where)
    assert known(ask(limit=5, **where, **fields)) == known(plain)
    assert known(ask(limit=1, offset=3, **where, **fields)) == known(plain)


def test_pages_are_cut_from_one_order(client):
    def page(**fields):
        return client.post("/v1/search", json={"item_id": "hat/2", **PRICEY, **HATS, **fields})

    whole = ids(page(limit=12))
    assert [name for offset in range(0, 12, 5) for name in ids(page(limit=5, offset=offset))] == whole


@pytest.mark.parametrize(
    "fields",
    [
        {"facets": ["category", "colour"]},
        {"sort": {"field": "colour"}},
        {"boost": [{"filter": {"not": {"colour": "red"}}, "add": 0.1}]},
        {"filter": {"not": {"colour": "red"}}},
    ],
)
def test_a_field_that_no_item_has_is_warned_of_wherever_it_is_named(client, fields):
    answer = client.post("/v1/search", json={"item_id": "dress/1", **fields}).json
    assert answer["query"]["warnings"] == ["filter_field_unknown"]
    known = json.loads(json.dumps(fields).replace("colour", "price"))
    assert client.post("/v1/search", json={"item_id": "dress/1", **known}).json["query"]["warnings"] == []


def test_a_sorted_page_costs_no_second_search_where_the_nearest_tell_enough(client, searcher):
    asked = []
    search = searcher.search
    searcher.search = lambda vectors, options: asked.append(options) or search(vectors, options)
    client.post("/v1/search", json={"item_id": "dress/1", "limit": 2, **PRICEY})
    assert [options.arrangement.sort for options in asked] == [Sort("price", True)]
    assert isinstance(asked[0], SearchOptions)
