"""Pictures by URL: an http or https URL in, the file's bytes out, from public addresses only.

A name is resolved once; every address it has must be public, and the connection goes to one that was checked,
so that a name which changes its address in between gains nothing. Redirects are followed one by one, each
checked.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpcore

from service.errors import RefusedRequest
from training.photo.media_types import media_types

REDIRECTS = 3

_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "Silhouette",
    "Accept-Encoding": "identity",
}
_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_HOSTS = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
"""What `is_global` of some Python versions lets through: assignments of protocols, tunnels, documentation."""

Resolve = Callable[[str, int], Iterable[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host by the system's resolver; raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an IP address is public: global unicast, and not a tunnel to another address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # such as fe80::1%eth0
        return False
    if parsed.version == 6 and parsed not in _UNICAST:  # also leaves out IPv4 within IPv6
        return False
    return (
        parsed.is_global and not parsed.is_multicast and not any(parsed in network for network in _NOT_HOSTS)
    )


def _not_allowed(detail: str) -> RefusedRequest:
    return RefusedRequest("url_not_allowed", detail, param="image_url")


def _unreachable(detail: str) -> RefusedRequest:
    return RefusedRequest("image_url_unreachable", detail, param="image_url")


def _checked(host: str, port: int, find: Resolve) -> str:
    """Return an address of the host, all of which are public."""
    try:
        addresses = list(find(host, port))
    except (OSError, UnicodeError) as error:
        raise _unreachable("The host of `image_url` has no address. Check its spelling.") from error
    if not addresses or not all(is_public(address) for address in addresses):
        raise _not_allowed("The host of `image_url` is not on the public internet. Send the picture's bytes.")
    return addresses[0]


class _Deadline:
    """Seconds that are left of a fixed time."""

    def __init__(self, seconds: float) -> None:
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

    find: Resolve
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
        address = _checked(host, port, self.find)
        return _Stream(self.beneath.connect_tcp(address, port, timeout=self.deadline.left()), self.deadline)


def _check_form(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _not_allowed("`image_url` is not an address. Send one over http or https.") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not plain:
        raise _not_allowed("`image_url` is not a plain address over http or https. Percent-encode it.")
    if parts.username is not None or parts.password is not None:
        raise _not_allowed("`image_url` holds a name or a password. Leave them out.")
    return url


def _body(response: httpcore.Response, max_bytes: int) -> bytes:
    data = bytearray()
    for part in response.iter_stream():
        data += part
        if len(data) > max_bytes:
            detail = f"The file at `image_url` has more than {max_bytes:,} bytes. Name a smaller one."
            raise RefusedRequest("upload_too_large", detail, param="image_url")
    return bytes(data)


def _location(response: httpcore.Response, url: str) -> str | None:
    if response.status not in (301, 302, 303, 307, 308):
        return None
    named = dict((name.lower(), value) for name, value in response.headers).get(b"location", b"")
    return _check_form(urljoin(url, named.decode("latin-1")))


def _follow(pool: httpcore.ConnectionPool, url: str, max_bytes: int) -> bytes:
    for _ in range(REDIRECTS + 1):
        with pool.stream("GET", url, headers=_HEADERS | {"Accept": ", ".join(media_types())}) as response:
            onward = _location(response, url)
            if onward is None and response.status == 200:
                return _body(response, max_bytes)
            if onward is None:
                raise _unreachable(
                    f"`image_url` answers with the status {response.status}. Check the address."
                )
        url = onward
    raise _unreachable(f"`image_url` leads over more than {REDIRECTS} redirects. Name the last address.")


def fetch(
    url: str,
    *,
    max_bytes: int,
    seconds: float,
    find: Resolve = resolve,
    beneath: httpcore.NetworkBackend | None = None,
) -> bytes:
    """Fetch a picture from the public internet.

    Parameters
    ----------
    url : str
        http or https, without credentials.
    max_bytes : int
        Ceiling on the file.
    seconds : float
        For everything together, redirects included; only looking up the name may add the resolver's own time.
    find : callable
        Resolves a host and a port to addresses.
    beneath : httpcore.NetworkBackend, optional
        Makes the connections; sockets by default.

    Raises
    ------
    RefusedRequest
        With code `url_not_allowed`, `image_url_unreachable` or `upload_too_large`.
    """
    network = _Network(find, _Deadline(seconds), beneath or httpcore.SyncBackend())
    context = ssl.create_default_context()
    try:
        with httpcore.ConnectionPool(ssl_context=context, network_backend=network) as pool:
            return _follow(pool, _check_form(url), max_bytes)
    except httpcore.TimeoutException as error:
        raise _unreachable(
            f"`image_url` did not answer in full within {seconds:g} s. Send the bytes."
        ) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ValueError) as error:
        raise _unreachable(
            "`image_url` could not be fetched. Check the address, or send the bytes."
        ) from error
