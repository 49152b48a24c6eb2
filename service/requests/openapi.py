"""The contract with integrators: OpenAPI 3.1 from the routes and the models of requests and responses."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from service.config import Config
from service.errors import TITLES
from service.requests.operation import Operation
from service.requests.parameters import Fields, bounded
from service.responses import Problem
from training.photo import media_types

VERSION = "1"
"""Of the contract, as in /v1."""


_ABOUT = (
    "Search a catalogue of garments by shape. Failures have their true status and one shape, "
    "application/problem+json, with a `code` for programs and a `detail` that says what to do."
)
_KEY = {"type": "http", "scheme": "bearer", "description": "A key made by `python -m service keys add NAME`."}
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = _REFERENCE.format(model="Problem")
_ORDER = ("/v1/search", "/v1/queries", "/v1/explain", "/v1/items", "/v1/index", "/v1/status", "/")
_PLACEHOLDER = re.compile(r"<(?:\w+:)?(\w+)>")


def _place(rule: Rule) -> tuple[int, str]:
    return next(place for place, start in enumerate(_ORDER) if rule.rule.startswith(start)), rule.rule


def operations(app: Flask) -> Iterator[tuple[Rule, Callable[..., Any], Operation]]:
    """Yield every route with its view and its operation, searches first."""
    for rule in sorted(app.url_map.iter_rules(), key=_place):
        view = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            yield rule, view, view.operation


def _bounded(operation: Operation, config: Config) -> Operation:
    limits: dict[str, Any] = {
        name: bounded(model, config)
        for name in ("query", "body", "form")
        if (model := getattr(operation, name)) is not None
    }
    return replace(operation, **limits)


def _schema_of(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field in a query string or form, where objects are JSON text."""
    about = {name: schema[name] for name in ("description",) if name in schema}
    (kind,) = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    items = kind.get("items", {})
    if "$ref" in kind or "$ref" in items or kind["type"] == "object":
        return {"type": "string", "contentMediaType": "application/json", **about}
    if kind["type"] == "array":
        example = "price,link" if items else "0.1,0.2,0.9,0.95"
        return {"type": "string", "examples": [example], **about}
    return {**kind, **about} if "anyOf" in schema else schema


def _in_address(model: type[Fields], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema = schemas[model.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": _as_text(field),
        }
        for name, field in schema["properties"].items()
    ]


def _form(model: type[Fields], schemas: dict[str, Any], *, files: int) -> dict[str, Any]:
    fields = {name: _as_text(field) for name, field in schemas[model.__name__]["properties"].items()}
    file: dict[str, Any] = {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": f"{media_types.sentence()}.",
    }
    if files > 1:
        file = {"type": "array", "items": file, "minItems": 1, "maxItems": files}
    return {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]} | {
        "additionalProperties": False
    }


def _failures(codes: tuple[str, ...]) -> dict[str, Any]:
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[TITLES[code][0]].append(code)
    return {str(status): _failure(status, by_status[status]) for status in sorted(by_status)}


def _failure(status: int, codes: list[str]) -> dict[str, Any]:
    meanings = "; ".join(f"`{code}`: {TITLES[code][1]}" for code in codes)
    failure: dict[str, Any] = {
        "description": meanings,
        "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}},
    }
    if status in (429, 503):
        wait = {"description": "Seconds to wait.", "required": True, "schema": {"type": "string"}}
        failure["headers"] = {"Retry-After": wait}
    return failure


def _success(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "Done; there is no body."}
    if isinstance(operation.answer, str):
        return {"description": "What was asked for.", "content": {operation.answer: {}}}
    about = (operation.answer.__doc__ or "").strip()
    content: dict[str, Any] = {operation.media_type: {"schema": _schema_of(operation.answer)}}
    if operation.picture is not None:
        content[operation.picture] = {}
    return {"description": about, "content": content}


def _operation(
    rule: Rule, view: Callable[..., Any], operation: Operation, schemas: dict[str, Any]
) -> dict[str, Any]:
    codes = operation.failures
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PLACEHOLDER.findall(rule.rule)
    ]
    if operation.query is not None:
        parameters += _in_address(operation.query, schemas)
    content: dict[str, Any] = {}
    if operation.form is not None:
        content["multipart/form-data"] = {"schema": _form(operation.form, schemas, files=operation.files)}
    if operation.body is not None:
        content[operation.media_type] = {"schema": _schema_of(operation.body)}
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": (view.__doc__ or "").strip().partition("\n")[0],
        "parameters": parameters,
        "responses": {str(status): _success(operation) for status in operation.statuses} | _failures(codes),
    }
    if content:
        described["requestBody"] = {"required": True, "content": content}
    if operation.key:
        described["security"] = [{"key": []}]
    return described


def contract(app: Flask, config: Config) -> dict[str, Any]:
    """Return the OpenAPI document of the application, with the bounds that its settings give."""
    all_of_them = [(rule, view, _bounded(operation, config)) for rule, view, operation in operations(app)]
    taken = [(model, "validation") for *_, operation in all_of_them for model in operation.takes]
    answered = [
        (operation.answer, "serialization")
        for *_, operation in all_of_them
        if operation.answer is not None and not isinstance(operation.answer, str)
    ]
    models: Any = [*dict.fromkeys(taken), *dict.fromkeys(answered), (Problem, "serialization")]
    _, definitions = models_json_schema(models, ref_template=_REFERENCE)
    schemas = definitions["$defs"]
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for rule, view, operation in all_of_them:
        path = _PLACEHOLDER.sub(r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths[path][method.lower()] = _operation(rule, view, operation, schemas)
    bodies = {operation.body for *_, operation in all_of_them}
    for model in {model for model, _ in taken} - bodies:
        del schemas[model.__name__]  # its fields are listed with query strings and forms
    return {
        "openapi": "3.1.0",
        "info": {"title": "Silhouette", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": config.prefix or "/"}],
        "paths": dict(paths),
        "components": {"schemas": schemas, "securitySchemes": {"key": _KEY}},
    }
