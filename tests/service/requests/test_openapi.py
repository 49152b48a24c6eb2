import json
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from service.config import Config
from service.errors import TITLES
from service.requests.openapi import contract, operations
from service.run.app import create_app

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    allow_header_conformance,
]
# what is wrong in one search, or in one line, is said in its place
LEFT_OUT = dict.fromkeys(["/v1/search/batch", "/v1/items/bulk"], [negative_data_rejection])
EXPECTED = {GenerationMode.POSITIVE: {200, 404}, GenerationMode.NEGATIVE: {400, 415}}
PAGES = {"/", "/docs", "/embed.js", "/queries/<query_id>.jpg", "/status", "/static/<path:filename>"}


@schemathesis.serializer("application/x-ndjson")
def as_a_line(_, value):
    return {"data": json.dumps(value).encode()}


@schemathesis.deserializer("application/x-ndjson")
def of_a_line(_, response):
    return json.loads(response.content)


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json


def calls(document):
    return [
        (method, path, call)
        for path, methods in document["paths"].items()
        for method, call in methods.items()
    ]


def test_every_address_but_the_pages_is_in_the_contract(app, document):
    rules = {rule.rule for rule in app.url_map.iter_rules()} - PAGES
    described = {rule.rule for rule, *_ in operations(app)}
    assert rules == described
    assert {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule) for rule in described} == set(document["paths"])


def test_the_contract_is_openapi_3_1_and_every_reference_in_it_leads_somewhere(document):
    assert document["openapi"] == "3.1.0"
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert references == set(document["components"]["schemas"])


def test_what_holds_several_leaves_queue_slots_to_others(app):
    several = {rule.rule for rule, _, operation in operations(app) if operation.several}
    assert several == {"/v1/search/batch", "/v1/items/bulk"}


def test_what_needs_a_key_says_so(document):
    keyed = {(method, path) for method, path, call in calls(document) if "security" in call}
    assert keyed == {
        ("put", "/v1/items/{item_id}"),
        ("patch", "/v1/items/{item_id}"),
        ("delete", "/v1/items/{item_id}"),
        ("post", "/v1/items/bulk"),
        ("post", "/v1/index/activate"),
        ("get", "/v1/status"),
        ("get", "/v1/status/builds/{build}"),
        ("get", "/v1/status/image"),
        ("post", "/v1/status/compare"),
    }


def test_every_code_of_a_failure_is_named_by_a_call_that_may_answer_it(document):
    named = {
        code
        for _, _, call in calls(document)
        for answer in call["responses"].values()
        for code in re.findall(r"`(\w+)`:", answer["description"])
    }
    assert set(TITLES) - named == {"internal_error", "method_not_allowed"}


def test_the_bounds_in_the_contract_are_those_of_the_settings(searcher, tmp_path):
    config = Config(indexes=tmp_path, max_limit=30, default_limit=3, batch_searches=2)
    document = create_app(config, searcher).test_client().get("/openapi.json").json
    limit = document["components"]["schemas"]["SearchBody"]["properties"]["limit"]
    assert (limit["default"], limit["maximum"]) == (3, 30)
    assert document["components"]["schemas"]["Batch"]["properties"]["searches"]["maxItems"] == 2


def test_the_guide_shows_every_call_and_every_code(document):
    text = GUIDE.read_text()
    for method, path, _ in calls(document):
        assert f"`{method.upper()} {path}`" in text
    assert set(TITLES) <= set(re.findall(r"`(\w+)`", text))


def test_searches_come_first_and_pages_last(app):
    starts = ("/v1/search", "/v1/queries", "/v1/explain", "/v1/items", "/v1/index", "/v1/status")
    places = [
        next((place for place, start in enumerate(starts) if rule.rule.startswith(start)), len(starts))
        for rule, *_ in operations(app)
    ]
    assert places == sorted(places) and set(places) == set(range(len(starts) + 1))


def test_every_call_has_a_name_of_its_own_and_a_summary_of_one_sentence(document):
    every = [call for *_, call in calls(document)]
    assert len({call["operationId"] for call in every}) == len(every)
    assert all(re.fullmatch(r"[a-z_]+", call["operationId"]) for call in every)
    assert all(re.fullmatch(r"\S[^\n]*[^\s.]\.?", call["summary"]) for call in every)


def test_what_is_in_a_path_is_required_and_not_empty(document):
    for _, path, call in calls(document):
        named = {field["name"]: field for field in call["parameters"] if field["in"] == "path"}
        assert set(named) == set(re.findall(r"{(\w+)}", path))
        assert all(field["required"] for field in named.values())
        assert all(field["schema"] == {"type": "string", "minLength": 1} for field in named.values())


