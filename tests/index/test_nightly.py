import functools
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from index.nightly import Nightly, OnceANight

ROOT = Path(__file__).parents[2]
BERLIN = ZoneInfo("Europe/Berlin")

# A schedule whose first build starts at once, says so and hangs, with a child of its own.
HANGING = """
import logging, sys
from datetime import time
from zoneinfo import ZoneInfo
from index.nightly import Nightly

logging.basicConfig(level=logging.INFO)
build = "import os, signal; os.fork(); os.write(1, b'up'); signal.pause()"
Nightly([sys.executable, "-c", build], at=time(2), timezone=ZoneInfo("UTC")).start(now=True)
"""


def program(code):
    return [sys.executable, "-c", f"raise SystemExit({code})"]


@pytest.fixture
def make_nightly():
    def make(command=(), *, at=time(2), timezone=BERLIN):
        return Nightly(command, at=at, timezone=timezone)

    return make


def runs(start, end, *, at, zone, restarted=None):
    """The times at which builds start while a clock goes from `start` to `end`, both in UTC.

    With `restarted` the schedule is begun again that long after each build, as by a reboot.
    """
    trigger, found, previous = OnceANight(at, zone), [], None
    while (due := trigger.get_next_fire_time(previous, start)) < end:
        found.append(due)
        start, previous = (due, due) if restarted is None else (due + restarted, None)
    return found


@functools.cache
def changes_of_the_clock(zone):
    """Six days, from 13:00 to 13:00 and in UTC, around each change of a zone's clock in 2026."""
    days = [datetime(2026, 1, 1, 13, tzinfo=zone) + timedelta(days=day) for day in range(366)]
    offsets = [day.utcoffset() for day in days]
    found = [days[at] for at in range(365) if offsets[at] != offsets[at + 1]]
    around = [(day - timedelta(days=2), day + timedelta(days=4)) for day in found]
    return [(start.astimezone(UTC), end.astimezone(UTC)) for start, end in around]


ZONES = [zone for zone in map(ZoneInfo, sorted(available_timezones())) if changes_of_the_clock(zone)]
TIMES = [time(hour, minute) for hour in (0, 1, 2, 3, 4, 12, 22, 23) for minute in (0, 30, 59)]


def test_it_runs_every_day_at_the_time_of_the_zone():
    start, end = datetime(2026, 11, 20, 12, tzinfo=UTC), datetime(2026, 11, 23, 12, tzinfo=UTC)
    times = runs(start, end, at=time(2, 30), zone=BERLIN)
    assert times == [datetime(2026, 11, day, 1, 30, tzinfo=UTC) for day in (21, 22, 23)]


def test_there_are_zones_whose_clocks_change_at_midnight_and_before():
    names = {zone.key for zone in ZONES}
    assert len(names) > 100 and {"America/Santiago", "Africa/Cairo", "America/Nuuk"} <= names


@pytest.mark.parametrize("restarted", [None, timedelta(seconds=1), timedelta(minutes=70)])
@pytest.mark.parametrize("at", TIMES, ids=str)
def test_whenever_the_clock_changes_each_date_has_its_run_and_only_one(at, restarted):
    for zone in ZONES:
        for start, end in changes_of_the_clock(zone):
            times = runs(start, end, at=at, zone=zone, restarted=restarted)
            assert len(times) == 6, zone
            for time_, following in pairwise(times):
                assert timedelta(hours=22) <= following - time_ <= timedelta(hours=26), zone


@pytest.mark.parametrize("at", TIMES, ids=str)
def test_a_run_is_at_the_time_of_the_zone_unless_the_clock_was_put_past_it(at):
    for zone in ZONES:
        for start, end in changes_of_the_clock(zone):
            for due in runs(start, end, at=at, zone=zone):
                shown = due.astimezone(zone)
                assert shown.fold == 0, zone  # never in the second of two equal hours
                just_before = (due - timedelta(hours=3)).astimezone(zone)
                assert shown.time() == at or shown.utcoffset() != just_before.utcoffset(), zone


@pytest.mark.parametrize(
    ("zone", "night", "at", "expected"),
    [
        ("America/Santiago", (2026, 9, 5), time(0, 0), (2026, 9, 6, 4, 0)),  # 00:00 is followed by 01:00
        ("America/Santiago", (2026, 9, 5), time(0, 30), (2026, 9, 6, 4, 30)),
        ("America/Nuuk", (2026, 3, 28), time(23, 30), (2026, 3, 29, 1, 30)),  # 23:00 is followed by 00:00
        ("Europe/Berlin", (2026, 3, 28), time(2, 30), (2026, 3, 29, 1, 30)),
        ("Europe/Berlin", (2026, 10, 24), time(2, 30), (2026, 10, 25, 0, 30)),  # the first of two
        ("Australia/Lord_Howe", (2026, 10, 3), time(2, 15), (2026, 10, 3, 15, 45)),  # by half an hour
    ],
)
def test_a_night_whose_time_is_missing_or_double_has_one_run(make_nightly, zone, night, at, expected):
    assert isinstance(make_nightly().trigger, OnceANight)
    noon = datetime(*night, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    times = runs(noon, noon + timedelta(hours=22), at=at, zone=ZoneInfo(zone))
    assert times == [datetime(*expected, tzinfo=UTC)]


@pytest.mark.parametrize(("code", "line"), [(0, "ended well"), (3, "exit code 3")])
def test_each_run_is_a_process_and_a_line_in_the_log(make_nightly, caplog, code, line):
    caplog.set_level("INFO")
    assert make_nightly(program(code)).run() == code
    (message,) = caplog.messages
    assert line in message and "The next is at" in message
    assert ("the index in use stays" in message) is (code != 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_build_with_its_children_and_the_schedule(number, code):
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE
    ) as nightly:
        try:
            os.close(writing)
            with open(reading, "rb") as output:
                assert output.read(4) == b"upup"
                nightly.send_signal(number)
                assert output.read() == b""  # everyone who held the other end is gone
            _, log = nightly.communicate(timeout=20)
        finally:
            nightly.kill()  # or `with nightly` waits for one that hangs
    assert nightly.returncode == code
    assert (
        b"exit code -15" in log
        and b"No further builds; the index in use stays" in log
        and b"Traceback" not in log
    )


def test_a_run_that_is_due_after_the_end_does_not_begin(make_nightly, tmp_path):
    nightly = make_nightly(["touch", str(tmp_path / "built")])
    nightly._end()
    assert nightly.run() == -signal.SIGTERM
    assert not (tmp_path / "built").exists()


def test_a_run_that_is_late_begins_once_up_to_six_hours_after_its_time(make_nightly, monkeypatch):
    nightly, planned = make_nightly(), {}
    monkeypatch.setattr(signal, "signal", lambda *arguments: None)
    monkeypatch.setattr(nightly._scheduler, "add_job", lambda *_, **options: planned.update(options))
    monkeypatch.setattr(nightly._scheduler, "start", lambda: None)
    nightly.start()
    assert (planned["misfire_grace_time"], planned["coalesce"], planned["max_instances"]) == (
        6 * 3600,
        True,
        1,
    )
