import os
import time

import pytest

from training.bounded_folder import BoundedFolder


@pytest.fixture
def files(tmp_path):
    """Five files of ten bytes, each a day older than the next."""
    for number in range(5):
        path = tmp_path / str(number)
        path.write_bytes(b"ten bytes.")
        os.utime(path, (time.time() - 86_400 * (5 - number),) * 2)
    return lambda: {path.name for path in tmp_path.iterdir()}


def test_files_are_kept_however_old_they_are_while_there_is_room(tmp_path, files):
    BoundedFolder(tmp_path, max_bytes=50).sweep()
    assert files() == {"0", "1", "2", "3", "4"}


def test_the_oldest_above_the_limit_go(tmp_path, files):
    BoundedFolder(tmp_path, max_bytes=39).sweep()
    assert files() == {"2", "3", "4"}
    BoundedFolder(tmp_path, max_bytes=39, seconds=86_400 * 1.5).sweep()
    assert files() == {"4"}


def test_what_was_written_before_the_clock_was_put_back_goes_too(tmp_path, files):
    os.utime(tmp_path / "0", (time.time() + 86_400 * 9,) * 2)
    BoundedFolder(tmp_path, max_bytes=50, seconds=86_400 * 8).sweep()
    assert files() == {"1", "2", "3", "4"}


def test_what_is_past_its_time_goes_at_the_start_and_then_within_a_sixteenth_of_that_time(tmp_path, files):
    clock = [0.0]
    folder = BoundedFolder(tmp_path, max_bytes=10**9, seconds=1600, clock=lambda: clock[0])
    folder.make_room(10)
    assert files() == set()
    (tmp_path / "old").touch()
    os.utime(tmp_path / "old", (0, 0))
    clock[0] = 99.0
    folder.make_room(10)
    assert files() == {"old"}
    clock[0] = 100.0
    folder.make_room(10)
    assert files() == set()


def test_each_of_several_writers_leaves_room_for_the_others(tmp_path, files):
    BoundedFolder(tmp_path, max_bytes=64, writers=2).make_room(10)  # each writes 2 between its sweeps
    assert files() == {"0", "1", "2", "3", "4"}
    BoundedFolder(tmp_path, max_bytes=64, writers=2).make_room(11)
    assert files() == {"1", "2", "3", "4"}


def test_without_an_age_room_is_looked_for_by_what_was_written_alone(tmp_path, files):
    hours = [0.0]
    folder = BoundedFolder(tmp_path, max_bytes=1600, clock=lambda: hours[0])
    folder.make_room(10)
    (tmp_path / "late").write_bytes(bytes(1600))
    hours[0] = 1e9
    folder.make_room(10)
    assert len(files()) == 6
    folder.make_room(90)
    assert files() == set()
