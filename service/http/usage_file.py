"""The file that keeps how the service was used: counts of each hour, and queries that found nothing close.

Any number of processes write to it. Each adds up its own counts first, so that no search waits for a disk.
"""

import math
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

HOUR = 3600
DAYS = 31
"""How long figures are kept."""

LOOSE_KEPT = 200
"""How many of the queries that found nothing close are kept, the newest ones."""

BUSY_SECONDS = 5.0
_A_DECADE = 20
LATENCY_MS = tuple(10 ** (step / _A_DECADE) for step in range(5 * _A_DECADE + 1))
"""Upper bounds of the classes that latencies are counted in, 1 ms to 100 s, each 12 % above the last."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS counts (
    hour INTEGER NOT NULL, figure TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (hour, figure)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS loose (
    id INTEGER PRIMARY KEY AUTOINCREMENT, query TEXT UNIQUE, at REAL NOT NULL, kind TEXT NOT NULL,
    category TEXT, confidence REAL, percentile REAL, picture BLOB
);
"""

Counts = Counter[tuple[int, str]]
"""How often each figure was counted in each hour; hours are numbered from 1970 on."""


@dataclass(frozen=True)
class LooseQuery:
    """A query that found nothing close.

    Parameters
    ----------
    kind : str
        "photo" or "sketch".
    category : str or None
        The category that its neighbours speak for.
    confidence : float or None
        In [0, 1], as in the answer.
    percentile : float or None
        That of the first result.
    at : float
        Seconds since 1970.
    query : str or None
        A digest of the picture's `query_id`, so that a picture that is searched with again counts once.
    picture : bytes or None
        A thumbnail in WebP, where the operator wants pictures to be kept.
    number : int
        Its number in the file.
    has_picture : bool
        Whether the file holds its picture.
    """

    kind: str
    category: str | None
    confidence: float | None
    percentile: float | None
    at: float = 0.0
    query: str | None = None
    picture: bytes | None = None
    number: int = 0
    has_picture: bool = False


@dataclass(frozen=True)
class Period:
    """What happened from a time on, for one or several hours.

    Parameters
    ----------
    at : int
        Seconds since 1970.
    searches, answered, refused, busy : int
        Searches in all; those that were answered, those that were not, and those not for want of capacity.
    judged, loose : int
        Searches by a picture whose answer was judged, and those among them that found nothing close.
    percentiles_ms : dict
        Latency at the percentiles 50, 95 and 99, in milliseconds; empty where nothing was answered.
    """

    at: int
    searches: int
    answered: int
    refused: int
    busy: int
    judged: int
    loose: int
    percentiles_ms: dict[int, float]


def latency_class(seconds: float) -> str:
    """Return the figure that a latency counts for."""
    return f"ms {min(bisect_left(LATENCY_MS, seconds * 1000), len(LATENCY_MS) - 1)}"


def percentile_ms(classes: Mapping[int, int], percent: float) -> float:
    """Return a percentile of latencies, at least one, as if those of a class were spread evenly over it."""
    rank = math.ceil(sum(classes.values()) * percent / 100)
    for number in sorted(classes):
        if rank <= classes[number]:
            share = (rank - 0.5) / classes[number]
            return LATENCY_MS[number] * 10 ** ((share - 1) / _A_DECADE)
        rank -= classes[number]
    raise ValueError("There are no latencies.")


def _period(at: int, counts: Mapping[str, int]) -> Period:
    classes = {int(name[3:]): count for name, count in counts.items() if name.startswith("ms ")}
    answered = sum(classes.values())
    refused = counts.get("refused", 0)
    return Period(
        at=at,
        searches=answered + refused,
        answered=answered,
        refused=refused,
        busy=counts.get("busy", 0),
        judged=counts.get("judged", 0),
        loose=counts.get("loose", 0),
        percentiles_ms={each: round(percentile_ms(classes, each), 1) for each in (50, 95, 99)}
        if classes
        else {},
    )


class UsageFile:
    """Counts and queries in SQLite; each call opens the file for itself.

    All methods raise `sqlite3.Error` or `OSError` where the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
            connection.executescript(f"PRAGMA secure_delete = ON; {_SCHEMA}")
            with connection:
                yield connection

    def add(self, counts: Counts, loose: Iterable[LooseQuery], *, now: float) -> None:
        """Add counts and queries, in one step, and remove what is past its time; `now` as `time.time`."""
        with self._open() as connection:
            connection.executemany(
                "INSERT INTO counts VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                ((hour, figure, count) for (hour, figure), count in counts.items()),
            )
            connection.executemany(
                "INSERT OR REPLACE INTO loose (query, at, kind, category, confidence, percentile, picture) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (one.query, one.at, one.kind, one.category, one.confidence, one.percentile, one.picture)
                    for one in loose
                ),
            )
            connection.execute("DELETE FROM counts WHERE hour <= ?", (now // HOUR - DAYS * 24,))
            connection.execute("DELETE FROM loose WHERE at < ?", (now - DAYS * 24 * HOUR,))
            connection.execute(
                "DELETE FROM loose WHERE id NOT IN (SELECT id FROM loose ORDER BY at DESC LIMIT ?)",
                (LOOSE_KEPT,),
            )

    def periods(self, *, last: int, hours: int, count: int) -> tuple[list[Period], Period]:
        """Return periods of so many hours, oldest first, up to the hour `last`, and all of them as one."""
        first = last - hours * count + 1
        with self._open() as connection:
            rows = connection.execute(
                "SELECT (hour - ?) / ?, figure, sum(count) FROM counts WHERE hour BETWEEN ? AND ? "
                "GROUP BY 1, 2",
                (first, hours, first, last),
            ).fetchall()
        parts: list[Counter[str]] = [Counter() for _ in range(count)]
        for part, figure, number in rows:
            parts[part][figure] = number
        listed = [_period((first + place * hours) * HOUR, figures) for place, figures in enumerate(parts)]
        return listed, _period(first * HOUR, sum(parts, Counter()))

    def loose(self) -> list[LooseQuery]:
        """Return the queries that found nothing close, newest first, without their pictures."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT kind, category, confidence, percentile, at, id, picture IS NOT NULL FROM loose "
                "ORDER BY at DESC"
            ).fetchall()
        return [
            LooseQuery(kind, category, confidence, percentile, at, number=number, has_picture=bool(has))
            for kind, category, confidence, percentile, at, number, has in rows
        ]

    def picture(self, number: int) -> bytes | None:
        """Return the picture of a query by its number, None where there is none."""
        with self._open() as connection:
            found = connection.execute("SELECT picture FROM loose WHERE id = ?", (number,)).fetchone()
        return None if found is None else found[0]

    def forget_pictures(self, queries: Collection[str] | None = None) -> None:
        """Remove the pictures of queries, by their digests, or all pictures."""
        with self._open() as connection:
            if queries is None:
                connection.execute("UPDATE loose SET picture = NULL")
            else:
                each = ((query,) for query in queries)
                connection.executemany("UPDATE loose SET picture = NULL WHERE query = ?", each)
