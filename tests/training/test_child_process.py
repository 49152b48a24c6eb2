"""A command that is killed leaves no process behind: real processes, found in /proc."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 3.0
ALONE = 60
"""Seconds that what is started here would run on by itself; workers are stopped, and would for ever."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")


def _parent(pid):
    """The parent of a process; None once there is no such process."""
    try:
        return int((Path("/proc") / pid / "stat").read_text().rpartition(") ")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _descendants(pid):
    parents = {int(path.name): _parent(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found, ahead = set(), {pid}
    while ahead:
        ahead = {child for child, parent in parents.items() if parent in ahead} - found
        found |= ahead
    return found


def _run_on(handles):
    """Wait until these processes have ended, {pid: pidfd}; return those that have not been ended."""
    until = time.monotonic() + SECONDS
    ended = {
        pid: select.select([handle], [], [], max(0, until - time.monotonic()))[0]
        for pid, handle in handles.items()
    }
    for handle in handles.values():
        os.close(handle)
    return {pid for pid, readable in ended.items() if not readable}


def _has_begun(pid):
    """Whether it is a worker of joblib that has begun, and so leaves Ctrl-C to its main process."""
    try:
        place = Path("/proc") / str(pid)
        words, status = (place / "cmdline").read_bytes(), (place / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    return b"popen_loky" in words and bool(ignored >> (signal.SIGINT - 1) & 1)


def _kill_with(process, fewest, workers):
    """Kill the main process alone, by SIGKILL, once so many others run for it; return these, {pid: pidfd}.

    Workers are stopped before, so that they can't see it: what ends them then is the kernel.
    """
    others, begun = set(), set()
    while (len(others) < fewest or len(begun) < workers) and process.poll() is None:
        time.sleep(0.02)
        others = _descendants(process.pid)
        begun = {pid for pid in others if _has_begun(pid)}
    handles = {pid: os.pidfd_open(pid) for pid in others}
    for pid in begun:
        os.kill(pid, signal.SIGSTOP)
    process.kill()
    process.stderr.close()
    return handles


LONG_WORK = f"""
ALONE = {ALONE}
import sys, time
from training.parallel import in_order
def work(number):
    print("begun", file=sys.stderr, flush=True)
    time.sleep(ALONE)
list(in_order(work, range(4), processes=2))
"""

DECODING = """
import os, signal, sys, threading
from contextlib import suppress
from service.picture import decoders
from training.errors import UnreadableImage
with suppress(UnreadableImage):
    decoders.decode_apart(b"no picture", seconds=60)
os.kill(decoders._idle.queue[-1]._process.pid, signal.SIGSTOP)  # sees nothing itself
print("begun", file=sys.stderr, flush=True)
threading.Event().wait()
"""

PROGRAM = f"""
import subprocess, sys
from training.child_process import ending_with_this
program = "import sys, time; print('begun', file=sys.stderr, flush=True); time.sleep({ALONE})"
subprocess.run([sys.executable, "-c", program], preexec_fn=ending_with_this())
"""


@pytest.mark.parametrize(
    ("words", "sign", "fewest", "workers"),
    [
        (["-c", LONG_WORK], "begun", 3, 2),
        (["-c", DECODING], "begun", 2, 0),
        (["-c", PROGRAM], "begun", 1, 0),
        (["-m", "index", "build", "--catalogue", "drawn:300:3", "--processes", "2"], "Drawing", 3, 2),
        (["-m", "index", "build", "--catalogue", "drawn:300", "--processes", "2"], "Embedding", 3, 2),
        (["-m", "training", "fit", "--catalogue", "drawn:300", "--out", "run"], "cutting out", 3, 2),
        (["-m", "training", "segmenter", "--catalogue", "drawn:300"], "Labelling", 3, 2),
    ],
    ids=["workers", "decoder", "program", "drawing", "build", "fit", "segmenter"],
)
def test_nothing_outlives_a_process_that_was_killed(
    tmp_path, shared_drawings, run_until, words, sign, fewest, workers
):
    if sign != "Drawing":
        (tmp_path / "cache").symlink_to(shared_drawings)
    with run_until(tmp_path, words, sign) as (process, _):
        others = _kill_with(process, fewest, workers)
    assert len(others) >= fewest
    running = _run_on(others)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    assert not running


def test_a_process_whose_parent_has_gone_already_ends_at_once():
    code = "from training.child_process import begin; begin(1 << 22); print('runs on')"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")
