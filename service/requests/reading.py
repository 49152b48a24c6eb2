"""How a request is read: photographs, uploaded or referred to, and the fields beside them."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self, cast

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from service.config import Config
from service.errors import RefusedRequest
from service.requests.forms import MULTIPART, refuse_encoded
from service.requests.parameters import (
    ItemBody,
    ItemFields,
    M,
    Search,
    SearchBody,
    bounded,
    check,
    from_text,
    given_twice,
    refuse_unknown,
)
from training.catalogue.item_rules import MOST_PHOTOGRAPHS
from training.catalogue.json_text import RepeatedKey, parse_json

SOURCES = ("image_base64", "item_id", "query_id", "image_url")

_HOW_TO_SEND = (
    "Send multipart/form-data with one photo in `file`, or JSON with exactly one of "
    f"{', '.join(SOURCES[:-1])}."
)


@dataclass(frozen=True)
class Source:
    """Where the photograph comes from: its own bytes, an item, an earlier search, or a URL.

    `param` names the field that it came in.
    """

    upload: bytes | None = None
    item_id: str | None = None
    query_id: str | None = None
    image_url: str | None = None
    param: str = "file"


def _files(request: Request, *, most: int = 1) -> list[bytes]:
    """Return the files of a form, at least one and at most so many."""
    others = sorted(set(request.files) - {"file"})
    accepted = "one photo" if most == 1 else f"up to {most} photos"
    if others:
        detail = f"The file came in the field `{others[0][:60]}`. Send {accepted}, in the field `file`."
        raise RefusedRequest("invalid_parameter", detail, param=others[0][:60])
    files = [file for file in request.files.getlist("file") if file.filename]
    if not files:
        raise RefusedRequest("no_image", f"The form holds no file. {_HOW_TO_SEND}", param="file")
    if len(files) > most:
        detail = f"The form holds {len(files)} files. Send {accepted}."
        raise RefusedRequest("several_images", detail, param="file")
    return [cast(io.BytesIO, file.stream).getvalue() for file in files]  # without a copy, see FormRequest


def from_base64(text: str) -> bytes:
    """Return the bytes of `image_base64`; raises `RefusedRequest`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        detail = (
            "`image_base64` is not valid base64. Accepted: the file's bytes in base64 with padding, "
            "without line breaks and without a data: prefix."
        )
        raise RefusedRequest("invalid_parameter", detail, param="image_base64") from error


def read_body(request: Request) -> bytes:
    """Return a body, whole and as it was sent; raises `RefusedRequest` or `RequestEntityTooLarge`."""
    refuse_encoded(request)
    data = request.get_data()
    if len(data) >= (
        request.max_content_length or len(data) + 1
    ):  # a chunked body is truncated there silently
        raise RequestEntityTooLarge
    return data


def parsed_object(data: bytes, what: str) -> dict[str, Any]:
    """Return the object that a body, or a line of one, holds; raises `RefusedRequest`."""
    try:
        found = parse_json(data)
    except RepeatedKey as error:
        raise given_twice(error.key) from error
    except (ValueError, RecursionError) as error:
        raise RefusedRequest("invalid_parameter", f"{what} is not valid JSON. Send one object.") from error
    if not isinstance(found, dict):
        raise RefusedRequest("invalid_parameter", f"{what} is JSON, but not an object. Send one object.")
    return found


def _json_body(request: Request) -> dict[str, Any]:
    data = read_body(request)
    if not data:
        raise RefusedRequest("invalid_parameter", "The body is empty. Send one object in JSON.")
    return parsed_object(data, "The body")


