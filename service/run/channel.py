"""A connection: requests as they arrive, held to strict rules, and limits on the time each stage takes."""

import json
import logging
import secrets
import socket
from contextlib import suppress
from typing import Any

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.http.unreader import IterUnreader  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from service.errors import TITLES

HEAD_SECONDS = 5.0
BYTES_A_SECOND = 20_000
"""Seconds for a request's head to arrive; bodies and answers get one more second for each this many bytes."""

DRAIN_SECONDS = 2.0
DRAIN_BYTES = 32 * 2**20
"""How long, and how much, a client that was answered early may go on sending before the connection is cut."""

RECEIVED_BYTES = 2**16
BODY_BYTES = 2**20
"""At a time, of anything and of a body whose length is known: each time costs a wait for Python's lock."""

LONGEST_HEAD = 2**16
CHUNKED_BYTES = 2**12
"""Of a chunked body at a time: waitress copies what is left of them for each chunk."""

_STATUS: dict[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ExpectationFailed: 417,
}
_DETAILS = {
    400: "Malformed HTTP request. Check its syntax (RFC 9112).",
    414: "The address is too long. Shorten it, or send the fields in the body.",
    417: "That expectation can't be met. Leave the header Expect out.",
    431: "The headers are too many or too long. Send fewer.",
    501: "That transfer coding is not supported. Send chunked, or a length.",
}

_log = logging.getLogger(__name__)
logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # else a line for each request that waits


def _problem(status: int) -> bytes:
    code = "invalid_parameter" if status in _DETAILS and status < 500 else "internal_error"
    problem = {
        "type": f"/errors/{code}",
        "title": TITLES[code][1],
        "status": status,
        "code": code,
        "detail": _DETAILS.get(status, "Retry."),
        "request_id": "r_" + secrets.token_urlsafe(9),
    }
    return json.dumps(problem).encode()


