"""One query measured in turns: its parts alone in this process, the service and the rival, round by round."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from statistics import median
from time import process_time

import numpy as np

from benchmarks.load import Load, at_random, without_pause
from benchmarks.processes import busy_seconds
from benchmarks.servers import Server
from benchmarks.stock import LIMIT
from index.vectors.vector_index import VectorIndex
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, isolate
from training.photo.images import decode
from training.photo.orientation import likely

PARTS = ("decode", "cut-out", "encode", "search")
WORKERS = 2
CONNECTIONS = 8
SHARE = 0.7
"""Of the highest rate: so many requests arrive at random."""

_WARM_UP = 3


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Parameters
    ----------
    items : int
        Vectors of the index.
    like : int
        Drawn garments as whose embeddings they lie.
    rounds : int
    seconds, arrivals : float
        How long a load takes, and random arrivals.
    photographs : tuple of int
        How many of each size.
    """

    items: int
    like: int
    rounds: int
    seconds: float
    arrivals: float
    photographs: tuple[int, int]


FULL = Plan(items=100_000, like=400, rounds=3, seconds=5, arrivals=30, photographs=(12, 6))
QUICK = Plan(items=2000, like=40, rounds=1, seconds=1, arrivals=2, photographs=(4, 2))


def _all(parts: np.ndarray) -> float:
    return float(parts.sum(axis=1).mean())


@dataclass(frozen=True)
class Round:
    """One turn of all that is compared.

    Parameters
    ----------
    parts : float (n, 4)
        Milliseconds of CPU time of each of `PARTS`, a row a photograph.
    alone : float
        Milliseconds of CPU time of a request to the service, one after the other.
    one_way : tuple of float
        The same, and of its parts, of the photographs alone that are sure to stand upright.
    load : Load
        Of the service, by `CONNECTIONS` that never pause.
    loaded : float
        Milliseconds of CPU time of a request to the service under that load.
    left : float
        Cores that the clients and all other programs left to the service meanwhile.
    rival : Load
        Of the rival, by one connection a worker: it does one request at a time.
    """

    parts: np.ndarray
    alone: float
    one_way: tuple[float, float]
    load: Load
    loaded: float
    left: float
    rival: Load

    @property
    def floor(self) -> float:
        """Milliseconds of CPU time of all parts of a query."""
        return _all(self.parts)


@dataclass(frozen=True)
class Measured:
    """All that was measured with photographs of one size; `arrivals` came at random, at `SHARE` of the rate.

    Parameters
    ----------
    rounds : sequence of Round
    arrivals : Load
    """

    rounds: Sequence[Round]
    arrivals: Load

    def typical(self, figure: Callable[[Round], float]) -> float:
        """Return the median of a figure over the rounds."""
        return median(map(figure, self.rounds))


class Turns:
    """What is compared, ready to be measured.

    Parameters
    ----------
    plan : Plan
    encoder : Encoder
    index : VectorIndex
        That of the service.
    service, rival : Server
    clients : Executor
        Of one process, in which the clients are threads.
    """

    def __init__(
        self,
        plan: Plan,
        encoder: Encoder,
        index: VectorIndex,
        *,
        service: Server,
        rival: Server,
        clients: Executor,
    ) -> None:
        self._plan = plan
        self._encoder = encoder
        self._service = service
        self._rival = rival
        self._clients = clients
        self._index = index

    def measure(self, photos: Sequence[bytes]) -> Measured:
        """Measure everything with photographs of one size, all servers being warm."""
        self._load(self._service, photos, connections=CONNECTIONS)
        self._load(self._rival, photos, connections=WORKERS)
        sure = np.array([self._stands_sure(photo) for photo in photos])
        sure |= not sure.any()
        rounds = [self._round(photos, sure) for _ in range(self._plan.rounds)]
        rate = SHARE * median(turn.load.rate for turn in rounds)
        arrivals = self._clients.submit(
            at_random, self._service.port, photos, rate=rate, seconds=self._plan.arrivals
        )
        return Measured(rounds, arrivals.result())

    def _stands_sure(self, photo: bytes) -> bool:
        """Return whether the service searches a photograph one way only."""
        return len(likely(decode(photo, size=WORKING_SIZE), self._encoder.segmenter)) == 1

    def _round(self, photos: Sequence[bytes], sure: np.ndarray) -> Round:
        parts = self._floor(photos)
        _, alone, _ = self._costs(photos, connections=1)
        _, one_way, _ = self._costs([photos[at] for at in np.flatnonzero(sure)], connections=1)
        load, loaded, left = self._costs(photos, connections=CONNECTIONS)
        rival = self._load(self._rival, photos, connections=WORKERS)
        return Round(parts, alone, (one_way, _all(parts[np.tile(sure, 2)])), load, loaded, left, rival)

    def _floor(self, photos: Sequence[bytes]) -> np.ndarray:
        """Return milliseconds of CPU time, float (n, 4), once the parts are warm."""
        for photo in photos[:_WARM_UP]:
            self._parts(photo)
        return np.array([self._parts(photo) for photo in [*photos, *photos]])

    def _parts(self, photograph: bytes) -> np.ndarray:
        times = [process_time()]
        photo = decode(photograph, size=WORKING_SIZE)
        times.append(process_time())
        garment = isolate(photo, segmenter=self._encoder.segmenter)
        times.append(process_time())
        vector = self._encoder.embed_garments([garment])
        times.append(process_time())
        self._index.search(vector, LIMIT)
        times.append(process_time())
        return np.diff(times) * 1000

    def _load(self, server: Server, photos: Sequence[bytes], *, connections: int) -> Load:
        asked = {"connections": connections, "seconds": self._plan.seconds}
        return self._clients.submit(without_pause, server.port, photos, **asked).result()

    def _costs(self, photos: Sequence[bytes], *, connections: int) -> tuple[Load, float, float]:
        """Return a load of the service, its CPU time a request in ms, and the cores that were left to it."""
        had, busy = self._service.cpu_seconds(), busy_seconds()
        load = self._load(self._service, photos, connections=connections)
        took, busy = self._service.cpu_seconds() - had, busy_seconds() - busy
        left = (os.cpu_count() or 1) - max(0.0, busy - took) / load.seconds
        return load, took / len(load.waits) * 1000, left
