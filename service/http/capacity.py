"""Load shedding: a worker's queue slots and concurrency slots; what exceeds them is refused."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g, request

from service.config import Config
from service.errors import RefusedRequest
from service.requests.operation import requested_operation

SPARE_THREADS = 16
"""Threads beyond what capacity admits: health, metrics, pages and pictures always find one."""

THUMBNAILS_WAITING = 32
"""Requests that may wait in a worker until their thumbnail is made: more than a page of results has."""

WORK_SECONDS = 0.005
"""CPU time of a request of many parts before it rests, if others are under way."""

T = TypeVar("T")

_KEPT = "silhouette.capacity"


def threads(config: Config) -> int:
    """Return how many threads a worker needs to shed load and still answer everything else."""
    return config.searches_at_once + config.searches_waiting + THUMBNAILS_WAITING + SPARE_THREADS


class _Slots:
    """Concurrency slots, given in the order in which they were asked for.

    Requests that have begun and gave way wait in a line of their own. Where some wait in both lines, the
    lines take turns.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._changed = threading.Condition()
        self._new: deque[object] = deque()
        self._begun: deque[object] = deque()
        self._begun_first = False

    def _next(self) -> object:
        line = self._begun or self._new if self._begun_first else self._new or self._begun
        return next(iter(line), None)

    def take(self, timeout: float | None, *, begun: bool = False) -> bool:
        """Wait in the line of new requests, or of those that have begun; return whether there was a slot."""
        ticket, line = object(), self._begun if begun else self._new
        with self._changed:
            line.append(ticket)
            try:
                taken = self._changed.wait_for(lambda: self._free and self._next() is ticket, timeout)
                if taken:
                    self._free -= 1
                    self._begun_first = not begun and bool(self._begun)
                return bool(taken)
            finally:
                line.remove(ticket)
                self._changed.notify_all()

    def give(self) -> None:
        """Give a slot back."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()


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
        self._slots = _Slots(at_once)
        self._most = at_once + waiting
        self._wait_seconds = wait_seconds
        self._per_client = per_client
        self._lock = threading.Lock()
        self._clients: Counter[str] = Counter()
        self._most_batches = max(1, self._most // 2)
        self._batches = 0
        self._thumbnails = threading.Semaphore(THUMBNAILS_WAITING)
        self._making = threading.Lock()

    def admit(self, client: str, *, batch: bool = False) -> None:
        """Give a request a queue slot, once the server has received it; `leave` must follow.

        Batches get half of all queue slots, and one at least.

        Raises
        ------
        RefusedRequest
            With code `overloaded`, or `too_many_requests` where this client has its share under way.
        """
        with self._lock:
            if self._clients.total() >= self._most or (batch and self._batches >= self._most_batches):
                raise RefusedRequest(
                    "overloaded", "All queue slots for it are taken. Retry after the time in Retry-After."
                )
            if self._per_client and self._clients[client] >= self._per_client:
                detail = f"At most {self._per_client} requests of one client are answered at a time. Retry."
                raise RefusedRequest("too_many_requests", detail)
            self._clients[client] += 1
            self._batches += batch

    def leave(self, client: str, *, batch: bool = False) -> None:
        """Release the queue slot of a request that was admitted."""
        with self._lock:
            self._batches -= batch
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def others(self) -> bool:
        """Return whether more requests than one hold queue slots."""
        return self._clients.total() > 1

    def start(self) -> None:
        """Wait for a concurrency slot; `finish` must follow.

        Raises
        ------
        RefusedRequest
            With code `overloaded`: the wait was too long.
        """
        if not self._slots.take(self._wait_seconds):
            raise RefusedRequest("overloaded", "The queue is too long. Retry after the time in Retry-After.")

    def finish(self) -> None:
        """Release a concurrency slot."""
        self._slots.give()

    def resume(self) -> None:
        """Wait for a concurrency slot again, as long as it takes: what was begun is finished."""
        self._slots.take(None, begun=True)

    @contextmanager
    def thumbnail(self) -> Iterator[None]:
        """Let a worker make one thumbnail at a time, so that searches keep the other concurrency slots.

        Raises
        ------
        RefusedRequest
            With code `overloaded`: too many wait.
        """
        if not self._thumbnails.acquire(blocking=False):
            raise RefusedRequest("overloaded", "Too many thumbnails are being made. Retry.")
        try:
            with self._making:
                yield
        finally:
            self._thumbnails.release()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a concurrency slot, as long as the wait for it takes."""
        self.resume()
        try:
            yield
        finally:
            self.finish()


def capacity_in_use() -> Capacity:
    """Return the slots of this worker."""
    return cast(Capacity, current_app.extensions[_KEPT])


def give_way() -> None:
    """Between two parts of a request's work, let a search that waits for its concurrency slot have it."""
    capacity = capacity_in_use()
    if g.pop("has_slot", False):
        capacity.finish()
        capacity.resume()
        g.has_slot = True


def resting(parts: Iterable[T]) -> Iterator[T]:
    """Yield parts of a request's work in Python, which rests as long as it has worked while others are there.

    Python's lock is fair to threads and not to requests: a search leaves it and wants it back at each step.
    """
    since = time.thread_time()
    for part in parts:
        yield part
        worked = time.thread_time() - since
        if worked >= WORK_SECONDS:
            if capacity_in_use().others():
                time.sleep(worked)
            since = time.thread_time()


def _receive() -> None:
    """Parse the body now; one that stopped half-way is refused without a concurrency slot."""
    if request.mimetype == "multipart/form-data":
        _ = request.files
    else:
        request.get_data()


def install_capacity(app: Flask, config: Config) -> None:
    """Queue the operations that shed load; all others are always answered."""
    app.extensions[_KEPT] = capacity = Capacity(
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
        admitted: dict[str, Any] = {"client": client, "batch": operation.several}
        capacity.admit(**admitted)
        g.admitted = admitted
        _receive()
        capacity.start()
        g.has_slot = True

    def leave(_: BaseException | None) -> None:
        if g.pop("has_slot", False):
            capacity.finish()
        if admitted := g.pop("admitted", None):
            capacity.leave(**admitted)

    app.before_request(enter)
    app.teardown_request(leave)
