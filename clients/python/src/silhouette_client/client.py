"""The client that waits for each answer, made from `async_client.py`: do not edit."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack
from urllib.parse import quote

import httpx

from silhouette_client import contract, messages
from silhouette_client.messages import Photo

T = TypeVar("T")


class Client:
    """A connection to one service. Close it, or use it in a `with`.

    Parameters
    ----------
    base_url : str
        Where the service is, such as `http://127.0.0.1:8000`, with its prefix where it has one.
    key : str, optional
        Needed by what writes: `put_item`, `patch_item`, `delete_item`, `bulk`, `activate`.
    timeout : float
        Seconds to wait for the service, at each step of a request.
    retries : int
        How often a request is sent again that the service was too busy for (429, 503), after the time it
        asks for.
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

    def search(
        self, photo: Photo | None = None, **options: Unpack[contract.SearchBody]
    ) -> contract.SearchAnswer:
        """Find the items nearest in shape to a picture.

        Parameters
        ----------
        photo : Path, str, bytes or binary file, optional
            A file's path, its bytes, or the open file.
        **options
            Instead of `photo` one of `image_base64`, `item_id`, `query_id`, `image_url`; and the other fields
            of a search. Those that are None are left out.
        """
        request = messages.search_request(photo, options)
        return self._call(contract.SearchAnswer, "POST", "/v1/search", **request)

    def pages(
        self, photo: Photo | None = None, **options: Unpack[contract.SearchBody]
    ) -> Iterator[contract.SearchAnswer]:
        """Yield the pages of a search one by one; it takes what `search` takes. The picture is sent once."""
        content = None if photo is None else messages.content_of(photo)
        page = self.search(content, **options)
        yield page
        while page.next_offset is not None:
            content = content if page.query_id is None else None
            options = messages.next_page(options, page.query_id, page.next_offset)
            page = self.search(content, **options)
            yield page

    def hits(
        self, photo: Photo | None = None, **options: Unpack[contract.SearchBody]
    ) -> Iterator[contract.Hit]:
        """Yield the items of a whole ranking, page by page; it takes what `search` takes."""
        for page in self.pages(photo, **options):
            yield from page.results

    def batch(
        self, searches: Iterable[contract.SearchBody]
    ) -> list[contract.SearchAnswer | contract.Failure]:
        """Answer several searches in their order; a `Failure` where one failed."""
        body = {"searches": [messages.given(search) for search in searches]}
        answer = self._call(contract.BatchAnswer, "POST", "/v1/search/batch", json=body)
        return answer.answers

    def similar(self, item_id: str, **options: Unpack[contract.ItemsSimilarQuery]) -> contract.SimilarAnswer:
        """Find the items nearest in shape to one of the index."""
        path, params = messages.item_path(item_id, "/similar"), messages.as_text(options)
        return self._call(contract.SimilarAnswer, "GET", path, params=params)

    def delete_query(self, query_id: str) -> None:
        """Delete the picture of an earlier search at once, before its time."""
        self._send("DELETE", f"/v1/queries/{quote(query_id, safe='')}")

    def item(self, item_id: str) -> contract.ItemAnswer:
        """Return one item."""
        return self._call(contract.ItemAnswer, "GET", messages.item_path(item_id))

    def items(self, **options: Unpack[contract.ItemsItemsQuery]) -> Iterator[contract.Item]:
        """Yield all items, or those that pass a `filter`, part by part, `limit` in each."""
        for part in self.item_pages(**options):
            yield from part.items

    def item_pages(self, **options: Unpack[contract.ItemsItemsQuery]) -> Iterator[contract.ItemList]:
        """Yield the parts of the list of items one by one; each knows how many there are, its `total`."""
        following = options.get("after")
        while True:
            params = messages.as_text({**options, "after": following})
            part = self._call(contract.ItemList, "GET", "/v1/items", params=params)
            yield part
            following = part.next_after
            if following is None:
                break

    def image(self, item_id: str, **options: Unpack[contract.ItemsImageQuery]) -> bytes:
        """Return the file of an item's photograph."""
        path, params = messages.item_path(item_id, "/image"), messages.as_text(options)
        return (self._send("GET", path, params=params)).content

    def download(self, address: str) -> bytes:
        """Return what lies at an address that an answer names: an `image_url`, or an `explain_url`."""
        return (self._send("GET", self._http.base_url.copy_with(raw_path=address.encode()))).content

    def put_item(
        self,
        item_id: str,
        photos: Photo | Sequence[Photo] = (),
        metadata: Mapping[str, Any] | None = None,
        *,
        image_urls: Sequence[str] = (),
    ) -> contract.StoredItem:
        """Add an item, or replace the one with that id; it is searchable immediately.

        Parameters
        ----------
        item_id : str
        photos : Path, str, bytes or binary file, or a sequence of them
        metadata : mapping, optional
        image_urls : sequence of str
            Where the photographs lie, instead of `photos`.
        """
        request = messages.put_request(photos, image_urls, metadata)
        return self._call(contract.StoredItem, "PUT", messages.item_path(item_id), **request)

    def patch_item(self, item_id: str, metadata: Mapping[str, Any]) -> contract.PatchedItem:
        """Set the named fields of an item's metadata at once; None removes one, all others stay."""
        body = {"metadata": dict(metadata)}
        return self._call(contract.PatchedItem, "PATCH", messages.item_path(item_id), json=body)

    def delete_item(self, item_id: str) -> contract.Deletion:
        """Delete an item; it is gone immediately."""
        return self._call(contract.Deletion, "DELETE", messages.item_path(item_id))

    def bulk(self, changes: Iterable[contract.BulkLine]) -> Iterator[contract.MadeChange | contract.Failure]:
        """Put, patch and delete many items, a thousand in a request that is made as a whole.

        Nothing is sent before the first answer is asked for.

        Parameters
        ----------
        changes : iterable of dict
            `put_line(…)`, `{"patch": {"item_id": …, "metadata": …}}` and `{"delete": {"item_id": …}}`; it may
            be longer than memory.

        Yields
        ------
        MadeChange or Failure
            What became of each change, in their order.

        Raises
        ------
        ApiError
            A request was refused. The changes whose answers were yielded are made; the others can be sent
            again, as a change that is made twice is made once.
        """
        for body in messages.bulk_bodies(changes):
            response = self._send("POST", "/v1/items/bulk", content=body, headers=messages.LINES)
            for line in response.content.splitlines():
                yield messages.answer_of(contract.BulkAnswer, line, response)

    def index(self) -> contract.IndexAnswer:
        """Return which version of the index answers."""
        return self._call(contract.IndexAnswer, "GET", "/v1/index")

    def versions(self) -> list[contract.Version]:
        """Return the published versions, newest first."""
        return (self._call(contract.VersionsAnswer, "GET", "/v1/index/versions")).versions

    def activate(self, version: str) -> contract.VersionAnswer:
        """Activate a version, newer or older."""
        body = {"version": version}
        return self._call(contract.VersionAnswer, "POST", "/v1/index/activate", json=body)

    def alive(self) -> contract.Alive:
        """Return at once while the service runs."""
        return self._call(contract.Alive, "GET", "/healthz")

    def ready(self) -> contract.Ready:
        """Return once searches can be answered; an `ApiError` where that takes longer than the retries."""
        return self._call(contract.Ready, "GET", "/readyz")

    def _call(self, kind: type[T], method: str, path: str, **request: Any) -> T:
        response = self._send(method, path, **request)
        answer: T = messages.answer_of(kind, response.content, response)
        return answer

    def _send(self, method: str, path: str | httpx.URL, **request: Any) -> httpx.Response:
        for attempt in range(self._retries + 1):
            response = self._http.request(method, path, **request)
            if response.status_code not in messages.BUSY or attempt == self._retries:
                break
            self._sleep(min(messages.wait_of(response), self._longest_wait))
        if response.is_error:
            raise messages.error_of(response)
        return response
