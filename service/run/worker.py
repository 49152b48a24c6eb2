"""gunicorn's worker around waitress: requests and answers are buffered, so that only work takes a thread."""

import json
import logging
import os
import resource
import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from math import inf
from typing import Any

from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.http.message import Request  # type: ignore[import-untyped]
from gunicorn.http.unreader import IterUnreader  # type: ignore[import-untyped]
from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from service.errors import TITLES
from service.run.shared_queue import Front, SharedQueue

HEAD_SECONDS = 5.0
BYTES_A_SECOND = 20_000
"""Seconds for a request's head to arrive; bodies and answers get one more second for each this many bytes."""

DRAIN_SECONDS = 2.0
DRAIN_BYTES = 32 * 2**20
"""How long, and how much, a client that was answered early may go on sending before the connection is cut."""

CONNECTIONS = 1000
BUFFERED_BYTES = 2**29
"""How many connections, and how much of unfinished bodies, a worker holds; beyond, the slowest are cut."""

BODY_IN_MEMORY = 2**22
ANSWER_IN_MEMORY = 2**18
"""Bytes above which a body or an answer lies in a temporary file."""

RECEIVED_BYTES = 2**16
BODY_BYTES = 2**20
"""At a time, of anything and of a body whose length is known: each time costs a wait for Python's lock."""

LONGEST_HEAD = 2**16
CHUNKED_BYTES = 2**12
"""Of a chunked body at a time: waitress copies what is left of them for each chunk."""

LONGEST_ANSWER = 2**26
"""Bytes of an answer, other than a file, that are buffered before its thread has to wait."""

BUSY_SECONDS = 0.1
"""How long a request keeps others away from a worker, which is more than a search takes.

What takes longer rests now and then, or waits for a disk.
"""

SWITCH_SECONDS = 0.001
"""After which a thread yields Python's lock: the loop moves all bytes, and waits for it at every turn."""

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
            self.server.answered(request)

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
        self.del_channel()
        self.socket.close()
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


