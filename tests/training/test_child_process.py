"""A command that is killed leaves no process behind: real processes, found in /proc."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 3.0
ENDED = "ZX"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")


def _stat(pid):
    """State and parent of a process; None once there is none."""
    try:
        state, parent = (Path("/proc") / str(pid) / "stat").read_text().rpartition(") ")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def _runs(pid):
    found = _stat(pid)
    return found is not None and found[0] not in ENDED


def _descendants(pid):
    parents = {int(path.name): _stat(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found, ahead = set(), {pid}
    while ahead:
        ahead = {child for child, stat in parents.items() if stat is not None and stat[1] in ahead} - found
        found |= ahead
    return found


def _wait_for_end(pids):
    """Wait until these have ended; return those that run on."""
    until = time.monotonic() + SECONDS
    while (running := {pid for pid in pids if _runs(pid)}) and time.monotonic() < until:
        os.sched_yield()
    return running


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
    """Kill the main process alone, by SIGKILL, once so many others run for it; return these.

    Workers are stopped before, so that they can't see it: what ends them then is the kernel.
    """
    others, begun = set(), set()
    while (len(others) < fewest or len(begun) < workers) and process.poll() is None:
        os.sched_yield()
        others = _descendants(process.pid)
        begun = {pid for pid in others if _has_begun(pid)}
    for pid in begun:
        os.kill(pid, signal.SIGSTOP)
    process.kill()
    process.stderr.close()
    return others


LONG_WORK = """
import sys, time
from training.parallel import in_order
def work(number):
    print("begun", file=sys.stderr, flush=True)
    time.sleep(60)
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

PROGRAM = """
import subprocess, sys
from training.child_process import ending_with_this
program = "import sys, time; print('begun', file=sys.stderr, flush=True); time.sleep(60)"
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
    running = _wait_for_end(others)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    assert not running


def test_a_process_whose_parent_has_gone_already_ends_at_once():
    code = "from training.child_process import begin; begin(1 << 22); print('runs on')"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")
