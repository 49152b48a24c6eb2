"""A build every night: APScheduler starts `python -m index build`, a process each time, and logs each run."""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from types import FrameType
from zoneinfo import ZoneInfo

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.base import BaseTrigger

from training.child_process import ending_with_this
from training.command import INTERRUPTED

log = logging.getLogger(__name__)

LATE_SECONDS = 6 * 3600
"""How late a run may still start, after the machine was asleep at its time."""


class OnceANight(BaseTrigger):
    """Fires once on each date of a time zone; all times that go in and out are aware, and go out in UTC.

    Where the clock is put forward past the time, it fires as much later as the clock was put forward; where
    the time occurs twice, it fires at the first. Cron's fields can say neither: APScheduler leaves a date out
    whose hour does not exist, and fires in both of two equal hours.

    Parameters
    ----------
    at : time
    timezone : ZoneInfo
        In which `at` is meant.
    """

    def __init__(self, at: time, timezone: ZoneInfo) -> None:
        self._at = at.replace(fold=0)
        self._timezone = timezone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the first time after the previous one, or after `now` where there was none."""
        after = (previous_fire_time or now).astimezone(self._timezone)
        date = after.date() - timedelta(days=1)  # a time that midnight was put past is due on the next date
        while (due := datetime.combine(date, self._at, self._timezone).astimezone(UTC)) <= after:
            date += timedelta(days=1)
        return due


class Nightly:
    """Runs a command every night at a set time, never two at the same time, until SIGTERM or SIGINT.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    at : time
    timezone : ZoneInfo
        In which `at` is meant.
    """

    def __init__(self, command: Sequence[str], *, at: time, timezone: ZoneInfo) -> None:
        self.trigger = OnceANight(at, timezone)
        self._command = list(command)
        self._timezone = timezone
        self._scheduler = BlockingScheduler(timezone=UTC)
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._lock = threading.Lock()

    def start(self, *, now: bool = False) -> None:
        """Run until a signal ends it; with `now`, run immediately as well. Call it in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        first = datetime.now(UTC) if now else self._next()
        log.info("The first build is at %s", self._shown(first))
        self._scheduler.add_job(
            self.run,
            self.trigger,
            next_run_time=first,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=LATE_SECONDS,
        )
        try:
            self._scheduler.start()
        finally:
            self._end()

    def run(self) -> int:
        """Run the command once and log how it ended; return its exit code, negative for a signal's number."""
        begun = monotonic()
        with self._lock:
            if self._ending:
                return -signal.SIGTERM
            self._child = subprocess.Popen(
                self._command, start_new_session=True, preexec_fn=ending_with_this()
            )
        code = self._child.wait()
        took, next_time = monotonic() - begun, self._shown(self._next())
        if code == 0:
            log.info("The build ended well after %.0f s. The next is at %s", took, next_time)
        else:
            log.error(
                "The build ended with exit code %d after %.0f s; the index in use stays. The next is at %s",
                *(code, took, next_time),
            )
        return code

    def _next(self) -> datetime:
        return self.trigger.get_next_fire_time(None, datetime.now(UTC))

    def _shown(self, moment: datetime) -> str:
        return moment.astimezone(self._timezone).strftime("%Y-%m-%d %H:%M %Z")

    def _end(self) -> None:
        """End the build with all its processes, then the scheduler; the index in use stays."""
        with self._lock:
            self._ending = True
            if self._child is not None and self._child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._child.pid, signal.SIGTERM)
        if self._scheduler.running:
            self._scheduler.shutdown()
        log.info("No further builds; the index in use stays")


def _leave(number: int, frame: FrameType | None) -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.SIG_IGN)
    raise SystemExit(INTERRUPTED if number == signal.SIGINT else 0)
