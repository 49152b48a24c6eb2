"""Many sources at a time: results in order, and errors in the place of what could not be read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.errors import UnreadableImage
from training.parallel import in_order
from training.photo.garment import read_garment

ROOT = Path(__file__).parents[2]


def _halved(number):
    if number % 2:
        raise UnreadableImage(f"{number} is odd.")
    return number // 2


@pytest.mark.parametrize("processes", [1, 2])
def test_results_keep_the_order_of_their_sources_and_the_unreadable_yield_their_error(processes):
    results = list(in_order(_halved, range(40), processes=processes))
    assert results[::2] == list(range(20))
    assert [str(error) for error in results[1::2]] == [f"{number} is odd." for number in range(1, 40, 2)]


_started = []


def _start():
    _started.append("once")


def _starts(number):
    return list(_started)


@pytest.mark.parametrize(("processes", "starts"), [(1, []), (2, ["once"])])
def test_a_worker_process_is_started_up_once_before_its_first_source(processes, starts):
    results = list(in_order(_starts, range(40), processes=processes, start=_start))
    assert results == [starts] * 40


WORKERS_OF_A_NEW_PROCESS = """
import signal
from joblib.externals.loky.backend.popen_loky_posix import Popen
from training.parallel import in_order

launch = Popen._launch

def launched(popen, process):
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
    return launch(popen, process)

Popen._launch = launched
assert list(in_order(abs, range(-20, 0), processes=3)) == [*range(20, 0, -1)]
print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


def test_ctrl_c_is_held_back_from_every_worker_while_it_starts():
    """Also from those after the first, with which Python starts a process of its own."""
    words = [sys.executable, "-c", WORKERS_OF_A_NEW_PROCESS]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "True", "True", "False"]


def test_nothing_gives_nothing():
    assert list(in_order(_halved, [], processes=2)) == []


def test_a_defect_of_the_function_is_raised():
    with pytest.raises(TypeError):
        list(in_order(_halved, ["text"], processes=1))


def test_a_label_shows_a_bar_on_standard_error_and_none_shows_nothing(capsys):
    list(in_order(_halved, [2, 4], processes=1, progress="halving", unit="number"))
    shown = capsys.readouterr()
    assert "halving: 2/2" in shown.err
    assert "number/s" in shown.err
    list(in_order(_halved, [2, 4], processes=1))
    assert capsys.readouterr() == ("", "")


def test_photographs_become_garments(tmp_path, photo, encode_image):
    path = tmp_path / "photo.png"
    path.write_bytes(encode_image(photo))
    garment, missing = in_order(read_garment, [path, tmp_path / "missing.png"], processes=1)
    assert np.array_equal(garment.cutout, read_garment(path).cutout)
    assert isinstance(missing, UnreadableImage)
