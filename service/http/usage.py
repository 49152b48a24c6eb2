"""How the service is used: searches, refusals, latencies and loose answers, counted and kept by the hour."""

import atexit
import hashlib
import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask, Response, request

from service.http.logs import elapsed, problem_code
from service.http.usage_file import DAYS, HOUR, LOOSE_KEPT, Counts, LooseQuery, UsageFile, latency_class
from service.picture.query_thumbnail import QueryThumbnails

KEEP_SECONDS = 10.0
"""How often a worker adds its counts to the file: what a worker that is killed loses at most."""

SEARCHES, BATCH = ("search.search", "items.similar"), "search.batch"
"""Endpoints whose requests are searches, and the one whose view counts those that it holds."""

BUSY = ("overloaded", "too_many_requests")

_log = logging.getLogger(__name__)


def digest_of(query_id: str) -> str:
    """Return what a query is known by in the file: its id opens its picture, so it is not written down."""
    return hashlib.sha256(query_id.encode("utf-8", "surrogatepass")).hexdigest()[:24]


class Usage:
    """Counts of this process, and the file to which all processes add theirs.

    Parameters
    ----------
    path : Path
        The file.
    thumbnails : QueryThumbnails, optional
        Makes the pictures of queries; without it none are kept.
    clock : callable
        Seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        *,
        thumbnails: QueryThumbnails | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.file = UsageFile(path)
        self._thumbnails = thumbnails
        self._clock = clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._counts: Counts = Counter()
        self._loose: deque[tuple[LooseQuery, str | None]] = deque(maxlen=LOOSE_KEPT)
        self._forgotten: set[str] = set()
        self._complaint = ""

    @property
    def keeps_pictures(self) -> bool:
        """Whether queries that found nothing close are kept with their pictures."""
        return self._thumbnails is not None

    def _count(self, *figures: str) -> None:
        hour = int(self._clock() // HOUR)
        with self._lock:
            for figure in figures:
                self._counts[hour, figure] += 1

    def answered(self, seconds: float) -> None:
        """Count a search that was answered."""
        self._count(latency_class(seconds))

    def refused(self, code: str) -> None:
        """Count a search that failed, or was refused, with an error code."""
        self._count("refused", *(["busy"] if code in BUSY else []))

    def judged(self, found: LooseQuery, *, close: bool, query_id: str | None) -> None:
        """Count an answer to a picture; where it was not close, note the query."""
        self._count("judged", *([] if close else ["loose"]))
        if not close:
            digest = None if query_id is None else digest_of(query_id)
            self._loose.append((replace(found, at=self._clock(), query=digest), query_id))

    def _written(self, write: Callable[[], None]) -> bool:
        """Write to the file; return whether that went well. What went wrong is logged once."""
        try:
            write()
        except (sqlite3.Error, OSError) as error:
            if str(error) != self._complaint:
                _log.warning("How the service is used can't be kept in '%s': %s", self.file.path, error)
            self._complaint = str(error)
            return False
        self._complaint = ""
        return True

    def forget(self, query_id: str) -> None:
        """Remove the picture of a query whose upload was deleted; where that fails now, `keep` does it."""
        if self._thumbnails is not None:
            self._forgotten.add(digest_of(query_id))
            self._forget()

    def _forget(self) -> None:
        forgotten = frozenset(self._forgotten)
        if forgotten and self._written(lambda: self.file.forget_pictures(forgotten)):
            self._forgotten -= forgotten

    def _with_picture(self, query: LooseQuery, query_id: str | None) -> LooseQuery:
        if self._thumbnails is None or query_id is None:
            return query
        return replace(query, picture=self._thumbnails.make(query_id))

    def _is_deleted(self, query_id: str | None) -> bool:
        return (
            self._thumbnails is not None and query_id is not None and not self._thumbnails.is_held(query_id)
        )

    def keep(self, *, pictures: bool = True) -> None:
        """Add what was counted to the file; what can't be added stays.

        A picture whose upload was deleted while it was made, through any worker, is forgotten again.
        """
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, Counter()
            noted = [self._loose.popleft() for _ in range(len(self._loose))]
            loose = [self._with_picture(*each) if pictures else each[0] for each in noted]
            if counts and not self._written(lambda: self.file.add(counts, loose, now=self._clock())):
                first = self._clock() // HOUR - DAYS * 24
                with self._lock:
                    self._counts.update({key: count for key, count in counts.items() if key[0] > first})
                self._loose.extendleft(reversed(noted))
                return
            self._forgotten |= {query.query for query, of in noted if query.query and self._is_deleted(of)}
            self._forget()

    def keep_on(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Keep what is counted from now on, in a thread of its own, and at the end of the process.

        Parameters
        ----------
        wait : callable
            Waits so many seconds; something true ends the thread.
        """

        def keeping() -> None:
            while not wait(KEEP_SECONDS):
                self.keep()

        if not self.keeps_pictures and self.file.path.exists():  # they may have been wanted before
            self._written(self.file.forget_pictures)
        atexit.register(partial(self.keep, pictures=False))  # what decodes them may have ended
        threading.Thread(target=keeping, name="usage", daemon=True).start()

    def observe(self, response: Response) -> Response:
        """Count the response to a search; whatever fails in that does not fail the response."""
        try:
            if request.endpoint in (*SEARCHES, BATCH) and request.method != "OPTIONS":
                if code := problem_code(response):
                    self.refused(code)
                elif request.endpoint != BATCH:
                    self.answered(elapsed())
        except Exception:
            _log.exception("A search was not counted")
        return response


def install_usage(app: Flask, usage: Usage) -> None:
    """Count the searches of `app`."""
    app.extensions["silhouette.usage"] = usage
    app.after_request(usage.observe)
