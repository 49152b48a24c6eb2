"""Photographs by address become files: fetched in parallel, with retries, only where they have changed."""

import os
import queue
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol, cast

from training.addresses import object_stores
from training.addresses.download import Answer, Downloader, Validators
from training.addresses.host_queues import HOPELESS, HostQueues, Task
from training.addresses.photograph_cache import FOLDER, Kept, PhotographCache
from training.addresses.public_hosts import Hosts
from training.errors import AddressRefused, AddressUnreachable, UnreadableImage
from training.photo.images import MAX_BYTES, decode
from training.photo.media_types import media_types
from training.progress import progress_bar

LONGEST_WAIT = 60.0
"""Seconds that a host may ask to be left alone for; where it asks for more, the address fails for now."""

_IN_MEMORY = 2**20
_SMALL = 16
_DECODING = threading.BoundedSemaphore(os.cpu_count() or 1)


@dataclass(frozen=True)
class Fetching:
    """How photographs by address are fetched.

    Parameters
    ----------
    allowed_hosts : tuple of str
        Hosts beside the public internet, and buckets, that may be asked.
    at_once, per_host : int
        Addresses that are asked at the same time, in all and of one host.
    attempts : int
        How often an address is asked at most.
    backoff : float
        Seconds before the second attempt, twice as long before each further one; by chance up to half more or
        less.
    seconds : float
        For one attempt, redirects included.
    max_bytes : int
        Ceiling on a file.
    cache_bytes : int
        What photographs may take on disk that no catalogue has named lately.
    progress : bool
        Show a bar on standard error.
    """

    allowed_hosts: tuple[str, ...] = ()
    at_once: int = 128
    per_host: int = 100
    attempts: int = 4
    backoff: float = 0.5
    seconds: float = 30.0
    max_bytes: int = MAX_BYTES
    cache_bytes: int = 20 * 2**30
    progress: bool = False

    def wait_after(self, attempt: int, error: AddressUnreachable) -> float | None:
        """Return the seconds until the next attempt; None where there is none."""
        wanted = error.retry_after or 0.0
        if not error.passing or attempt >= self.attempts or wanted > LONGEST_WAIT:
            return None
        return max(wanted, self.backoff * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))


class Meanwhile(Protocol):
    """What is done with photographs that are here while others are fetched."""

    def offer(self, path: Path, category: str | None) -> None:
        """Take a photograph of an item of a category, to work on it later or never."""
        ...

    def work(self) -> int:
        """Work for about a second, where no photograph comes; return how many are done so far."""
        ...


@dataclass(frozen=True)
class Fetched:
    """What has become of an address.

    Parameters
    ----------
    path : Path or None
        Its photograph: the present one, or else the last that could be fetched.
    problem : str or None
        Why it could not be fetched now.
    """

    path: Path | None
    problem: str | None = None


@dataclass(frozen=True)
class _Outcome:
    """How a task has ended: with a photograph, the one that is kept, or an error."""

    address: str
    path: Path | None = None
    validators: Validators = Validators()
    error: Exception | None = None


