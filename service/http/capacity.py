"""Load shedding: a worker's queue slots and concurrency slots; what exceeds them is refused."""

import threading
from collections import Counter

from flask import Flask, g, request

from service.config import Config
from service.errors import RefusedRequest
from service.requests.operation import requested_operation

SPARE_THREADS = 16
"""Threads beyond what capacity admits: health, metrics, pages and pictures always find one."""


def threads(config: Config) -> int:
    """Return how many threads a worker needs to shed load and still answer everything else."""
    return config.searches_at_once + config.searches_waiting + SPARE_THREADS


class Capacity:
    """The queue slots and concurrency slots of one worker's heavy requests.

    Parameters
    ----------
    at_once : int
        Concurrency slots: how many are worked on at the same time.
    waiting : int
        How many more may wait for a concurrency slot.
    wait_seconds : float
        How long one waits for a concurrency slot.
    per_client : int
        Queue slots that one client may hold; 0 for any number.
    """

    def __init__(self, *, at_once: int, waiting: int, wait_seconds: float, per_client: int = 0) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._most = at_once + waiting
        self._wait_seconds = wait_seconds
        self._per_client = per_client
        self._lock = threading.Lock()
        self._clients: Counter[str] = Counter()

    def admit(self, client: str) -> None:
        """Give a request a queue slot, once the server has received it; `leave` must follow.

        Raises
        ------
        RefusedRequest
            With code `overloaded`, or `too_many_requests` where this client has its share under way.
        """
        with self._lock:
            if self._clients.total() >= self._most:
                raise RefusedRequest(
                    "overloaded", "All queue slots are taken. Retry after the time in Retry-After."
                )
            if self._per_client and self._clients[client] >= self._per_client:
                detail = f"At most {self._per_client} requests of one client are answered at a time. Retry."
                raise RefusedRequest("too_many_requests", detail)
            self._clients[client] += 1

    def leave(self, client: str) -> None:
        """Release the queue slot of a request that was admitted."""
        with self._lock:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def start(self) -> None:
        """Wait for a concurrency slot; `finish` must follow.

        Raises
        ------
        RefusedRequest
            With code `overloaded`: the wait was too long.
        """
        if not self._slots.acquire(timeout=self._wait_seconds):
            raise RefusedRequest("overloaded", "The queue is too long. Retry after the time in Retry-After.")

    def finish(self) -> None:
        """Release a concurrency slot."""
        self._slots.release()


def _receive() -> None:
    """Parse the body now; one that stopped half-way is refused without a concurrency slot."""
    if request.mimetype == "multipart/form-data":
        _ = request.files
    else:
        request.get_data()


def install_capacity(app: Flask, config: Config) -> None:
    """Queue the operations that shed load; all others are always answered."""
    capacity = Capacity(
        at_once=config.searches_at_once,
        waiting=config.searches_waiting,
        wait_seconds=config.wait_ms / 1000,
        per_client=config.client_searches,
    )

    def enter() -> None:
        operation = requested_operation()
        if operation is None or not operation.sheds:
            return
        client = request.remote_addr or ""
        capacity.admit(client)
        g.admitted = client
        _receive()
        capacity.start()
        g.has_slot = True

    def leave(_: BaseException | None) -> None:
        if g.pop("has_slot", False):
            capacity.finish()
        if (client := g.pop("admitted", None)) is not None:
            capacity.leave(client)

    app.before_request(enter)
    app.teardown_request(leave)
