"""The index in use and its encoder: opened once there is one, then kept up to date."""

import logging
import threading
import time
from collections.abc import Callable

from index.errors import NoIndex
from index.stores.store import OpenIndex, Store
from training.errors import SilhouetteError
from training.photo.encoder import Encoder

STALE_SECONDS = 0.75
RETRY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class LiveIndex:
    """Hands out the searcher for a request, and keeps it up to date with versions and changes.

    Every request looks for them, which costs microseconds, so that a client sees its own changes whichever
    worker answers. While one request takes news up, the others go on with what is known; but none answers
    from what was known longer than `STALE_SECONDS` ago.

    Parameters
    ----------
    store : Store
        Where indexes are published.
    encoder : Encoder
        Must be the one that the index was built with.
    searcher : OpenIndex, optional
        Used instead of opening the store's.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        *,
        searcher: OpenIndex | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._searcher = searcher
        self._clock = clock
        self._lock = threading.Lock()
        self._checked = float("-inf")
        self._failure: SilhouetteError | None = None
        self._check_when_due()

    def searcher(self) -> OpenIndex:
        """Return a snapshot of the searcher, for the length of one request.

        Raises
        ------
        NoIndex, IndexDamaged, EncoderMismatch, StoreUnreachable
            Why no index is in use; the next call may find one.
        """
        self._check_when_due()
        if self._searcher is None:
            raise self._failure or NoIndex("No index has been opened yet. Retry.")
        return self._searcher.snapshot()

    @property
    def encoder(self) -> Encoder:
        """The encoder that queries are embedded with."""
        return self._encoder

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the encoder that queries are embedded with."""
        return self._encoder.fingerprint

    def refresh(self) -> None:
        """Look for changes immediately, after one was made here."""
        with self._lock:
            self._look()

    def _check_when_due(self) -> None:
        if not self._due() or not self._lock.acquire(blocking=self._age() >= STALE_SECONDS):
            return
        try:
            if self._due():  # unless another request has found no index while this one waited
                self._look()
        finally:
            self._lock.release()

    def _age(self) -> float:
        return self._clock() - self._checked

    def _due(self) -> bool:
        return self._searcher is not None or self._age() >= RETRY_SECONDS

    def _look(self) -> None:
        begun = self._clock()
        self._check()
        self._checked = begun

    def _check(self) -> None:
        if self._searcher is not None:
            self._searcher.refresh()
            return
        try:
            self._searcher = self._store.open(encoder=self._encoder)
        except SilhouetteError as error:
            if str(error) != str(self._failure):
                _log.warning("%s", error)
            self._failure = error
        else:
            _log.info("Index %s is in use", self._searcher.manifest.version)
