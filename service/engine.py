"""The index in use and its encoder: opened when there is one, and replaced when a newer one is published."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from index.errors import NoIndex
from index.searcher import Searcher
from training.encoder import Encoder
from training.errors import SilhouetteError

CHECK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Engine:
    """Hands out the searcher to answer a request with, and looks for a new index at most once a second.

    Parameters
    ----------
    indexes : Path
        Folder that indexes are published in.
    encoder : Encoder
        Must be the one that the index was built with.
    searcher : Searcher, optional
        Used instead of opening `indexes`.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        indexes: Path,
        encoder: Encoder,
        *,
        searcher: Searcher | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._indexes = indexes
        self._encoder = encoder
        self._searcher = searcher
        self._clock = clock
        self._lock = threading.Lock()
        self._next_check = float("-inf")
        self._failure: SilhouetteError | None = None
        self._check_when_due()

    def searcher(self) -> Searcher:
        """Return a searcher that stays with one version of the index, for the length of one request.

        Raises
        ------
        NoIndex, IndexDamaged, EncoderMismatch
            Why no index is in use; the next call may find one.
        """
        self._check_when_due()
        if self._searcher is None:
            raise self._failure or NoIndex("No index has been opened yet. Retry.")
        return self._searcher.snapshot()

    def _check_when_due(self) -> None:
        if self._clock() < self._next_check or not self._lock.acquire(blocking=False):
            return
        try:
            self._next_check = self._clock() + CHECK_SECONDS
            self._check()
        finally:
            self._lock.release()

    def _check(self) -> None:
        if self._searcher is not None:
            self._searcher.refresh()
            return
        try:
            self._searcher = Searcher.open(self._indexes, encoder=self._encoder)
        except SilhouetteError as error:
            if str(error) != str(self._failure):
                _log.warning("%s", error)
            self._failure = error
        else:
            _log.info("Index %s is in use", self._searcher.manifest.version)