class _Run:
    """What the threads do that work off the queues; what becomes of each address is put into `outcomes`."""

    def __init__(
        self, queues: HostQueues, cache: PhotographCache, kept: Mapping[str, Kept], settings: Fetching
    ) -> None:
        self._queues = queues
        self._cache = cache
        self._kept = kept
        self._settings = settings
        self._hosts = Hosts(settings.allowed_hosts)
        self.outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()

    def work(self) -> None:
        """Fetch until nothing is left."""
        with Downloader(self._hosts) as downloader:
            while (task := self._queues.next()) is not None:
                try:
                    outcome = self._hopeless(task) or self._attempt(task, downloader)
                except AddressUnreachable as error:
                    if self._put_back(task, error):
                        continue
                    outcome = _Outcome(task.address, error=error)
                except Exception as error:
                    outcome = _Outcome(task.address, error=error)
                self._queues.done(task)
                self.outcomes.put(outcome)

    def _hopeless(self, task: Task) -> _Outcome | None:
        if not self._queues.is_hopeless(task.host):
            return None
        error = AddressUnreachable(f"The host {task.host!r} has not answered {HOPELESS} times in a row.")
        return _Outcome(task.address, error=error)

    def _attempt(self, task: Task, downloader: Downloader) -> _Outcome:
        kept = self._kept.get(task.address)
        with SpooledTemporaryFile(_IN_MEMORY, dir=str(self._cache.folder)) as file:
            known = kept.validators if kept and kept.validators.headers() else None
            answer = self._download(task.address, cast(BinaryIO, file), downloader, known)
            self._queues.answered(task.host, True)
            if kept and not answer.changed:
                return _Outcome(task.address, kept.path)
            file.seek(0)
            data = file.read()
        with _DECODING:  # what can't be decoded does not take the place of what could
            decode(data, size=_SMALL)
        return _Outcome(task.address, self._cache.store(data), answer.validators)

    def _download(
        self,
        address: str,
        file: BinaryIO,
        downloader: Downloader,
        known: Validators | None,
    ) -> Answer:
        settings, scheme = self._settings, address.partition(":")[0].lower()
        if scheme in object_stores.STORES:
            return object_stores.download(
                address, file, hosts=self._hosts, max_bytes=settings.max_bytes, known=known
            )
        if scheme not in ("http", "https"):
            accepted = ", ".join(("http", "https", *object_stores.STORES))
            raise AddressRefused(f"Nothing is fetched over {scheme!r:.20}. Accepted: {accepted}.")
        return downloader.download(
            address,
            file,
            max_bytes=settings.max_bytes,
            seconds=settings.seconds,
            accept=", ".join(media_types()),
            known=known,
        )

    def _put_back(self, task: Task, error: AddressUnreachable) -> bool:
        """Return whether a task that has failed is to be tried again, and when."""
        wanted = error.retry_after
        self._queues.answered(task.host, not error.passing or wanted is not None)
        if (seconds := self._settings.wait_after(task.attempt, error)) is None:
            return False
        self._queues.again(task, seconds=seconds, pause=wanted is not None)
        return True


@contextmanager
def _working(run: _Run, queues: HostQueues, threads: int) -> Iterator[None]:
    for _ in range(threads):
        threading.Thread(target=run.work, name="fetching", daemon=True).start()
    try:
        yield
    finally:
        queues.stop()


def _settled(outcome: _Outcome, kept: Kept | None, cache: PhotographCache) -> Fetched:
    if outcome.path is not None:
        if kept is None or outcome.path != kept.path or outcome.validators.headers():
            cache.record(outcome.address, outcome.path, outcome.validators)
        return Fetched(outcome.path)
    if not isinstance(outcome.error, (AddressRefused, AddressUnreachable, UnreadableImage)):
        assert outcome.error is not None, "an outcome without a photograph has an error"
        raise outcome.error
    problem = f"not fetched: {outcome.error}"
    if kept is None or isinstance(outcome.error, AddressRefused):
        return Fetched(None, problem)
    return Fetched(kept.path, f"{problem} The photograph fetched on {kept.fetched} is kept.")


def fetch_all(
    addresses: Mapping[str, str | None],
    *,
    cache: Path,
    settings: Fetching,
    meanwhile: Meanwhile | None = None,
) -> dict[str, Fetched]:
    """Fetch the photographs of addresses, each once, or ask whether those that are kept have changed.

    Parameters
    ----------
    addresses : mapping of str to str or None
        The category of an item with each.
    cache : Path
        Folder below which photographs are kept, in `FOLDER`.
    settings : Fetching
    meanwhile : Meanwhile, optional
        It is offered each photograph that has come, and works where no other one has come in that moment.

    Returns
    -------
    dict
        What has become of each address.

    Raises
    ------
    CacheUnusable
        Photographs can't be written.
    NotInstalled
        An address needs a package that is not there.
    """
    wanted = list(addresses)
    found: dict[str, Fetched] = {}
    with PhotographCache(cache / FOLDER) as photographs:
        kept = photographs.find(wanted)
        queues = HostQueues(wanted, per_host=settings.per_host)
        run = _Run(queues, photographs, kept, settings)
        bar = progress_bar(total=len(wanted), desc="Fetching", unit="photo", disable=not settings.progress)
        with bar, _working(run, queues, min(settings.at_once, queues.turns)):
            for _ in wanted:
                if meanwhile is not None and run.outcomes.empty() and (done := meanwhile.work()):
                    bar.set_postfix(embedded=f"{done:,}")
                outcome = run.outcomes.get()
                before = kept.get(outcome.address)
                found[outcome.address] = _settled(outcome, before, photographs)
                if meanwhile is not None and outcome.path not in (None, before and before.path):
                    meanwhile.offer(outcome.path, addresses[outcome.address])
                bar.update()
        photographs.shrink(settings.cache_bytes)
    return found
