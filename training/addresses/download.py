"""Downloads over http and https: an address in, the file's bytes out, within limits of size and time.

A name is resolved once and the connection goes to an address that was checked, so that a name which changes
its address in between gains nothing. Redirects are followed one by one, each checked.
"""

import io
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urljoin, urlsplit

import httpcore

from training.addresses.public_hosts import Hosts
from training.errors import AddressRefused, AddressUnreachable, FileTooLarge
from training.photo.images import MAX_BYTES
from training.photo.media_types import media_types

REDIRECTS = 3
CONNECT_SECONDS = 10.0

_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "Silhouette",
    "Accept-Encoding": "identity",
}
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses of a server that may answer otherwise in a moment."""

_BUSY = {429, 503}
"""Those of one that wants to be asked less, whether or not it says for how long."""

_KEPT_ALIVE = 4
"""Connections of one downloader: it uses one at a time, and a redirect may lead to another host."""


_MAKING_TLS = threading.Lock()


@dataclass(frozen=True)
class Validators:
    """By what a server tells whether a file has changed; empty where it has not said."""

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[bytes | str, bytes | str]:
        """Return the headers of a conditional request."""
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Answer:
    """What a download has brought: validators of the file, or that it is the one that was known."""

    validators: Validators = Validators()
    changed: bool = True


class _Deadline:
    """Seconds that are left of the time of one download."""

    def __init__(self) -> None:
        self._end = 0.0

    def start(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore.TimeoutException("the time is over")
        return left


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secure = self._stream.start_tls(ssl_context, server_hostname, timeout=self._deadline.left())
        return _Stream(secure, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


@dataclass(frozen=True)
class _Network(httpcore.NetworkBackend):
    """Connects to the address that was checked; Host header and TLS keep the name."""

    hosts: Hosts
    deadline: _Deadline
    beneath: httpcore.NetworkBackend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = self.hosts.address_of(host, port)
        seconds = min(self.deadline.left(), CONNECT_SECONDS)
        return _Stream(self.beneath.connect_tcp(address, port, timeout=seconds), self.deadline)


@cache
def _made_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _tls() -> ssl.SSLContext:
    """Return the one context; without the lock, each of the threads that begin together would make one."""
    with _MAKING_TLS:
        return _made_tls()


def _check_form(address: str) -> str:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("This is not an address. Name one over http or https.") from error
    plain = address.isascii() and address.isprintable() and " " not in address
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise AddressRefused("This is not a plain address over http or https. Percent-encode it.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The address holds a name or a password. Leave them out.")
    return address


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _save(response: httpcore.Response, into: BinaryIO, max_bytes: int) -> None:
    saved = 0
    for part in response.iter_stream():
        saved += len(part)
        if saved > max_bytes:
            raise FileTooLarge(f"The file has more than {max_bytes:,} bytes. Name a smaller one.")
        into.write(part)


def _pause(status: int, retry_after: str) -> float | None:
    """Return for how long a server wants to be left alone, from its header; None where it does not."""
    if status not in _BUSY and not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max((until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


class Downloader:
    """Downloads over connections that are kept alive, one download at a time.

    Parameters
    ----------
    hosts : Hosts
    beneath : httpcore.NetworkBackend, optional
        Makes the connections; sockets by default.
    """

    def __init__(self, hosts: Hosts, *, beneath: httpcore.NetworkBackend | None = None) -> None:
        self._deadline = _Deadline()
        network = _Network(hosts, self._deadline, beneath or httpcore.SyncBackend())
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(), network_backend=network, max_keepalive_connections=_KEPT_ALIVE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def download(
        self,
        address: str,
        into: BinaryIO,
        *,
        max_bytes: int,
        seconds: float,
        accept: str = "*/*",
        known: Validators | None = None,
    ) -> Answer:
        """Download a file.

        Parameters
        ----------
        address : str
            Over http or https, without credentials.
        into : binary file
            What the server sends is written to it; after an error it holds a part.
        max_bytes : int
            Ceiling on the file.
        seconds : float
            For everything together, redirects included; only looking up the name may add the resolver's time.
        accept : str
            Media types to ask for.
        known : Validators, optional
            Of what is there already: where that is the same, nothing is sent.

        Raises
        ------
        AddressRefused
            The address is malformed, or leads to where nothing may be asked.
        AddressUnreachable
            The file did not come, or not in time.
        FileTooLarge
        """
        self._deadline.start(seconds)
        headers = _HEADERS | {"Accept": accept} | (known.headers() if known else {})
        try:
            return self._follow(address, headers, into, max_bytes, conditional=known is not None)
        except httpcore.TimeoutException as error:
            raise AddressUnreachable(
                f"The address did not answer in full within {seconds:g} s. Check it.", passing=True
            ) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ValueError) as error:
            raise AddressUnreachable(
                "The connection failed before the file was complete. Check the address.", passing=True
            ) from error

    def _follow(
        self,
        address: str,
        headers: dict[bytes | str, bytes | str],
        into: BinaryIO,
        max_bytes: int,
        *,
        conditional: bool,
    ) -> Answer:
        _check_form(address)
        for _ in range(REDIRECTS + 1):
            with self._pool.stream("GET", address, headers=headers) as response:
                sent = _headers(response)
                if response.status in (301, 302, 303, 307, 308):
                    address = _check_form(urljoin(address, sent.get("location", "")))
                    continue
                if response.status == 304 and conditional:
                    response.read()  # nothing, but only then is the connection kept
                    return Answer(changed=False)
                if response.status != 200:
                    raise AddressUnreachable(
                        f"The address answers with the status {response.status}. Check it.",
                        passing=response.status in _PASSING,
                        retry_after=_pause(response.status, sent.get("retry-after", "")),
                    )
                _save(response, into, max_bytes)
                return Answer(Validators(sent.get("etag", ""), sent.get("last-modified", "")))
        raise AddressUnreachable(
            f"The address leads over more than {REDIRECTS} redirects. Name the last one of them."
        )


def read_address(address: str, hosts: Hosts, *, max_bytes: int = MAX_BYTES, seconds: float = 30.0) -> bytes:
    """Download one photograph; parameters and errors as for `Downloader.download`."""
    into = io.BytesIO()
    with Downloader(hosts) as downloader:
        accept = ", ".join(media_types())
        downloader.download(address, into, max_bytes=max_bytes, seconds=seconds, accept=accept)
    return into.getvalue()
