"""A build every night: APScheduler starts `python -m index build`, a process each time, and logs each run."""

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, time
from time import monotonic
from types import FrameType
from zoneinfo import ZoneInfo

from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

log = logging.getLogger(__name__)

LATE_SECONDS = 6 * 3600
"""How late a run may still start, after the machine was asleep at its time."""


class Nightly:
    """Runs a command every day at a set time, never two at the same time, until SIGTERM or SIGINT.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    at : time
    timezone : ZoneInfo
        In which `at` is meant. On the day on which the clock is put forward past it, the command runs all the
        same; where it is put back, it may run twice.
    """

    def __init__(self, command: Sequence[str], *, at: time, timezone: ZoneInfo) -> None:
        self.trigger = CronTrigger(hour=at.hour, minute=at.minute, timezone=timezone)
        self._command = list(command)
        self._timezone = timezone
        self._scheduler = BlockingScheduler(timezone=timezone)
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._lock = threading.Lock()

    def start(self, *, now: bool = False) -> None:
        """Run until a signal ends it; with `now`, run immediately as well. Call it in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)
        first = datetime.now(self._timezone) if now else self._next()
        log.info("The first build is at %s", first.strftime("%Y-%m-%d %H:%M %Z"))
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
            self._child = subprocess.Popen(self._command, start_new_session=True)
        code = self._child.wait()
        took, next_time = monotonic() - begun, self._next().strftime("%Y-%m-%d %H:%M %Z")
        if code == 0:
            log.info("The build ended well after %.0f s. The next is at %s", took, next_time)
        else:
            log.error(
                "The build ended with exit code %d after %.0f s; the index in use stays. The next is at %s",
                *(code, took, next_time),
            )
        return code

    def _next(self) -> datetime:
        return self.trigger.get_next_fire_time(None, datetime.now(self._timezone))

    def _end(self) -> None:
        """End the build with all its processes, then the scheduler; the index in use stays."""
        with self._lock:
            self._ending = True
            if self._child is not None and self._child.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._child.pid, signal.SIGTERM)
        if self._scheduler.running:
            self._scheduler.shutdown()
        log.info("No further builds")


def _leave(number: int, frame: FrameType | None) -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.SIG_IGN)
    raise SystemExit(0)
