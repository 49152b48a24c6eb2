"""gunicorn's threaded worker with time limits on connections, and error responses in the service's shape."""

import json
import logging
import secrets
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http import errors, wsgi  # type: ignore[import-untyped]
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]

from service.errors import TITLES

HEAD_SECONDS = 5.0
BYTES_A_SECOND = 20_000
"""Seconds for a request's head to arrive; a body gets one more second for each this many bytes."""

DRAIN_SECONDS = 2.0
DRAIN_BYTES = 32 * 2**20
"""How long, and how much, a client that was answered early may go on sending before the connection is cut."""

_STATUS: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, "The address is too long. Shorten it, or send the fields in the body."),
    errors.LimitRequestHeaders: (431, "The headers are too many or too long. Send fewer."),
    errors.UnsupportedTransferCoding: (
        501,
        "That transfer coding is not supported. Send chunked, or a length.",
    ),
    errors.ExpectationFailed: (417, "That expectation can't be met. Leave the header Expect out."),
}
_MALFORMED = (400, "Malformed HTTP request. Check its syntax (RFC 9112).")

_OURS = errors.InvalidResponseHeader | errors.InvalidResponseHeaderName | errors.ConfigurationProblem

_log = logging.getLogger(__name__)

wsgi.SERVER = "silhouette"  # instead of the name of the server software, in the header Server


class TimedSocket(socket.socket):
    """A connection with a deadline for each request.

    Parameters
    ----------
    connection : socket
        Taken over: it is of no use afterwards.
    patience : float
        Seconds that an answer may wait for the client to take more of it.
    """

    def __init__(self, connection: socket.socket, *, patience: float) -> None:
        super().__init__(fileno=connection.detach())
        self._patience = patience
        self._deadline = float("inf")
        self.has_unread = False
        """Whether a request was answered before all of its body was read, for the worker to note."""

    def setblocking(self, flag: bool) -> None:
        """Block with a timeout, or not at all."""
        self.settimeout(self._patience if flag else 0.0)

    def allow(self, seconds: float) -> None:
        """Set the deadline that many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive up to `size` bytes; each extends the deadline a little.

        Raises
        ------
        NoMoreData
            The deadline has passed: as if the client had gone.
        """
        set_before = self.gettimeout()
        left = self._deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self.settimeout(left if set_before is None else min(left, set_before))
            received = super().recv(size, flags)
        except TimeoutError:
            raise errors.NoMoreData from None
        finally:
            self.settimeout(set_before)
        self._deadline += len(received) / BYTES_A_SECOND
        return received

    def drain(self) -> None:
        """Stop sending, and read what the client still sends, so that it can read the answer."""
        deadline, left = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
            while left > 0 and (seconds := deadline - time.monotonic()) > 0:
                self.settimeout(seconds)
                received = super().recv(min(left, 2**16))
                if not received:
                    return
                left -= len(received)


def _problem(status: int, detail: str) -> bytes:
    code = "invalid_parameter" if status < 500 else "internal_error"
    body = {
        "type": f"/errors/{code}",
        "title": TITLES[code][1],
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": "r_" + secrets.token_urlsafe(9),
    }
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {'Refused' if status < 500 else 'Failed'}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _has_unread(req: Any) -> bool:
    """Return whether a body was left unread; one without a length may always go on."""
    reader = req.body.reader
    return bool(getattr(reader, "length", None) or getattr(reader, "parser", None))


class Worker(ThreadWorker):
    """Gives a connection a thread at its first byte, and takes it back from a client that stalls."""

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread, or a new one to the poller until it sends something."""
        if isinstance(conn.sock, TimedSocket):
            super().enqueue_req(conn)
            return
        conn.sock = TimedSocket(conn.sock, patience=self.app.config.request_seconds)
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        """Read a request from a connection and answer it."""
        conn.sock.allow(HEAD_SECONDS)
        conn.sock.has_unread = False
        kept = super().handle(conn)
        if kept is False and conn.sock.has_unread:
            conn.sock.drain()
        return kept

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head has been read."""
        conn.sock.allow(self.app.config.request_seconds)
        kept = super().handle_request(req, conn)
        conn.sock.has_unread = _has_unread(req)
        return kept

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer malformed HTTP, and failures outside of the application."""
        refused = isinstance(exc, errors.ParseException) and not isinstance(exc, _OURS)
        status, detail = _STATUS.get(type(exc), _MALFORMED) if refused else (500, "Retry.")
        _log.log(
            logging.INFO if refused else logging.ERROR,
            "A connection was refused",
            exc_info=None if refused else exc,
            extra={"fields": {"status": status, "reason": type(exc).__name__}},
        )
        try:
            client.sendall(_problem(status, detail))
        except OSError:
            pass  # the client has gone