class Server(TcpWSGIServer):
    """waitress on a socket that all workers share.

    Parameters
    ----------
    shared : SharedQueue, optional
        Where there are other workers.
    arguments
        As waitress has them.
    """

    channel_class = Channel

    def __init__(self, *arguments: Any, shared: SharedQueue | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._shared = shared
        self._begun: dict[object, float] = {}
        if shared is not None:
            Front(shared, self, self._map)

    def is_busy(self) -> bool:
        """Return whether a request has begun and may soon be answered."""
        return time.monotonic() - max(self._begun.values(), default=-inf) < BUSY_SECONDS

    def is_free(self) -> bool:
        """Return whether it takes on what other workers hand on."""
        return self.accepting and not self.in_connection_overflow and not self.is_busy()

    def add_task(self, task: Channel) -> None:
        """Have a request answered in a thread."""
        self._begun[task.requests[0]] = time.monotonic()
        super().add_task(task)

    def answered(self, request: object) -> None:
        """Note that a request is answered; the loop may take on another one."""
        self._begun.pop(request, None)
        if self._shared is not None:
            self.pull_trigger()

    def hand_on(self, connection: socket.socket) -> bool:
        """Put a connection into the queue that all workers share; return whether it is there."""
        shared = self._shared
        return shared is not None and self.accepting and self.is_busy() and shared.put(connection)

    def take_on(self, connection: socket.socket) -> None:
        """Serve a connection that a worker has handed on."""
        try:
            address = self.fix_addr(connection.getpeername())
        except OSError:  # its client has left
            connection.close()
            return
        self.channel_class(self, connection, address, self.adj, map=self._map).was_handed_on = True

    def stop(self) -> None:
        """Accept no further connections; take on those that wait, for the other workers may stop, too."""
        self.accepting = False
        while self._shared is not None and (connection := self._shared.take()) is not None:
            self.take_on(connection)

    def maintenance(self, now: float) -> None:
        """Cut the connections that are too slow, and the slowest where there are too many."""
        now = time.monotonic()
        channels = list(self.active_channels.values())
        for channel in channels:
            channel.check(now)
        held = sum(channel.held for channel in channels)
        excess = len(self._map) - int(0.95 * CONNECTIONS) if self.in_connection_overflow else 0
        for channel in sorted((one for one in channels if one.is_waiting), key=lambda one: one.since):
            if excess > 0 or (held > BUFFERED_BYTES and channel.held):
                channel.will_close = True
                excess, held = excess - 1, held - channel.held


class LastFirst:
    """A condition variable that wakes who has waited least, so that few of many threads stay warm.

    `threading.Condition` wakes who has waited longest: each thread then keeps memory of its own.

    Parameters
    ----------
    lock : threading.Lock
        Held by whoever calls a method.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._waiting: list[threading.Lock] = []

    def wait(self) -> None:
        """Let go of the lock until woken, and take it again."""
        woken = threading.Lock()
        woken.acquire()
        self._waiting.append(woken)
        self._lock.release()
        try:
            woken.acquire()
        finally:
            self._lock.acquire()

    def notify(self) -> None:
        """Wake one thread, if any waits."""
        if self._waiting:
            self._waiting.pop().release()

    def notify_all(self) -> None:
        """Wake all threads that wait."""
        while self._waiting:
            self.notify()


def allow_files() -> None:
    """Let this process open as many files as its connections may need: a socket and two buffers each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 4 * CONNECTIONS)
    if soft != resource.RLIM_INFINITY:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def ignore_ends() -> None:
    """Let no further signal break into the end of this process; if it hangs, its main process kills it."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # an ignored one that waits already would print a traceback


class Worker(BaseWorker):
    """A process that gunicorn starts, watches and replaces, and in which waitress serves."""

    _server: Server | None = None

    def init_process(self) -> None:
        """Begin, and serve; an import that the end of this process has broken off is no failure."""
        try:
            super().init_process()
        except Exception:
            if self.alive:
                raise
            sys.exit(0)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Stop accepting connections, and end once what has begun is answered."""
        super().handle_exit(sig, frame)
        if self._server is not None:
            self._server.pull_trigger()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once."""
        ignore_ends()
        super().handle_quit(sig, frame)

    def _start(self) -> Server:
        allow_files()
        sys.setswitchinterval(SWITCH_SECONDS)
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.queue_cv = LastFirst(dispatcher.lock)
        dispatcher.set_thread_count(self.cfg.threads)
        adjustments = Adjustments(
            ident="silhouette",  # instead of the name of the server software, in the header Server
            clear_untrusted_proxy_headers=False,  # the application knows which proxies to believe
            recv_bytes=RECEIVED_BYTES,
            inbuf_overflow=BODY_IN_MEMORY,
            outbuf_overflow=ANSWER_IN_MEMORY,
            outbuf_high_watermark=LONGEST_ANSWER,
            max_request_header_size=LONGEST_HEAD,
            max_request_body_size=self.wsgi.config["MAX_CONTENT_LENGTH"] + 1,
            connection_limit=CONNECTIONS,
            cleanup_interval=1,
            channel_timeout=self.cfg.keepalive,
            log_socket_errors=False,
        )
        adjustments.gunicorn, adjustments.request_seconds = self.cfg, self.app.config.request_seconds
        listener = self.sockets[0].sock
        return Server(
            self.wsgi,
            {},
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
            shared=self.app.shared if self.cfg.workers > 1 else None,
        )

    def _turn(self, server: Server) -> None:
        """Wait for connections for up to a second, and move their bytes."""
        self.notify()
        seconds = BUSY_SECONDS if server.is_busy() else 1.0
        wasyncore.loop(timeout=seconds, use_poll=True, map=server._map, count=1)

    def run(self) -> None:
        """Serve until a signal comes or the main process is gone, then finish what has begun."""
        self._server = server = self._start()
        while self.alive and self.ppid == os.getppid():
            self._turn(server)
        server.stop()
        end = time.monotonic() + self.cfg.graceful_timeout
        while server.active_channels and time.monotonic() < end:
            self._turn(server)
        ignore_ends()
