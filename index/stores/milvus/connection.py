"""Milvus's client with our time limits and our errors: connected when first used, from any thread."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymilvus import MilvusClient
from pymilvus.client.utils import check_status

from index.errors import SilhouetteError, StoreFailed, StoreUnreachable
from index.stores.milvus.milvus_address import MilvusAddress

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
STRONG_SECONDS = 30.0
"""Limit of a read that waits for all that was written; a server that has just started takes its time."""

WORK_SECONDS = 3600.0
"""Limit of what Milvus does in its own time, such as an index of many vectors."""

REST_SECONDS = 1.0
"""How long after a failure to connect nothing is tried, so that callers do not queue up to wait for it."""

_NO_PINGS = {"grpc.keepalive_time_ms": 2**31 - 1}
"""For milvus-lite, which hangs up on a client that asks every few seconds whether it is there."""

_NO_COLLECTION, _NOT_LOADED, _NO_ALIAS = 100, 101, 1600
_REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")
_SILENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", 2)  # the number is Milvus's, where it could not connect

for _name in ("pymilvus", "milvus_lite"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log with a traceback what they raise, too


class NotThere(StoreFailed):
    """Milvus has no such collection or alias, or has not loaded the collection."""


@dataclass(frozen=True)
class Hits:
    """What a search has found for one query, best first, in columns as they came.

    Parameters
    ----------
    keys : list of str
    scores : float32 (k,)
    fields : dict
        By name: of vectors float32 (k, d), of other fields a list; none where nothing was found.
    """

    keys: list[str]
    scores: np.ndarray
    fields: dict[str, Any]


def _column(field: Any) -> Any:
    if field.WhichOneof("field") == "vectors":
        return np.array(field.vectors.float_vector.data, np.float32).reshape(-1, field.vectors.dim)
    values = field.scalars
    return list(getattr(values, values.WhichOneof("data")).data)


def _hits(response: Any) -> list[Hits]:
    """Return the hits of each query from the server's message."""
    check_status(response.status)
    found = response.results
    keys, scores = list(found.ids.str_id.data), np.array(found.scores, np.float32)
    columns = {field.field_name: _column(field) for field in found.fields_data} if keys else {}
    ends = np.cumsum(found.topks, dtype=np.int64).tolist()
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    return [
        Hits(keys[part], scores[part], {name: column[part] for name, column in columns.items()})
        for part in parts
    ]


class Server:
    """A Milvus server, called by the names of its client's methods.

    Raises
    ------
    StoreUnreachable
        It does not answer, or not to this user.
    NotThere, StoreFailed
        It has refused what was asked.
    """

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address
        self._client: MilvusClient | None = None
        self._connecting = threading.Lock()
        self._failure = ""
        self._failed_at = float("-inf")

    def ask(self, method: str, *arguments: Any, timeout: float = 0.0, **options: Any) -> Any:
        """Return what a method of Milvus's client returns, within `timeout` seconds or our limit."""
        client = self._connected()
        limit = STRONG_SECONDS if options.get("consistency_level") == "Strong" else READ_SECONDS
        with self._translating():
            return getattr(client, method)(*arguments, timeout=timeout or limit, **options)

    def search(self, collection: str, **options: Any) -> list[Hits]:
        """Return what is found for each query.

        The client's own answer has three dictionaries for each hit, which take ten times as long as its
        columns: so it is asked for one that is still to come, and told how to read it.
        """
        client = self._connected()
        with self._translating():
            answer = client.search(collection, timeout=READ_SECONDS, _async=True, **options)
            answer.on_response = _hits
            hits: list[Hits] = answer.result()
            return hits

    def _connected(self) -> MilvusClient:
        with self._connecting:
            if time.monotonic() < self._failed_at + REST_SECONDS:
                raise StoreUnreachable(self._failure)
            if self._client is None:
                with self._translating():
                    self._client = MilvusClient(
                        self.address.uri,
                        token=self.address.token,
                        db_name=self.address.database,
                        timeout=CONNECT_SECONDS,
                        dedicated=True,
                        grpc_options=_NO_PINGS if self.address.is_file else {},
                    )
            return self._client

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if (code := _code(error)) is None:
                raise
            raise self._translated(error, code) from error

    def _translated(self, error: Exception, code: int | str) -> SilhouetteError:
        text = str(getattr(error, "message", error)).strip()
        if code in (_NO_COLLECTION, _NOT_LOADED, _NO_ALIAS):
            return NotThere(f"'{self.address}' does not hold what was asked for: {text}")
        if code in _REFUSED or "auth check failure" in text:
            return self._unreachable("it refuses the user and password. Correct them in the address")
        silent = code in _SILENT or "Retry timeout" in text
        if silent or self._client is None:
            return self._unreachable(self._why(silent=silent))
        return StoreFailed(
            f"Milvus at '{self.address}' has not done what was asked: {text:.500}. Where it is full or "
            "limits its clients, make room there; its log says more."
        )

    def _why(self, *, silent: bool) -> str:
        if self.address.is_file and silent:
            return (
                "it is open and has not answered in time, for milvus-lite works within this process, which "
                "is too busy. Leave the machine more of its cores, or start a server"
            )
        if self.address.is_file:
            return (
                "another process has it open, for milvus-lite serves one at a time, or its folder does not "
                "exist. Stop the other one, or start a server for several"
            )
        return "it does not answer. Start it, or correct the address"

    def _unreachable(self, why: str) -> StoreUnreachable:
        self._failure = f"Milvus at '{self.address}' can't be used: {why}; then retry."
        self._failed_at = time.monotonic()
        return StoreUnreachable(self._failure)


def _code(error: Exception) -> int | str | None:
    """Return the name of an error of gRPC, also right beneath one of Milvus, or Milvus's number, or None."""
    codes = [_named(found) for found in (error, error.__cause__)]
    return next((code for code in codes if isinstance(code, str)), codes[0])


def _named(error: BaseException | None) -> int | str | None:
    code = getattr(error, "code", None)
    return code().name if callable(code) else code
