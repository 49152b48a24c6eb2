import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from index.nightly import Nightly

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


def runs(nightly, start, count):
    """The times of the next runs, in UTC."""
    found = []
    for _ in range(count):
        start = nightly.trigger.get_next_fire_time(None, start.astimezone(BERLIN))
        found.append(start.astimezone(UTC))
        start = found[-1] + timedelta(seconds=1)
    return found


def test_it_runs_every_day_at_the_time_of_the_zone(make_nightly):
    times = runs(make_nightly(at=time(2, 30)), datetime(2026, 11, 20, 12, tzinfo=UTC), 3)
    assert times == [datetime(2026, 11, day, 1, 30, tzinfo=UTC) for day in (21, 22, 23)]


def test_the_night_that_has_no_two_o_clock_has_its_run_all_the_same(make_nightly):
    times = runs(make_nightly(), datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert times == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 30, 0, tzinfo=UTC)]


def test_in_the_night_that_has_two_o_clock_twice_no_run_is_left_out(make_nightly):
    times = runs(make_nightly(), datetime(2026, 10, 24, 12, tzinfo=UTC), 3)
    assert [(time.day, time.hour) for time in times] == [(25, 0), (25, 1), (26, 1)]


@pytest.mark.parametrize(("code", "line"), [(0, "ended well"), (3, "exit code 3")])
def test_each_run_is_a_process_and_a_line_in_the_log(make_nightly, caplog, code, line):
    caplog.set_level("INFO")
    assert make_nightly(program(code)).run() == code
    (message,) = caplog.messages
    assert line in message and "The next is at" in message
    assert ("the index in use stays" in message) is (code != 0)


def test_sigterm_ends_the_build_with_its_children_and_the_schedule():
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE
    ) as nightly:
        os.close(writing)
        with open(reading, "rb") as output:
            assert output.read(4) == b"upup"
            nightly.send_signal(signal.SIGTERM)
            assert output.read() == b""  # everyone who held the other end is gone
        _, log = nightly.communicate(timeout=20)
    assert nightly.returncode == 0
    assert b"exit code -15" in log and b"No further builds" in log and b"Traceback" not in log


def test_a_run_that_is_due_after_the_end_does_not_begin(make_nightly, tmp_path):
    nightly = make_nightly(["touch", str(tmp_path / "built")])
    nightly._end()
    assert nightly.run() == -signal.SIGTERM
    assert not (tmp_path / "built").exists()