def test_whoever_is_refused_for_now_is_told_how_long_to_wait(document):
    for *_, call in calls(document):
        for status, answer in call["responses"].items():
            waits = answer.get("headers", {}).get("Retry-After")
            assert bool(waits) is (status in ("429", "503"))
            assert not waits or waits["required"]


def test_every_failure_is_a_problem_and_every_success_says_what_it_is(document):
    for *_, call in calls(document):
        for status, answer in call["responses"].items():
            assert answer["description"]
            problem = "application/problem+json" in answer.get("content", {})
            assert problem is (int(status) >= 400)


def test_forms_and_addresses_hold_texts_numbers_and_booleans_alone(document):
    """Objects are JSON in a text there, and what is not sent is nothing."""
    schemas = [
        field["schema"]
        for *_, call in calls(document)
        for field in call["parameters"]
        if field["in"] == "query"
    ]
    forms = [
        call["requestBody"]["content"]["multipart/form-data"]["schema"]
        for *_, call in calls(document)
        if "multipart/form-data" in call.get("requestBody", {}).get("content", {})
    ]
    for form in forms:
        assert form["required"] == ["file"] and form["additionalProperties"] is False
        file = form["properties"].pop("file")
        assert file.get("items", file)["contentMediaType"] == "application/octet-stream"
        schemas += [file.get("items", file), *form["properties"].values()]
    assert {schema["type"] for schema in schemas} == {"string", "integer", "number", "boolean"}
    assert len(forms) == 2 and all(schema["description"] for schema in schemas)
    (where,) = {str(form["properties"]["filter"]) for form in forms if "filter" in form["properties"]}
    assert "'contentMediaType': 'application/json'" in where


def test_forms_say_how_many_files_they_take_and_how_lists_are_written(document):
    search, put = (
        document["paths"][path][method]["requestBody"]["content"]["multipart/form-data"]["schema"][
            "properties"
        ]
        for path, method in (("/v1/search", "post"), ("/v1/items/{item_id}", "put"))
    )
    assert search["file"]["type"] == "string"
    assert {name: put["file"][name] for name in ("type", "minItems", "maxItems")} == {
        "type": "array",
        "minItems": 1,
        "maxItems": 20,
    }
    assert (search["box"]["examples"], search["facets"]["examples"]) == (["0.1,0.2,0.9,0.95"], ["price,link"])


def test_a_field_of_an_address_is_required_where_it_has_no_default(document):
    fields = document["paths"]["/v1/explain"]["get"]["parameters"]
    assert {field["name"] for field in fields if field["required"]} == {"item_id"} and len(fields) > 5


@pytest.mark.parametrize(("prefix", "address"), [("", "/"), ("/shop", "/shop")])
def test_the_contract_names_the_prefix_that_the_service_is_under(config, searcher, prefix, address):
    app = create_app(replace(config, prefix=prefix), searcher)
    assert contract(app, replace(config, prefix=prefix))["servers"] == [{"url": address}]


def test_a_body_is_required_where_there_is_one(document):
    bodies = [call["requestBody"] for *_, call in calls(document) if "requestBody" in call]
    assert bodies and all(body["required"] is True and body["content"] for body in bodies)


# --- what the service does, against what the contract says ----------------------------------------------


def buffered(app):
    """Close what the application answers, which the transport of schemathesis leaves open."""

    def call(environ, start_response):
        with closing(app(environ, start_response)) as answer:
            return [b"".join(answer)]

    return call


def with_known_names(case):
    """Name what there is in half of the calls: generated names are of nothing."""
    known = {"item_id": "hat/0" if case.method == "DELETE" else "dress/1", "version": "2026-11-20T02-00-00Z"}
    for fields in (case.path_parameters, case.query, case.body):
        for name in known.keys() & (fields.keys() if isinstance(fields, Mapping) else set()):
            if isinstance(fields[name], str) and len(fields[name]) % 2:
                fields[name] = known[name]
    return case


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_service_answers_as_the_contract_says(live, mode):
    tried = set()
    for result in schemathesis.openapi.from_wsgi("/openapi.json", buffered(live.app)).get_all_operations():
        operation = result.ok()
        if mode == GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue

        @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def call(case):
            checks = [check for check in CHECKS if check not in LEFT_OUT.get(case.path, ())]
            answer = with_known_names(case).call_and_validate(headers=live.headers, checks=checks)
            tried.add((case.method, case.path, answer.status_code))

        call()
    assert {status for *_, status in tried} >= EXPECTED[mode]
