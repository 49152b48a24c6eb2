"""A client of the HTTP API for Python programs: `from service.client import Client`. It needs httpx only.

Numbers in `box` are fractions of the picture: left, top, right, bottom.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, get_args, get_type_hints
from urllib.parse import quote

import httpx

Box = tuple[float, float, float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Item:
    """An item: its id, the path of its picture on the service, and its metadata."""

    item_id: str
    image_url: str
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hit(Item):
    """An item that was found, with its rank, its cosine and how that ranks among random pairs, in percent."""

    rank: int = 0
    score: float = 0.0
    percentile: float = 0.0
    box: Box | None = None
    explain_url: str | None = None


@dataclass(frozen=True)
class StoredItem(Item):
    """An item that was put: the number of the change, and where its garment was found."""

    change: int = 0
    box: Box | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundGarment:
    """A garment of the picture that was searched with; `outline` holds polygons of x and y in fractions."""

    type: str
    box: Box
    confidence: float
    worn: bool
    outline: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True)
class Query:
    """What was understood of a query; `garment` tells which of the `garments` was searched with.

    `confidence` is the share of the first eight hits expected to be right, where the service tells it.
    """

    box: Box | None = None
    category: str | None = None
    category_confidence: float | None = None
    warnings: tuple[str, ...] = ()
    garment: int | None = None
    garments: tuple[FoundGarment, ...] = ()
    turned: int = 0
    item_id: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Index:
    """The version that answers; `kind`, `changes` and `examples` only where it was asked for itself."""

    version: str
    built_at: str
    encoder: str
    items: int
    kind: str | None = None
    changes: int | None = None
    examples: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Version:
    """A published version of the index."""

    version: str
    built_at: str
    encoder: str
    items: int
    kind: str
    current: bool
    usable: bool


@dataclass(frozen=True)
class Page:
    """One page of a ranking; iterating it gives its hits."""

    request_id: str
    query_id: str | None
    index: Index
    query: Query
    results: tuple[Hit, ...]
    total: int
    next_offset: int | None
    took_ms: dict[str, float]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.results)


class ApiError(Exception):
    """The service refused a request, or failed.

    Parameters
    ----------
    status : int
    code : str
        For programs, such as `image_undecodable`; empty where something in front of the service answered.
    detail : str
        What was received, what is accepted and what to do.
    param : str or None
        The field at fault.
    request_id : str
        What the service's log calls the request.
    """

    def __init__(self, status: int, code: str, detail: str, param: str | None, request_id: str) -> None:
        super().__init__(f"{status} {code}: {detail} (request {request_id})")
        self.status, self.code, self.detail = status, code, detail
        self.param, self.request_id = param, request_id


def _read(kind: Any, value: Any) -> Any:
    """Turn JSON into a type of this module; unknown fields are left out."""
    if is_dataclass(kind) and isinstance(value, Mapping):
        make: Callable[..., Any] = kind  # type: ignore[assignment]
        types = get_type_hints(kind)
        given = {part.name: value[part.name] for part in fields(kind) if part.name in value}
        return make(**{name: _read(types[name], part) for name, part in given.items()})
    if isinstance(value, list):
        inner = next((arg for arg in get_args(kind) if is_dataclass(arg)), None)
        return tuple(_read(inner, part) for part in value)
    return value


def _error(response: httpx.Response) -> ApiError:
    try:
        body = dict(response.json())
    except (TypeError, ValueError):
        body = {}
    request_id = body.get("request_id") or response.headers.get("X-Request-Id", "")
    detail = body.get("detail") or "The answer is not one of the service's. Check the address."
    return ApiError(response.status_code, body.get("code", ""), detail, body.get("param"), request_id)


def _as_text(value: Any) -> str:
    """Return a field for a form or query string: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _item_path(item_id: str, tail: str = "") -> str:
    return f"/v1/items/{quote(item_id, safe='')}{tail}"


