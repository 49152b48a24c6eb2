"""What is made for the clients from the contract, and that it stands there as it would be made today."""

import pytest

from clients.contract_types import IN_PYTHON, IN_TYPESCRIPT, expression
from clients.generate import made, python_types, waiting_client
from tests.import_graph import ROOT

CONTRACT = {
    "paths": {
        "/v1/shoes": {
            "get": {
                "operationId": "shoes_list",
                "parameters": [
                    {"name": "size", "in": "query", "required": True, "schema": {"type": "integer"}},
                    {
                        "name": "where",
                        "in": "query",
                        "required": False,
                        "schema": {"type": "string", "contentMediaType": "application/json"},
                    },
                ],
                "responses": {"200": {"schema": {"$ref": "#/components/schemas/Shoes"}}},
            },
            "post": {
                "operationId": "shoes_find",
                "parameters": [],
                "requestBody": {"schema": {"$ref": "#/components/schemas/Wanted"}},
                "responses": {},
            },
        }
    },
    "components": {
        "schemas": {
            "Shoes": {
                "description": "A pair.",
                "properties": {"left": {"$ref": "#/components/schemas/Shoe"}, "heel": {"type": "number"}},
                "required": ["left"],
            },
            "Shoe": {"properties": {"laces": {"type": "boolean"}}},
            "Wanted": {
                "properties": {"where": {"type": "object"}, "box": {"prefixItems": [{}], "type": "array"}}
            },
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "python", "typescript"),
    [
        ({}, "Any", "unknown"),
        ({"$ref": "#/components/schemas/Shoe"}, "Shoe", "Shoe"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | None", "number | null"),
        ({"enum": ["a", "b"], "type": "string"}, 'Literal["a", "b"]', '"a" | "b"'),
        ({"const": 320}, "Literal[320]", "320"),
        ({"type": "array", "items": {"enum": ["x"]}}, 'list[Literal["x"]]', 'Array<"x">'),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}]},
            "tuple[float, str]",
            "[number, string]",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "number"}},
            "dict[str, float]",
            "Record<string, number>",
        ),
        ({"type": "object", "additionalProperties": True}, "dict[str, Any]", "Record<string, unknown>"),
    ],
)
def test_a_schema_is_written_as_the_type_of_either_language(schema, python, typescript):
    assert expression(schema, IN_PYTHON) == python
    assert expression(schema, IN_TYPESCRIPT) == typescript


def test_answers_are_dataclasses_and_requests_typed_dicts():
    module = {}
    exec(python_types(CONTRACT), module)
    shoe = module["Shoe"]()
    assert shoe.laces is None and module["Shoes"](left=shoe).heel is None
    assert module["Shoes"].__doc__ == "A pair."
    asked = module["ShoesListQuery"]
    assert asked.__annotations__["where"].__forward_arg__ == "dict[str, Any]"  # as the field of the body
    assert asked.__annotations__["size"].__forward_arg__ == "Required[int]"
    assert module["Wanted"].__annotations__["box"].__forward_arg__ == "Sequence[float]"


def test_the_client_that_waits_has_nothing_left_of_the_other():
    text = waiting_client((ROOT / "clients/python/src/silhouette_client/async_client.py").read_text())
    head, _, body = text.partition("\n")
    assert "do not edit" in head
    assert not [word for word in ("async", "await", "Async", "aclose", "aenter") if word in body]


def test_what_is_made_stands_as_it_would_be_made_today(client):
    stale = [
        path for path, text in made(client.get("/openapi.json").json).items() if path.read_text() != text
    ]
    assert not stale, f"{stale} are stale. Make them with `make clients`."
