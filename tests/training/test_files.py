import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from training.files import write_atomically


def test_bytes_arrive_whole_and_folders_are_made(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"good")

    def broken(*_):
        raise OSError("disk gone")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="disk gone"):
        write_atomically(path, b"bad")
    assert path.read_bytes() == b"good"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_content_and_every_new_name_are_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    write_atomically(tmp_path / "new" / "deep" / "file", b"content")
    folders, draft, last = synced[:2], synced[2], synced[3]
    assert folders == [str(tmp_path), str(tmp_path / "new")]
    assert draft.startswith(str(tmp_path / "new" / "deep" / ".file.")) and draft.endswith(".draft")
    assert last == str(tmp_path / "new" / "deep")


def test_only_its_owner_may_read_a_file_of_that_mode(tmp_path):
    write_atomically(tmp_path / "secret", b"key", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_threads_that_write_one_file_do_not_take_each_other_s_draft(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write_atomically(tmp_path / "file", b"%04d" % number), range(200)))
    assert len((tmp_path / "file").read_bytes()) == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
