import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import BuildRunning, IndexDamaged, IndexNotWritten, NoIndex, VersionUnknown
from index.stores.folder.publish import activate, building, current_version, list_versions, publish, verify
from index.stores.version_names import new_version

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[4]

# Publishes a second version and is killed, as by a power cut, at the given call into the file system.
KILLED = """
import os, sys
from pathlib import Path
from index.stores.folder.publish import building, publish

indexes, fatal, calls = Path(sys.argv[1]), int(sys.argv[2]), 0

def deadly(function):
    def call(*arguments):
        global calls
        if calls == fatal:
            os._exit(9)
        calls += 1
        return function(*arguments)
    return call

for name in ("fsync", "rename", "replace"):
    setattr(os, name, deadly(getattr(os, name)))
with building(indexes) as draft:
    for name in ("one", "two"):
        (draft.folder / name).write_text(name)
    publish(draft)
"""


def publish_text(indexes, text, *, now=NIGHT):
    with building(indexes, now=now) as draft:
        (draft.folder / "text").write_text(text)
        return publish(draft)


def hidden(indexes):
    return sorted(path.name for path in indexes.iterdir() if path.name.startswith(".building"))


def test_a_version_is_named_by_its_time_in_utc(indexes):
    berlin = timezone(timedelta(hours=1))
    assert (
        new_version(list_versions(indexes), now=datetime(2026, 11, 21, 3, 0, 0, 999, tzinfo=berlin))
        == "2026-11-21T02-00-00Z"
    )


def test_two_versions_of_one_second_have_two_names_in_order(indexes):
    assert publish_text(indexes, "one") == "2026-11-21T02-00-00Z"
    assert publish_text(indexes, "two") == "2026-11-21T02-00-01Z"
    assert list_versions(indexes) == ["2026-11-21T02-00-00Z", "2026-11-21T02-00-01Z"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-(10**8), 10**8), max_size=6))
def test_names_are_unique_and_sorted_even_where_the_clock_goes_back(tmp_path_factory, seconds):
    indexes = tmp_path_factory.mktemp("indexes")
    published = [publish_text(indexes, "x", now=NIGHT + timedelta(seconds=second)) for second in seconds]
    assert published == sorted(set(published)) == list_versions(indexes)


def test_before_publication_there_is_no_index(indexes):
    assert list_versions(indexes) == []
    with pytest.raises(NoIndex, match="python -m index build"):
        current_version(indexes)


def test_the_last_published_version_is_current(indexes):
    publish_text(indexes, "one")
    second = publish_text(indexes, "two")
    assert current_version(indexes) == second
    assert (indexes / second / "text").read_text() == "two"


def test_a_draft_is_no_version_until_it_is_published(indexes):
    with building(indexes, now=NIGHT) as draft:
        (draft.folder / "text").write_text("half")
        assert list_versions(indexes) == []
    assert list_versions(indexes) == [] and hidden(indexes) == []


def test_an_error_while_building_leaves_the_current_version_and_no_rest(indexes):
    first = publish_text(indexes, "one")
    with pytest.raises(ZeroDivisionError), building(indexes):
        raise ZeroDivisionError
    assert current_version(indexes) == first and hidden(indexes) == []


@pytest.mark.parametrize("call", ["fsync", "rename", "replace"])
def test_a_full_disk_during_publication_leaves_the_current_version(indexes, monkeypatch, call):
    first = publish_text(indexes, "one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(IndexNotWritten, match="No space left"):
        publish_text(indexes, "two")
    assert current_version(indexes) == first
    assert (indexes / first / "text").read_text() == "one"
    assert hidden(indexes) == [] and not list(indexes.glob(".current-*"))


def test_a_kill_at_any_call_leaves_a_complete_current_version(indexes):
    publish_text(indexes, "zero")
    (indexes / current_version(indexes) / "one").write_text("one")
    (indexes / current_version(indexes) / "two").write_text("two")
    for fatal in range(20):
        before = current_version(indexes)
        command = [sys.executable, "-c", KILLED, str(indexes), str(fatal)]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        for version in list_versions(indexes):
            assert (indexes / version / "two").read_text() == "two"
        assert current_version(indexes) in (before, list_versions(indexes)[-1])
        if code == 0:
            break
        assert code == 9
    # two files, their folder, the rename, its folder, the pointer, its switch, the folder again
    assert fatal == 8
    assert current_version(indexes) == list_versions(indexes)[-1]
    assert hidden(indexes) == []


def test_the_next_build_removes_what_a_killed_one_left(indexes):
    leftover = indexes / ".building-2026-11-20T02-00-00Z"
    leftover.mkdir(parents=True)
    (leftover / "vectors.faiss").write_bytes(b"half")
    with building(indexes, now=NIGHT):
        assert hidden(indexes) == [".building-2026-11-21T02-00-00Z"]


def test_two_builds_at_once_are_refused_and_the_first_goes_on(indexes):
    with building(indexes, now=NIGHT) as draft:
        with pytest.raises(BuildRunning, match="Another build"), building(indexes):
            pass
        (draft.folder / "text").write_text("first")
        publish(draft)
    assert (indexes / current_version(indexes) / "text").read_text() == "first"
    with building(indexes):
        pass


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(IndexNotWritten, match="file"), building(tmp_path / "file"):
        pass


def test_going_back_is_an_activation(indexes, publish_version):
    first, second = publish_version(), publish_version(seed=1, night=1)
    assert current_version(indexes) == second
    assert activate(indexes, first).manifest.version == first
    assert current_version(indexes) == first
    assert list_versions(indexes) == [first, second]


def test_an_unknown_version_is_refused_with_the_known_ones(indexes, publish_version):
    first = publish_version()
    for version in ("2020-01-01T00-00-00Z", "..", "", f"{first}/"):
        with pytest.raises(VersionUnknown, match=first):
            activate(indexes, version)
    assert current_version(indexes) == first


def test_a_damaged_version_is_not_activated(indexes, publish_version, flip_a_bit):
    first, second = publish_version(), publish_version(night=1)
    flip_a_bit(indexes / first / "vectors.faiss")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss"):
        activate(indexes, first)
    assert current_version(indexes) == second


def test_a_sound_version_is_verified(indexes, publish_version):
    first, second = publish_version(), publish_version(night=1)
    assert verify(indexes).manifest.version == second
    assert verify(indexes, first).manifest.version == first


@pytest.mark.parametrize("name", ["vectors.faiss", "items.sqlite", "report.csv", "manifest.json"])
def test_one_flipped_bit_in_any_file_is_found(indexes, publish_version, flip_a_bit, name):
    flip_a_bit(indexes / publish_version() / name)
    with pytest.raises(IndexDamaged, match=re.escape(name)):
        verify(indexes)


def test_a_version_folder_deleted_by_hand_is_named(indexes, publish_version):
    first = publish_version()
    (indexes / first).rename(indexes / "elsewhere")
    with pytest.raises(IndexDamaged, match=first):
        current_version(indexes)
