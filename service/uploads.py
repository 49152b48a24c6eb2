"""How a request becomes a search: one photograph, sent or referred to, and the fields beside it."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Self

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from service.config import Config
from service.errors import RefusedRequest
from service.parameters import Box, Fields, Paging, parse_box, refuse_unknown
from training.catalogue import is_unicode

OPTIONS = frozenset({"box", "kind", "limit", "min_score", "offset"})
SOURCES = ("image_base64", "item_id", "query_id")

_MULTIPART = "multipart/form-data"
_HOW_TO_SEND = (
    "Send multipart/form-data with one photo in `file`, "
    "or JSON with exactly one of image_base64, item_id, query_id."
)


@dataclass(frozen=True)
class Source:
    """Where the photograph comes from: its own bytes, an item of the catalogue, or an earlier search.

    `param` names the field that it came in.
    """

    upload: bytes | None = None
    item_id: str | None = None
    query_id: str | None = None
    param: str = "file"


def _one_file(request: Request) -> Source:
    others = sorted(set(request.files) - {"file"})
    if others:
        detail = f"The file came in the field `{others[0][:60]}`. Send one photo, in the field `file`."
        raise RefusedRequest("invalid_parameter", detail, param=others[0][:60])
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        raise RefusedRequest("no_image", f"The form holds no file. {_HOW_TO_SEND}", param="file")
    if len(files) > 1:
        detail = f"The form holds {len(files)} files. Send one photo a search."
        raise RefusedRequest("several_images", detail, param="file")
    return Source(upload=files[0].read())


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        detail = (
            "`image_base64` is not valid base64. Accepted: the file's bytes in base64 with padding, "
            "without line breaks and without a data: prefix."
        )
        raise RefusedRequest("invalid_parameter", detail, param="image_base64") from error


def _json_body(request: Request) -> dict[str, Any]:
    data = request.get_data()
    if len(data) >= (request.max_content_length or len(data) + 1):  # a chunked body is cut there in silence
        raise RequestEntityTooLarge
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedRequest("invalid_parameter", "The body is not valid JSON. Send one object.") from error
    if not isinstance(body, dict):
        raise RefusedRequest("invalid_parameter", "The body is JSON, but not an object. Send one object.")
    return body


def _one_text(body: Fields) -> tuple[str, str]:
    given = [name for name in SOURCES if body.get(name) is not None]
    if not given:
        raise RefusedRequest("no_image", f"The body names no image. {_HOW_TO_SEND}")
    if len(given) > 1:
        detail = f"The body names {' and '.join(given)}. Send exactly one of {', '.join(SOURCES)}."
        raise RefusedRequest("several_images", detail, param=given[1])
    name, text = given[0], body[given[0]]
    if not isinstance(text, str) or not text or not is_unicode(text):
        raise RefusedRequest("invalid_parameter", f"`{name}` must be a text that is not empty.", param=name)
    return name, text


def _text_source(body: Fields) -> Source:
    name, text = _one_text(body)
    if name == "image_base64":
        return Source(upload=_from_base64(text), param=name)
    return Source(item_id=text, param=name) if name == "item_id" else Source(query_id=text, param=name)


def _merge(body: Fields, request: Request) -> Fields:
    for name in request.args:
        if name in body or len(request.args.getlist(name)) > 1:
            raise RefusedRequest("invalid_parameter", f"`{name[:60]}` is given twice.", param=name[:60])
    return {**request.args.to_dict(), **body}


def _form(request: Request) -> Fields:
    for name, values in request.form.lists():
        if len(values) > 1:
            raise RefusedRequest("invalid_parameter", f"`{name[:60]}` is given twice.", param=name[:60])
    return request.form.to_dict()


def _check_fields(fields: Fields, *, accepted: frozenset[str]) -> None:
    if "image_url" in fields:
        detail = "This service fetches no images. Download the picture and send its bytes."
        raise RefusedRequest("url_not_allowed", detail, param="image_url")
    refuse_unknown(fields, accepted=accepted)
    if fields.get("kind", "photo") != "photo":
        detail = f'`kind` is {json.dumps(fields["kind"])[:60]}. Accepted: "photo".'
        raise RefusedRequest("invalid_parameter", detail, param="kind")


def _read(request: Request) -> tuple[Source, Fields]:
    if request.mimetype == _MULTIPART:
        fields = _merge(_form(request), request)
        _check_fields(fields, accepted=OPTIONS)
        return _one_file(request), fields
    if request.is_json:
        fields = _merge(_json_body(request), request)
        _check_fields(fields, accepted=OPTIONS.union(SOURCES))
        return _text_source(fields), fields
    if request.mimetype:
        detail = f"The body is {request.mimetype[:60]}. {_HOW_TO_SEND}"
        raise RefusedRequest("unsupported_type", detail)
    raise RefusedRequest("no_image", f"The request has no body. {_HOW_TO_SEND}")


@dataclass(frozen=True)
class SearchRequest:
    """A search as it was asked for, all of it checked."""

    source: Source
    box: Box | None
    paging: Paging

    @classmethod
    def parse(cls, request: Request, config: Config) -> Self:
        """Read a search from multipart or JSON; fields beside the photo may also stand in the address.

        Raises
        ------
        RefusedRequest
            Saying which field was refused and what is accepted; no field is ignored.
        """
        source, fields = _read(request)
        return cls(source, parse_box(fields), Paging.parse(fields, config))
