"""What both clients take from elsewhere: `python -m clients.generate` writes it anew (`make clients`).

The types of requests and answers, in Python and TypeScript, are made from the contract, `/openapi.json`. The
client that waits (`client.py`) is made from the one that does not (`async_client.py`).
"""

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from clients.contract_types import (
    IN_PYTHON,
    IN_TYPESCRIPT,
    SENT_BY_PYTHON,
    Schema,
    answer_types,
    expression,
    request_types,
)
from service.config import Config
from service.run.app import create_app

HERE = Path(__file__).parent
PYTHON = HERE / "python" / "src" / "silhouette_client"
JAVASCRIPT = HERE / "js"
WIDTH = 100


def _about(schema: Schema, indent: str = "") -> list[str]:
    text = " ".join(str(schema.get("description", "")).split())
    return textwrap.wrap(text, WIDTH - len(indent))


def _docstring(lines: list[str], indent: str) -> list[str]:
    if not lines:
        return []
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [f'{indent}"""', *(indent + line for line in lines), f'{indent}"""']


def _python_field(name: str, schema: Schema, *, required: bool, request: bool) -> list[str]:
    kind = expression(schema, SENT_BY_PYTHON if request else IN_PYTHON)
    if request and required:
        kind = f"Required[{kind}]"
    elif not request and not required:
        kind = f"{kind.removesuffix(' | None')} | None = None"
    return [f"    {name}: {kind}", *_docstring(_about(schema, "    "), "    ")]


def _python_type(name: str, schema: Schema, *, request: bool) -> list[str]:
    if "properties" not in schema:
        return ["", "", f"{name} = {expression(schema, IN_PYTHON)}"]
    head = f"class {name}(TypedDict, total=False):"
    lines = ["", "", head] if request else ["", "", "@dataclass(frozen=True, kw_only=True)", f"class {name}:"]
    lines += _docstring(_about(schema, "    "), "    ") + [""]
    for field, part in schema["properties"].items():
        required = field in schema.get("required", [])
        lines += _python_field(field, part, required=required, request=request)
    return lines


def _formatted(text: str, path: Path) -> str:
    """Return Python source as the checkout's formatter writes it."""
    for step in (["check", "--select=I,UP028", "--fix", "--unsafe-fixes"], ["format"]):
        command = [sys.executable, "-m", "ruff", *step, "--quiet", "--stdin-filename", str(path), "-"]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=HERE.parent
        )
        text = done.stdout
    return text


def python_types(contract: Schema) -> str:
    """Return the module with the types of the contract: answers are dataclasses, requests typed dicts."""
    lines = [
        '"""Requests and answers of the API, made from the contract of the service: do not edit."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Sequence",
        "from dataclasses import dataclass",
        "from typing import Any, Literal, Required, TypedDict",
    ]
    for types, request in ((answer_types(contract), False), (request_types(contract), True)):
        for name in sorted(
            types, key=lambda name: "properties" not in types[name]
        ):  # names of unions are last
            lines += _python_type(name, types[name], request=request)
    return _formatted("\n".join(lines) + "\n", PYTHON / "contract.py")


def _comment(schema: Schema, indent: str) -> list[str]:
    lines = _about(schema, indent)
    if len(lines) < 2:
        return [f"{indent}/** {line} */" for line in lines]
    return [f"{indent}/**", *(f"{indent} * {line}" for line in lines), f"{indent} */"]


def _typescript_type(name: str, schema: Schema) -> list[str]:
    if "properties" not in schema:
        return ["", *_comment(schema, ""), f"export type {name} = {expression(schema, IN_TYPESCRIPT)};"]
    lines = ["", *_comment(schema, ""), f"export interface {name} {{"]
    for field, part in schema["properties"].items():
        mark = "" if field in schema.get("required", []) else "?"
        lines += [*_comment(part, "  "), f"  {field}{mark}: {expression(part, IN_TYPESCRIPT)};"]
    return [*lines, "}"]


def typescript_types(contract: Schema) -> str:
    """Return the declarations of the contract's types."""
    lines = ["// Requests and answers of the API, made from the contract of the service: do not edit."]
    for name, schema in (answer_types(contract) | request_types(contract)).items():
        lines += _typescript_type(name, schema)
    return "\n".join(lines) + "\n"


_WAITING = (
    (
        r'^"""(.*?)"""',
        '"""The client that waits for each answer, made from `async_client.py`: do not edit."""',
    ),
    ("an `async with`", "a `with`"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\bAsync(Client|Iterator|BaseTransport)\b", r"\1"),
    (r"\baclose\b", "close"),
    (r"\basyncio\b", "time"),
    (r"\bAwaitable\[None\]", "None"),
    (r"Awaitable, ", ""),
)
"""What tells the two clients apart: a pattern, and what stands in its place in the one that waits."""


def waiting_client(text: str) -> str:
    """Return the source of the client that waits, from that of the one that does not."""
    for pattern, other in _WAITING:
        text = re.sub(pattern, other, text, flags=re.DOTALL)
    return _formatted(text, PYTHON / "client.py")


def made(contract: Schema) -> dict[Path, str]:
    """Return all that is made, by the path where it stands."""
    return {
        PYTHON / "contract.py": python_types(contract),
        PYTHON / "client.py": waiting_client((PYTHON / "async_client.py").read_text()),
        JAVASCRIPT / "contract.d.ts": typescript_types(contract),
    }


def main() -> None:
    """Write all that is made."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Config(indexes=Path(folder) / "indexes", query_folder=Path(folder) / "queries")
        contract = create_app(settings).test_client().get("/openapi.json").get_json()
    for path, text in made(contract).items():
        path.write_text(text)
        print(path.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
