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
