"""The queue that all workers share: connections on which a request begins, for the next worker that is free.

A connection stays with the worker that has accepted it, which may have other requests to answer while another
one has none. It is handed on as its file descriptor, before anything of the request has been read.
"""

import socket
from contextlib import suppress
from typing import Protocol

from waitress import wasyncore


class SharedQueue:
    """Connections that wait for a worker.

    It is made before the workers are forked; what one that has ended had put into it, the others take.
    """

    def __init__(self) -> None:
        self._back, self._front = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._back.setblocking(False)
        self._front.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable while a connection waits."""
        return self._front.fileno()

    def put(self, connection: socket.socket) -> bool:
        """Put a connection in; return whether there was room, which the system has for about ten."""
        try:
            socket.send_fds(self._back, [b"\0"], [connection.fileno()])
        except OSError:
            return False
        return True

    def take(self) -> socket.socket | None:
        """Return the connection that has waited longest; None where there is none, or another was quicker."""
        with suppress(OSError):
            _, descriptors, *_ = socket.recv_fds(self._front, 1, 1)
            return next((socket.socket(fileno=one) for one in descriptors), None)
        return None

    def close(self) -> None:
        """Close the ends that this process has of it."""
        self._back.close()
        self._front.close()


class Taker(Protocol):
    """A worker's server, which takes connections on."""

    def is_free(self) -> bool:
        """Return whether it would answer a request at once."""

    def take_on(self, connection: socket.socket) -> None:
        """Serve a connection."""


class Front(wasyncore.dispatcher):
    """The front of the queue, in the loop of a worker.

    Parameters
    ----------
    queue : SharedQueue
    server : Taker
    sockets : dict
        What the loop waits for.
    """

    def __init__(self, queue: SharedQueue, server: Taker, sockets: dict[int, object]) -> None:
        super().__init__(map=sockets)
        self._queue = queue
        self._server = server
        self.set_socket(queue)

    def readable(self) -> bool:
        """Return whether the next connection is taken."""
        return self._server.is_free()

    def writable(self) -> bool:
        """Return that nothing is sent this way."""
        return False

    def handle_read(self) -> None:
        """Take a connection on."""
        if (connection := self._queue.take()) is not None:
            self._server.take_on(connection)
