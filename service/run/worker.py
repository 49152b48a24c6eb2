"""gunicorn's worker around waitress: requests and answers are buffered, so that only work takes a thread."""

import os
import resource
import signal
import socket
import sys
import threading
import time
from math import inf
from typing import Any

from gunicorn.workers.base import Worker as BaseWorker  # type: ignore[import-untyped]
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from service.run.channel import LONGEST_HEAD, RECEIVED_BYTES, Channel
from service.run.shared_queue import Front, SharedQueue

CONNECTIONS = 1000
BUFFERED_BYTES = 2**29
"""How many connections, and how much of unfinished bodies, a worker holds; beyond, the slowest are cut."""

BODY_IN_MEMORY = 2**22
ANSWER_IN_MEMORY = 2**18
"""Bytes above which a body or an answer lies in a temporary file."""

LONGEST_ANSWER = 2**26
"""Bytes of an answer, other than a file, that are buffered before its thread has to wait."""

BUSY_SECONDS = 0.1
"""How long a request keeps others away from a worker, which is more than a search takes.

What takes longer rests now and then, or waits for a disk.
"""

SWITCH_SECONDS = 0.001
"""After which a thread yields Python's lock: the loop moves all bytes, and waits for it at every turn."""


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
        return self._has_room() and not self.is_busy()

    def _has_room(self) -> bool:
        return self.accepting and not self.in_connection_overflow

    def add_task(self, task: Channel) -> None:
        """Have a request answered in a thread."""
        self._begun[task.requests[0]] = time.monotonic()
        super().add_task(task)

    def answered(self, request: object) -> bool:
        """Note that a request is answered, so that others may be taken on; return whether that is news."""
        return self._begun.pop(request, None) is not None

    def hand_on(self, connection: socket.socket) -> bool:
        """Put a connection into the queue that all workers share; return whether it is there."""
        shared = self._shared
        return shared is not None and self._has_room() and self.is_busy() and shared.put(connection)

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
