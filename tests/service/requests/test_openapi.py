import re
from collections.abc import Mapping
from contextlib import closing
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
from service.requests.openapi import operations
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
LEFT_OUT = {"/v1/search/batch": [negative_data_rejection]}  # what is wrong in one search is said in its place
EXPECTED = {GenerationMode.POSITIVE: {200, 404}, GenerationMode.NEGATIVE: {400, 415}}
PAGES = {"/", "/docs", "/static/<path:filename>"}


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


def test_what_needs_a_key_says_so(document):
    keyed = {(method, path) for method, path, call in calls(document) if "security" in call}
    assert keyed == {
        ("put", "/v1/items/{item_id}"),
        ("delete", "/v1/items/{item_id}"),
        ("post", "/v1/index/activate"),
    }


def test_every_code_of_a_failure_is_named_by_a_call_that_may_answer_it(document):
    named = {
        code
        for _, _, call in calls(document)
        for answer in call["responses"].values()
        for code in re.findall(r"`(\w+)`:", answer["description"])
    }
    assert set(TITLES) - named == {"internal_error", "method_not_allowed", "not_found"}


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
