"""Clients of a server under measurement, threads of one process: each sends photographs as forms."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import OK, SERVICE_UNAVAILABLE, HTTPConnection, HTTPResponse
from itertools import cycle
from queue import SimpleQueue

import numpy as np

_HEAD = (
    '--{}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
)


@dataclass(frozen=True)
class Load:
    """What clients saw.

    Parameters
    ----------
    seconds : float
        From the first request to the last answer.
    cpu_seconds : float
        CPU time of the clients' process.
    waits : tuple of float
        Seconds from when a request was due to its answer, of each that was answered.
    refused : int
        Requests that the server had no room for.
    """

    seconds: float
    cpu_seconds: float
    waits: tuple[float, ...]
    refused: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.waits) / self.seconds

    def wait_ms(self, percent: float) -> float:
        """Return the milliseconds that so many percent of the requests did not exceed."""
        return float(np.percentile(self.waits, percent)) * 1000


class _Clients:
    """Sends photographs in turn, over any number of connections that are kept alive."""

    def __init__(self, port: int, photographs: Sequence[bytes]) -> None:
        self._port = port
        self._photographs = cycle(photographs)

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._port, timeout=600)

    def search(self, connection: HTTPConnection) -> bool:
        """Send the next photograph; return whether it was answered, or refused for want of room.

        Raises
        ------
        RuntimeError
            The answer is another failure.
        """
        boundary = f"--------{secrets.token_hex(8)}"  # another one each time, as browsers do
        end = f"\r\n--{boundary}--\r\n"
        body = b"".join((_HEAD.format(boundary).encode(), next(self._photographs), end.encode()))
        try:
            response = self._answer(connection, body, boundary)
        except ConnectionError:  # closed by the server, because it was idle for so long
            connection.close()
            response = self._answer(connection, body, boundary)
        answer = response.read()
        if response.status not in (OK, SERVICE_UNAVAILABLE):
            raise RuntimeError(f"The server answered {response.status}: {answer[:300]!r}")
        return response.status == OK

    @staticmethod
    def _answer(connection: HTTPConnection, body: bytes, boundary: str) -> HTTPResponse:
        kind = f"multipart/form-data; boundary={boundary}"
        connection.request("POST", "/v1/search", body, {"Content-Type": kind})
        return connection.getresponse()


def _waits(clients: _Clients, moments: Iterator[float]) -> list[float | None]:
    """Send a request at each moment, over one connection; return how long each waited, None if refused."""
    with closing(clients.connect()) as connection:
        return [time.perf_counter() - due if clients.search(connection) else None for due in moments]


def _measured(clients: _Clients, lines: Sequence[Iterator[float]], *beside: Callable[[], None]) -> Load:
    """Send requests at the moments of each line, over a connection for each, and call what goes on beside."""
    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(len(lines) + len(beside)) as threads:
        called = [threads.submit(work) for work in beside]
        waits = [wait for waited in threads.map(partial(_waits, clients), lines) for wait in waited]
        for work in called:
            work.result()
    answered = tuple(wait for wait in waits if wait is not None)
    return Load(
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        waits=answered,
        refused=len(waits) - len(answered),
    )


def _until(end: float) -> Iterator[float]:
    """Yield the present moment until the end has come."""
    while (now := time.perf_counter()) < end:
        yield now


def without_pause(port: int, photographs: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Send the next request over each connection as soon as the last one is answered."""
    end = time.perf_counter() + seconds
    return _measured(_Clients(port, photographs), [_until(end) for _ in range(connections)])


def at_random(
    port: int, photographs: Sequence[bytes], *, rate: float, seconds: float, connections: int = 16
) -> Load:
    """Send `rate` requests a second on average, whether earlier ones are answered or not.

    The times between them are those of a Poisson process, the same ones each time. A request waits from when
    it was due, also where no connection was free.
    """
    gaps = np.random.default_rng(3).exponential(1 / rate, round(rate * seconds))
    due = time.perf_counter() + np.cumsum(gaps)
    queue: SimpleQueue[float | None] = SimpleQueue()

    def call() -> None:
        for moment in due.tolist():
            time.sleep(max(0.0, moment - time.perf_counter()))
            queue.put(moment)
        for _ in range(connections):
            queue.put(None)

    lines = [iter(queue.get, None) for _ in range(connections)]
    return _measured(_Clients(port, photographs), lines, call)
