"""From arguments to requests, and from responses to answers; nothing here waits or sends."""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote

import httpx

from silhouette_client.contract import BulkLine, PutLine, SearchBody
from silhouette_client.errors import ApiError

BULK_LINES = 1000
"""Most lines in one request: what the service accepts."""
BULK_BYTES = 8 * 2**20
"""Size from which lines go into the next request; photographs in base64 make them large."""
LINES = {"Content-Type": "application/x-ndjson"}
BUSY = (429, 503)
"""The statuses after which a request is sent again: nothing was done, or what is done twice is done once."""

Photo = Path | str | bytes | BinaryIO
"""A photograph: the path of its file, its bytes, or a file that is open for reading."""


def content_of(photo: Photo) -> bytes:
    """Return the bytes of a photograph."""
    if isinstance(photo, bytes):
        return photo
    return Path(photo).read_bytes() if isinstance(photo, Path | str) else photo.read()


def photos_of(photos: Photo | Sequence[Photo]) -> list[bytes]:
    """Return the bytes of one photograph or several."""
    several = photos if isinstance(photos, Sequence) and not isinstance(photos, bytes | str) else [photos]
    return [content_of(photo) for photo in several]


def item_path(item_id: str, tail: str = "") -> str:
    """Return the address of an item; slashes stay, unless `..` would lead to another call."""
    dots = {".", ".."} & set(item_id.split("/"))
    return f"/v1/items/{quote(item_id, safe='' if dots else '/')}{tail}"


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the options that are None."""
    return {name: value for name, value in options.items() if value is not None}


def as_text(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options for a form or an address: text as it is, everything else as JSON."""
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in given(options).items()
    }


def search_request(photo: Photo | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a search: a form with the photograph, or JSON where the options name one."""
    if photo is None:
        return {"json": given(options)}
    return {"files": {"file": ("photo", content_of(photo))}, "data": as_text(options)}


def put_request(
    photos: Photo | Sequence[Photo], image_urls: Sequence[str], metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the body of an item with its photographs, or with their addresses."""
    stored = dict(metadata or {})
    if image_urls:
        return {"json": {"image_urls": list(image_urls), "metadata": stored}}
    files = [("file", ("photo", content)) for content in photos_of(photos)]
    return {"files": files, "data": {"metadata": json.dumps(stored)}}


def put_line(
    item_id: str,
    photos: Photo | Sequence[Photo] = (),
    metadata: Mapping[str, Any] | None = None,
    *,
    image_urls: Sequence[str] = (),
) -> BulkLine:
    """Return the line of `bulk` that puts an item; the parameters are those of `put_item`."""
    line: PutLine = {"item_id": item_id, "metadata": dict(metadata or {})}
    if image_urls:
        line["image_urls"] = list(image_urls)
    else:
        line["image_base64"] = [base64.b64encode(content).decode() for content in photos_of(photos)]
    return {"put": line}


def next_page(options: SearchBody, query_id: str | None, offset: int) -> SearchBody:
    """Return the options of the next page; a picture that the service keeps is not sent again."""
    kept: SearchBody = (
        {} if query_id is None else {"image_base64": None, "image_url": None, "query_id": query_id}
    )
    return {**options, **kept, "offset": offset}


def bulk_bodies(changes: Iterable[BulkLine]) -> Iterator[bytes]:
    """Yield changes as NDJSON: up to `BULK_LINES` lines in each, and up to `BULK_BYTES` if it is several."""
    lines: list[bytes] = []
    size = 0
    for change in changes:
        line = json.dumps(change, ensure_ascii=False).encode() + b"\n"
        if lines and (len(lines) == BULK_LINES or size + len(line) > BULK_BYTES):
            yield b"".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield b"".join(lines)


def wait_of(response: httpx.Response) -> float:
    """Return for how many seconds a busy service asks to be left alone; 1 where it does not say."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 1.0


def error_of(response: httpx.Response) -> ApiError:
    """Return the error that a response tells of."""
    try:
        body = dict(response.json())
    except (TypeError, ValueError):
        body = {}
    request_id = body.get("request_id") or response.headers.get("X-Request-Id", "")
    detail = body.get("detail") or "The answer is not one of the service's. Check the address."
    return ApiError(response.status_code, body.get("code", ""), detail, body.get("param"), request_id)


@cache
def _types(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _required(kind: type) -> set[str]:
    return {part.name for part in fields(kind) if part.default is MISSING}


def _fits(kind: Any, value: Any) -> bool:
    """Return whether a value can be of a type, among those of a union."""
    if is_dataclass(kind):
        return isinstance(value, Mapping) and _required(kind) <= value.keys()  # type: ignore[arg-type]
    if get_origin(kind) in (list, tuple):
        return isinstance(value, list)
    return kind is not type(None)


def _read(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        return _read(next((one for one in inner if _fits(one, value)), Any), value)
    if is_dataclass(kind):
        make: Callable[..., Any] = kind  # type: ignore[assignment]
        types = _types(make)
        return make(**{name: _read(types[name], part) for name, part in value.items() if name in types})
    if origin is list:
        return [_read(inner[0], part) for part in value]
    if origin is tuple:
        return tuple(map(_read, inner, value))
    return value


def answer_of(kind: Any, content: bytes, response: httpx.Response) -> Any:
    """Return the answer, of a type of the contract, in a response or one of its lines.

    Fields that this client does not know are left out.

    Raises
    ------
    ApiError
        It is no answer of that type: another program answers at that address, or an older service.
    """
    try:
        return _read(kind, json.loads(content))
    except (AttributeError, TypeError, ValueError) as error:
        named = getattr(kind, "__name__", kind)
        detail = f"The answer is no {named}. Check the address, and which release answers ({error})."
        request_id = response.headers.get("X-Request-Id", "")
        raise ApiError(response.status_code, "", detail, None, request_id) from error
