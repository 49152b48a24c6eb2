"""The types that the contract describes, of requests and answers, and how a language writes them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Language:
    """How types are written.

    Parameters
    ----------
    plain : dict of str
        The types of JSON, and "any".
    listed, fixed, mapped, literal : str
        What is written around the types of a list's items, of those of a list of fixed length, of the values
        of an object, and around the values of an enumeration.
    between : str
        What stands between the values of an enumeration.
    """

    plain: dict[str, str]
    listed: str
    fixed: str
    mapped: str
    literal: str
    between: str


IN_PYTHON = Language(
    plain=dict(string="str", integer="int", number="float", boolean="bool", null="None", any="Any"),
    listed="list[{}]",
    fixed="tuple[{}]",
    mapped="dict[str, {}]",
    literal="Literal[{}]",
    between=", ",
)
SENT_BY_PYTHON = replace(IN_PYTHON, fixed="Sequence[float]")
"""As `IN_PYTHON`, for requests: a box may be a list, too."""
IN_TYPESCRIPT = Language(
    plain=dict(
        string="string", integer="number", number="number", boolean="boolean", null="null", any="unknown"
    ),
    listed="Array<{}>",
    fixed="[{}]",
    mapped="Record<string, {}>",
    literal="{}",
    between=" | ",
)


def expression(schema: Schema, language: Language) -> str:
    """Return the type that a schema describes."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(expression(part, language) for part in schema["anyOf"]))
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return language.literal.format(language.between.join(map(json.dumps, values)))
    kind = schema.get("type", "any")
    if kind == "array" and "prefixItems" in schema:
        return language.fixed.format(", ".join(expression(part, language) for part in schema["prefixItems"]))
    if kind == "array":
        return language.listed.format(expression(schema.get("items", {}), language))
    if kind == "object":
        values_of = schema.get("additionalProperties")
        return language.mapped.format(expression(values_of if isinstance(values_of, dict) else {}, language))
    return language.plain[kind]


def _named(part: Any) -> Iterator[str]:
    """Yield the schemas that a part of the contract refers to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield str(part["$ref"]).rpartition("/")[2]
        for inner in part.values():
            yield from _named(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _named(inner)


def _reached(part: Any, schemas: dict[str, Schema]) -> list[str]:
    """Return the names of all schemas that a part of the contract needs."""
    seen: list[str] = []
    ahead = list(_named(part))
    while ahead:
        name = ahead.pop(0)
        if name not in seen:
            seen.append(name)
            ahead += _named(schemas[name])
    return seen


def _operations(contract: Schema) -> list[Schema]:
    return [operation for methods in contract["paths"].values() for operation in methods.values()]


def _query(operation: Schema, bodies: list[Schema]) -> Schema | None:
    """Return the schema of the fields in an operation's address; None where there is none.

    Objects and lists are text there: their types are those of the same field in a body.
    """
    fields = {part["name"]: part for part in operation["parameters"] if part["in"] == "query"}
    if not fields or "requestBody" in operation:
        return None
    typed = {name: field for body in reversed(bodies) for name, field in body.get("properties", {}).items()}
    as_text = {
        name for name, part in fields.items() if {"contentMediaType", "examples"} & part["schema"].keys()
    }
    return {
        "description": f"The fields in the address of `{operation['operationId']}`.",
        "properties": {
            name: typed.get(name, part["schema"]) if name in as_text else part["schema"]
            for name, part in fields.items()
        },
        "required": [name for name, part in fields.items() if part["required"]],
    }


def request_types(contract: Schema) -> dict[str, Schema]:
    """Return the schemas of what requests take, in bodies and in addresses, by the names of their types."""
    schemas = contract["components"]["schemas"]
    names = _reached([operation.get("requestBody") for operation in _operations(contract)], schemas)
    bodies = [schemas[name] for name in names]
    queries = {
        "".join(part.capitalize() for part in operation["operationId"].split("_")) + "Query": fields
        for operation in _operations(contract)
        if (fields := _query(operation, bodies)) is not None
    }
    return {name: schemas[name] for name in names} | queries


def answer_types(contract: Schema) -> dict[str, Schema]:
    """Return the schemas of what answers hold, by the names of their types."""
    schemas = contract["components"]["schemas"]
    names = _reached([operation["responses"] for operation in _operations(contract)], schemas)
    return {name: schemas[name] for name in names}