class Client:
    """A connection to one service, safe to share between threads. Close it, or use it in a `with`.

    Parameters
    ----------
    base_url : str
        Where the service is, such as `http://127.0.0.1:8000`.
    key : str, optional
        Needed by what writes: `put_item`, `delete_item`, `activate`.
    timeout : float
        Seconds to wait for the service, at each step of a request.
    retries : int
        How often a request is sent again that the service was too busy for (503), after the time it asks for.
    longest_wait : float
        Seconds to wait before such a retry at most.
    transport : httpx.BaseTransport, optional
        Used instead of the network.
    sleep : callable
        Waits so many seconds.

    Raises
    ------
    ApiError
        By every method: the service refused the request, or failed.
    httpx.TransportError
        By every method: the service can't be reached, or does not answer in time.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        timeout: float = 30.0,
        retries: int = 2,
        longest_wait: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout, transport=transport)
        self._retries = retries
        self._longest_wait = longest_wait
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(self, photo: Path | str | bytes | None = None, **options: Any) -> Page:
        """Find the items nearest in shape to a picture.

        Parameters
        ----------
        photo : Path, str or bytes, optional
            A file's path, or its bytes.
        **options
            Instead of `photo` one of `image_base64`, `item_id`, `query_id`, `image_url`; and any of `box`,
            `garment`, `kind` ("photo" or "sketch"), `limit`, `offset`, `min_score`, `filter`,
            `collapse_duplicates` and `explain`, as docs/api.md has them. Those that are None are left out.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if photo is None:
            return self._call(Page, "POST", "/v1/search", json=given)
        content = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
        form = {name: _as_text(value) for name, value in given.items()}
        return self._call(Page, "POST", "/v1/search", files={"file": ("photo", content)}, data=form)

    def pages(self, photo: Path | str | bytes | None = None, **options: Any) -> Iterator[Page]:
        """Yield the pages of a search one by one; it takes what `search` takes. The photo is sent once."""
        page = self.search(photo, **options)
        yield page
        while page.next_offset is not None:
            if photo is not None and page.query_id is not None:
                photo, options = None, options | {"query_id": page.query_id}
            page = self.search(photo, **(options | {"offset": page.next_offset}))
            yield page

    def similar(self, item_id: str, **options: Any) -> Page:
        """Find the items nearest in shape to one of the index; `options` as `search` has them for ranking."""
        params = {name: _as_text(value) for name, value in options.items() if value is not None}
        return self._call(Page, "GET", _item_path(item_id, "/similar"), params=params)

    def item(self, item_id: str) -> Item:
        """Return one item."""
        return self._call(Item, "GET", _item_path(item_id))

    def image(self, item_id: str, *, width: int | None = None) -> bytes:
        """Return the file of an item's picture; with `width`, 160, 320, 640 or 1280, a thumbnail in JPEG."""
        params = {} if width is None else {"width": width}
        return self._send("GET", _item_path(item_id, "/image"), params=params).content

    def put_item(
        self, item_id: str, photo: Path | str | bytes, metadata: Mapping[str, Any] | None = None
    ) -> StoredItem:
        """Add an item, or replace the one with that id; it is searchable immediately."""
        content = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
        form = {"metadata": json.dumps(dict(metadata or {}))}
        return self._call(
            StoredItem, "PUT", _item_path(item_id), files={"file": ("photo", content)}, data=form
        )

    def delete_item(self, item_id: str) -> None:
        """Delete an item; it is gone immediately."""
        self._send("DELETE", _item_path(item_id))

    def delete_query(self, query_id: str) -> None:
        """Delete the picture of an earlier search at once, before its time."""
        self._send("DELETE", f"/v1/queries/{quote(query_id, safe='')}")

    def index(self) -> Index:
        """Return which version of the index answers."""
        return self._call(Index, "GET", "/v1/index")

    def versions(self) -> tuple[Version, ...]:
        """Return the published versions, newest first."""
        listed = self._send("GET", "/v1/index/versions").json()["versions"]
        return tuple(_read(Version, version) for version in listed)

    def activate(self, version: str) -> Version:
        """Activate a version, newer or older."""
        return self._call(Version, "POST", "/v1/index/activate", json={"version": version})

    def _call(self, kind: type[T], method: str, path: str, **request: Any) -> T:
        answer: T = _read(kind, self._send(method, path, **request).json())
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        for attempt in range(self._retries + 1):
            response = self._http.request(method, path, **request)
            if response.status_code != 503 or attempt == self._retries:
                break
            self._sleep(self._wait(response))
        if response.is_error:
            raise _error(response)
        return response

    def _wait(self, response: httpx.Response) -> float:
        text = response.headers.get("Retry-After", "")
        return min(float(text) if text.isdigit() else 1.0, self._longest_wait)