def _once(texts: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the values of fields that were sent as text; a field given twice is refused."""
    for name, given in texts.items():
        if len(given) > 1:
            raise given_twice(name)
    return {name: from_text(name, given[0]) for name, given in texts.items()}


def _with_address(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """Merge the fields of the body and of the query string."""
    beside = _once(request.args.to_dict(flat=False))
    refuse_unknown(beside, accepted=Search.model_fields)
    for name in beside:
        if name in body:
            raise given_twice(name)
    return {**beside, **body}


def _no_body(request: Request) -> NoReturn:
    if request.mimetype:
        raise RefusedRequest("unsupported_type", f"The body is {request.mimetype[:60]}. {_HOW_TO_SEND}")
    if request.get_data():
        raise RefusedRequest("unsupported_type", f"The body has no Content-Type. {_HOW_TO_SEND}")
    raise RefusedRequest("no_image", f"The request has no body. {_HOW_TO_SEND}")


def read_address(request: Request, model: type[M]) -> M:
    """Return the fields of the query string; raises `RefusedRequest` or `InvalidFilter`."""
    return check(model, _once(request.args.to_dict(flat=False)))


def read_json(request: Request, model: type[M]) -> M:
    """Return the fields of a body in JSON; raises `RefusedRequest`."""
    refuse_unknown(request.args, accepted=())
    if not request.is_json:
        received = (
            f"The body is {request.mimetype[:60]}." if request.mimetype else "There is no Content-Type."
        )
        raise RefusedRequest("unsupported_type", f"{received} Send one object in application/json.")
    return check(model, _json_body(request))


def _source(body: SearchBody) -> Source:
    given = [name for name in SOURCES if getattr(body, name) is not None]
    if not given:
        raise RefusedRequest("no_image", f"The body names no image. {_HOW_TO_SEND}")
    if len(given) > 1:
        detail = f"The body names {' and '.join(given)}. Send exactly one of {', '.join(SOURCES)}."
        raise RefusedRequest("several_images", detail, param=given[1])
    if body.image_base64 is not None:
        return Source(upload=from_base64(body.image_base64), param="image_base64")
    return Source(None, body.item_id, body.query_id, body.image_url, param=given[0])


@dataclass(frozen=True)
class SearchRequest:
    """A search request, fully validated."""

    source: Source
    fields: Search

    @classmethod
    def of_body(cls, fields: Any, config: Config) -> Self:
        """Take a search from the fields of a JSON object.

        Raises
        ------
        RefusedRequest, InvalidFilter
            Saying which field was refused and what is accepted; no field is ignored.
        """
        if not isinstance(fields, dict):
            raise RefusedRequest("invalid_parameter", "Each search must be a JSON object.")
        body = check(bounded(SearchBody, config), fields)
        return cls(_source(body), body)

    @classmethod
    def parse(cls, request: Request, config: Config) -> Self:
        """Read a search from multipart or JSON; fields beside the photo may also be in the query string.

        Raises
        ------
        RefusedRequest, InvalidFilter
            As for `of_body`.
        """
        if request.mimetype == MULTIPART:
            form = _once(request.form.to_dict(flat=False))
            fields = check(bounded(Search, config), _with_address(form, request))
            (photo,) = _files(request)
            return cls(Source(upload=photo), fields)
        if request.is_json:
            return cls.of_body(_with_address(_json_body(request), request), config)
        _no_body(request)


@dataclass(frozen=True)
class ItemRequest:
    """An item to be stored: its photographs, or their addresses, and the field that they came in."""

    photos: tuple[bytes, ...]
    metadata: dict[str, Any]
    param: str
    image_urls: tuple[str, ...] = ()

    @classmethod
    def of_body(cls, body: ItemBody) -> Self:
        """Take an item from its fields in JSON; raises `RefusedRequest`."""
        if body.image_base64 is not None and body.image_urls is not None:
            detail = "The body has image_base64 and image_urls. Send exactly one of them."
            raise RefusedRequest("several_images", detail, param="image_urls")
        if body.image_urls is not None:
            return cls((), body.metadata, "image_urls", tuple(body.image_urls))
        if body.image_base64 is None:
            detail = "The body names no image. Send exactly one of image_base64, image_urls."
            raise RefusedRequest("no_image", detail, param="image_base64")
        texts = [body.image_base64] if isinstance(body.image_base64, str) else body.image_base64
        return cls(tuple(map(from_base64, texts)), body.metadata, "image_base64")

    @classmethod
    def parse(cls, request: Request) -> Self:
        """Read an item from multipart or JSON.

        Raises
        ------
        RefusedRequest
            Saying which field was refused and what is accepted; no field is ignored.
        """
        refuse_unknown(request.args, accepted=())
        if request.mimetype == MULTIPART:
            form = check(ItemFields, _once(request.form.to_dict(flat=False)))
            return cls(tuple(_files(request, most=MOST_PHOTOGRAPHS)), form.metadata, "file")
        if request.is_json:
            return cls.of_body(check(ItemBody, _json_body(request)))
        _no_body(request)