class Parser(HTTPRequestParser):
    """A request as it arrives, its head held to gunicorn's rules, which are stricter than waitress's."""

    refusal = 0
    is_cut = False

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head.

        Raises
        ------
        ParsingError
            It is malformed; `refusal` is the status to answer with.
        """
        if header_plus.endswith(b"\r\n\r\n"):  # not the one that waitress puts in place of a head too long
            try:
                Request(self.adj.gunicorn, IterUnreader([header_plus]), ("", 0))
            except errors.ParseException as error:
                self.refusal = _STATUS.get(type(error), 400)
                raise ParsingError(type(error).__name__) from error
        super().parse_header(header_plus)

    def received(self, data: bytes) -> int:
        """Take bytes of the request; return how many belong to it."""
        consumed: int = super().received(data[:CHUNKED_BYTES] if self.chunked else data)
        receiver = self.body_rcv
        if self.chunked and len(receiver.control_line) + len(receiver.trailer) > LONGEST_HEAD:
            self.error, self.completed = BadRequest("The size of a chunk, or the trailer, is too long"), True
        if isinstance(self.error, RequestEntityTooLarge):
            self.error = None  # the application refuses it, with the headers that it gives to all answers
            self.cut()
        return consumed

    def cut(self) -> None:
        """Hand on what has arrived; the application sees from its length that there was to be more."""
        self.is_cut = self.completed = True
        self.expect_continue = False
        self.headers["CONNECTION"] = "close"
        if self.chunked:
            self.headers["CONTENT_LENGTH"] = str(self.body_bytes_received + 1)


class Refusal(ErrorTask):
    """Answers malformed HTTP, and failures outside of the application, as a problem."""

    def execute(self) -> None:
        """Write the answer."""
        status = self.request.refusal or self.request.error.code
        reason = self.request.error.body if status < 500 else self.request.error.reason
        level = logging.INFO if status in _DETAILS else logging.ERROR
        _log.log(level, "A connection was refused", extra={"fields": {"status": status, "reason": reason}})
        content = _problem(status)
        self.status = f"{status} {'Refused' if status < 500 else 'Failed'}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(content)


class Answer(WSGITask):
    """Has the application answer; a worker that is stopping ends the connection with it."""

    def get_environment(self) -> dict[str, Any]:
        """Return the environment, by which a body that was cut is shorter than its length."""
        if not self.channel.server.accepting:
            self.request.headers["CONNECTION"] = "close"
        environ: dict[str, Any] = super().get_environment()
        environ.pop("wsgi.input_terminated", None)  # Werkzeug asks whether it is there, not for its value
        return environ

    def write(self, data: bytes) -> None:
        """Write a part of the answer; once its client can have all of it, it may ask for more."""
        if self.content_length is not None and self.content_bytes_written + len(data) >= self.content_length:
            self.channel.server.answered(self.request)
        super().write(data)


class Channel(HTTPChannel):
    """A connection with time limits, on what it receives as on what it sends."""

    parser_class = Parser
    task_class = Answer
    error_task_class = Refusal

    request: Any = None
    close_when_flushed = False
    was_handed_on = False
    _stage: tuple[str, object] = ("idle", None)
    since = 0.0
    _moved = 0
    _has_unread = False
    _to_drain = 0

    def received(self, data: bytes) -> bool:
        """Take bytes of requests."""
        self._moved += len(data)
        taken: bool = super().received(data)
        return taken

    def recv(self, buffer_size: int) -> bytes:
        """Receive what is there, more at a time of a body whose length is known."""
        remaining = getattr(self.request and self.request.body_rcv, "remain", 0)
        received: bytes = super().recv(max(buffer_size, min(remaining, BODY_BYTES)))
        return received

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what the client takes; return how many bytes that was."""
        sent: int = super().send(data, do_close=do_close)
        self._moved += sent
        return sent

    def service(self) -> None:
        """Answer a request, in a thread."""
        request = self.requests[0]
        self._has_unread = request.is_cut or request.error is not None
        try:
            super().service()
        finally:
            if self.server.answered(request):  # the loop has looked before
                self.server.pull_trigger()

    def readable(self) -> bool:
        """Return whether bytes of the client are wanted."""
        return bool(self._to_drain > 0 or super().readable())

    def handle_read(self) -> None:
        """Take what the client sends, or discard it once it was answered early."""
        if self._to_drain > 0:
            self._to_drain -= len(self.recv(RECEIVED_BYTES))
            if self._to_drain <= 0:
                self.handle_close()
        elif not self._hand_on():
            super().handle_read()

    def _hand_on(self) -> bool:
        """Hand the connection on where a request begins and others are to be answered first; only once."""
        begins = self.request is None and not self.requests and not self.was_handed_on
        self.was_handed_on = False
        if not (begins and self.server.hand_on(self.socket)):
            return False
        self.handle_close()  # of this process's descriptor; the connection is open in the queue
        return True

    def handle_write(self) -> None:
        """Send; a client that may still be sending is given time to read the answer."""
        if not (self._has_unread and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif not self.total_outbufs_len:
            self._has_unread = self.close_when_flushed = False
            self._to_drain = DRAIN_BYTES
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        """Close the connection, and the file of a body that has not arrived."""
        super().handle_close()
        if self.request is not None:
            self.request.close()

    @property
    def held(self) -> int:
        """Bytes of an unfinished body."""
        return self.request.body_bytes_received if self.request else 0

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn."""
        return self._stage[0] != "work"

    def _now_at(self) -> tuple[str, object]:
        request = self.request
        if self._to_drain > 0:
            return "drain", None
        if self.total_outbufs_len:
            return "send", None
        if self.requests:
            return "work", None
        if request is None:
            return "idle", self.last_activity
        return ("body" if request.headers_finished else "head"), request

    def _allowed(self) -> float:
        """Return the seconds that the present stage may take."""
        extra = self._moved / BYTES_A_SECOND
        patience = self.adj.request_seconds + extra
        return {
            "idle": self.adj.channel_timeout if self.server.accepting else DRAIN_SECONDS,
            "head": HEAD_SECONDS,
            "body": patience,
            "work": float("inf"),
            "send": patience,
            "drain": DRAIN_SECONDS,
        }[self._stage[0]]

    def check(self, now: float) -> None:
        """Cut the connection if its client has taken longer than it may; called once a second."""
        if (stage := self._now_at()) != self._stage:
            self._stage, self.since, self._moved = stage, now, 0
        if now - self.since <= self._allowed():
            return
        if stage[0] != "body":
            self.will_close = True
            return
        with self.requests_lock:
            self.request.cut()
            self.requests.append(self.request)
            self.request = None
        self.server.add_task(self)
