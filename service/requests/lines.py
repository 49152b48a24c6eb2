"""Bodies of lines of JSON (NDJSON), a change on each."""

from flask import Request

from service.errors import RefusedRequest
from service.requests.operation import LINES
from service.requests.parameters import (
    BulkLine,
    DeleteLine,
    PatchLine,
    PutLine,
    check,
    refuse_unknown,
)
from service.requests.reading import parsed_object, read_body

MOST_LINES = 1000
_LINES_TOO = ("application/ndjson", "application/jsonl", "application/jsonlines")
_LINE_MODELS: dict[str, type[PutLine] | type[PatchLine] | type[DeleteLine]] = {
    "put": PutLine,
    "patch": PatchLine,
    "delete": DeleteLine,
}


def read_lines(request: Request) -> list[bytes]:
    """Return the lines of a body of lines of JSON, empty ones left out; raises `RefusedRequest`."""
    refuse_unknown(request.args, accepted=())
    if request.mimetype not in (LINES, *_LINES_TOO):
        received = (
            f"The body is {request.mimetype[:60]}." if request.mimetype else "There is no Content-Type."
        )
        raise RefusedRequest("unsupported_type", f"{received} Send lines of JSON, as {LINES}.")
    lines = [line for line in read_body(request).split(b"\n") if line.strip()]
    if not lines:
        raise RefusedRequest("invalid_parameter", "The body is empty. Send a change in JSON on each line.")
    if len(lines) > MOST_LINES:
        detail = f"The body has {len(lines):,} lines. Accepted: up to {MOST_LINES:,}. Send several requests."
        raise RefusedRequest("invalid_parameter", detail)
    return lines


def read_line(line: bytes) -> PutLine | PatchLine | DeleteLine:
    """Return the change that a line of JSON holds; raises `RefusedRequest`."""
    fields = parsed_object(line, "The line")
    refuse_unknown(fields, accepted=BulkLine.model_fields)
    if len(fields) != 1:
        named = ", ".join(BulkLine.model_fields)
        raise RefusedRequest(
            "invalid_parameter", f"The line holds {len(fields)} of {named}. Send exactly one."
        )
    ((name, content),) = fields.items()
    if not isinstance(content, dict):
        raise RefusedRequest("invalid_parameter", f"`{name}` is not an object. Accepted: one.", param=name)
    return check(_LINE_MODELS[name], content)
