"""Addresses in a queue for each host: only so many of it are asked at a time, and none before its time."""

import heapq
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

FIRST_TURNS = 16
HOPELESS = 100
"""Attempts in a row that a host has not answered, after which its other addresses are not asked."""


@dataclass(frozen=True)
class Task:
    """An address to ask for the n-th time, at the earliest at a time of the clock."""

    address: str
    host: str
    attempt: int = 1
    not_before: float = 0.0


def host_of(address: str) -> str:
    """Return the host and port of an address, or the bucket; an empty text where it has none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


class HostQueues:
    """Hands out tasks to threads. Each one that is handed out is followed by `done` or `again`.

    A host has turns: who takes a task holds one and gives it back. There are `FIRST_TURNS` at the beginning
    and one more with each task that is done, up to `per_host`, so that no host is overrun. A host that asks
    to be left alone is, and gets half of its turns from then on.

    Parameters
    ----------
    addresses : iterable of str
    per_host : int
    clock : callable
        Seconds, of any origin.
    """

    def __init__(
        self, addresses: Iterable[str], *, per_host: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._tasks: defaultdict[str, deque[Task]] = defaultdict(deque)
        for address in addresses:
            host = host_of(address)
            self._tasks[host].append(Task(address, host))
        self._open = sum(map(len, self._tasks.values()))
        self._ceiling = {host: min(per_host, len(tasks)) for host, tasks in self._tasks.items()}
        self._most = {host: min(most, FIRST_TURNS) for host, most in self._ceiling.items()}
        self._held = Counter(self._most)
        self._silent: Counter[str] = Counter()
        self._paused: defaultdict[str, float] = defaultdict(float)
        self._changed = threading.Condition()
        self._numbers = count()
        self._turns: list[tuple[float, int, str]] = []  # by time, then by turns between hosts
        for turn in range(FIRST_TURNS):
            for host, held in self._held.items():
                if turn < held:
                    self._push(host, 0.0)

    @property
    def turns(self) -> int:
        """How many tasks may be handed out at the same time."""
        return sum(self._ceiling.values())

    def next(self) -> Task | None:
        """Wait for a task that is due and return it; None once all are done."""
        with self._changed:
            while self._open:
                if (task := self._due()) is not None:
                    return task
                self._changed.wait(max(self._turns[0][0] - self._clock(), 0.0) if self._turns else None)
            return None

    def done(self, task: Task) -> None:
        """Settle a task for good."""
        with self._changed:
            self._open -= 1
            if self._most[task.host] < self._ceiling[task.host]:
                self._most[task.host] += 1
                self._held[task.host] += 1
                self._push(task.host, self._clock())
            self._give_back(task.host, self._clock())
            if self._open:
                self._changed.notify(2)  # as many as there are turns more: further ones would wake in vain
            else:
                self._changed.notify_all()

    def again(self, task: Task, *, seconds: float, pause: bool = False) -> None:
        """Put a task back for another attempt in so many seconds; `pause` holds back all of its host."""
        with self._changed:
            due = self._clock() + seconds
            self._tasks[task.host].append(Task(task.address, task.host, task.attempt + 1, due))
            if pause:
                if self._paused[task.host] <= self._clock():
                    self._most[task.host] = self._ceiling[task.host] = max(self._most[task.host] // 2, 1)
                self._paused[task.host] = max(self._paused[task.host], due)
            self._give_back(task.host, self._clock())
            self._changed.notify()

    def answered(self, host: str, answered: bool) -> None:
        """Note whether a host has answered."""
        with self._changed:
            self._silent[host] = 0 if answered else self._silent[host] + 1

    def is_hopeless(self, host: str) -> bool:
        """Return whether a host has not answered for so long that asking is of no use."""
        return self._silent[host] >= HOPELESS

    def stop(self) -> None:
        """Hand out nothing any more."""
        with self._changed:
            self._open = 0
            self._changed.notify_all()

    def _push(self, host: str, at: float) -> None:
        heapq.heappush(self._turns, (at, next(self._numbers), host))

    def _give_back(self, host: str, at: float) -> None:
        if self._tasks[host] and self._held[host] <= self._most[host]:
            self._push(host, at)
        else:
            self._held[host] -= 1

    def _due(self) -> Task | None:
        """Take the first task that may be asked now; None where none may."""
        now = self._clock()
        while self._turns and self._turns[0][0] <= now:
            _, _, host = heapq.heappop(self._turns)
            tasks = self._tasks[host]
            later = max(self._paused[host], tasks[0].not_before) if tasks else 0.0
            if not tasks or self._held[host] > self._most[host]:
                self._held[host] -= 1
            elif later > now:
                self._push(host, later)
            else:
                return tasks.popleft()
        return None
