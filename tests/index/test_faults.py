"""What goes wrong around an index: each fault has its line, and the last good version goes on answering."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from index.build import BuildOptions, build_index
from index.editing import put_item
from index.errors import BuildRunning, ChangesDamaged, GateFailed, IndexDamaged, IndexNotWritten
from index.pages import SearchOptions
from index.stores.folder.publish import activate, building, current_version, list_versions, rollback, verify
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from training.catalogue.reader import read_catalogue
from training.errors import EncoderMismatch, TooManyBadItems
from training.photo.encoder import PRETRAINED, Encoder

pytestmark = pytest.mark.usefixtures("plain_garments")

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
PAGE = 4096

# A build that is killed after five photographs were encoded.
KILLED = """
import os, signal, sys
from pathlib import Path
from index.embedding import cache
from index.build import BuildOptions, build_index
from training.catalogue.reader import read_catalogue
from training.photo.encoder import PRETRAINED, Encoder

encoded, embed = 0, Encoder.embed_garments

def deadly(self, garments):
    global encoded
    if encoded == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    encoded += 1
    return embed(self, garments)

Encoder.embed_garments = deadly
cache.COMMIT_SECONDS = 0
catalogue, indexes, cache = sys.argv[1:]
options = BuildOptions(cache=Path(cache), processes=1)
build_index(read_catalogue(catalogue), Encoder.load(PRETRAINED), indexes=Path(indexes), options=options)
"""


@pytest.fixture
def build(catalogue_path, encoder, indexes, tmp_path):
    """Build the catalogue as it is now, in the given night; returns the version's name."""

    def run(*, night=0, encoder=encoder, catalogue=None, **options):
        now = NIGHT + timedelta(days=night)
        catalogue = catalogue or read_catalogue(str(catalogue_path))
        options = BuildOptions(**{"processes": 1, "cache": tmp_path / "cache", **options})
        return build_index(catalogue, encoder, indexes=indexes, options=options, now=now).manifest.version

    return run


@pytest.fixture
def serving(build, indexes, encoder, catalogue_path):
    """The first version is published and served; a function that fails unless it still answers."""
    first = build()
    searcher = Searcher.open(indexes, encoder=encoder)
    photo = catalogue_path.parent / "round-0.png"
    query = encoder.embed([photo])

    def check():
        searcher.refresh()
        (page,) = searcher.search(query, SearchOptions(limit=1))
        assert page.hits[0].item.item_id == "round-0"
        assert searcher.manifest.version == first

    return check


def mounted(*arguments):
    """Whether a file system could be mounted: this takes root, and is forbidden in most containers."""
    done = subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True)
    return done.returncode == 0


@contextmanager
def full_disk(folder, spare):
    """`folder`, with what it holds, on a file system that has `spare` bytes left."""
    kept = folder.with_name("kept")
    size = spare + sum(path.stat().st_size // PAGE * PAGE + PAGE for path in folder.rglob("*"))
    folder.rename(kept)
    folder.mkdir()
    if not mounted("-t", "tmpfs", "-o", f"size={size}", "none", folder):
        pytest.skip("no file system can be mounted here")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def read_only(folder):
    if os.geteuid() != 0:
        folder.chmod(0o500)
    elif not (mounted("--bind", folder, folder) and mounted("-o", "remount,ro,bind", folder)):
        pytest.skip("root may write everywhere, and no file system can be mounted here")
    try:
        yield
    finally:
        if os.geteuid() != 0:
            folder.chmod(0o700)
        else:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def no_file_above(size):
    """Let every file end at `size` bytes, as a full disk or a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def visible(indexes):
    return sorted(path.name for path in indexes.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("spare", [0, 4 * PAGE])
def test_a_disk_that_is_full_is_told_and_the_version_in_use_stays(build, serving, indexes, spare):
    first = current_version(indexes)
    with full_disk(indexes, spare):
        with pytest.raises(IndexNotWritten, match="full|No space left|could not be written"):
            build(night=1)
        assert list_versions(indexes) == [first] and not list(indexes.glob(".building-*"))
        verify(indexes, first)
        serving()


@pytest.mark.parametrize("size", [0, 100, 700, 2000, 5000])
def test_wherever_a_file_ends_too_soon_the_version_in_use_stays(
    build, serving, indexes, catalogue_path, size
):
    first, catalogue = current_version(indexes), read_catalogue(str(catalogue_path))
    with no_file_above(size), pytest.raises(IndexNotWritten):
        build(night=1, catalogue=catalogue)
    assert list_versions(indexes) == [first] and not list(indexes.glob(".building-*"))
    verify(indexes)
    serving()
    assert current_version(indexes) < build(night=1)


def test_on_a_read_only_volume_the_index_answers_and_nothing_else(build, serving, indexes, encoder):
    first = current_version(indexes)
    with read_only(indexes):
        with pytest.raises(IndexNotWritten, match="Read-only|Permission denied"):
            build(night=1)
        with pytest.raises(IndexNotWritten, match="Read-only|Permission denied"):
            activate(indexes, first)
        serving()
        Searcher.open(indexes, encoder=encoder)


@pytest.mark.parametrize("name", ["vectors.faiss", "items.sqlite", "manifest.json"])
@pytest.mark.parametrize("fault", ["truncated", "flipped", "missing"])
def test_a_damaged_version_is_refused_by_name_and_the_one_before_is_a_command_away(
    serving, indexes, encoder, publish_version, flip_a_bit, name, fault
):
    first = current_version(indexes)
    damaged = indexes / publish_version(seed=1, night=1) / name
    if fault == "truncated":
        os.truncate(damaged, damaged.stat().st_size // 2)
    elif fault == "flipped":
        flip_a_bit(damaged)
    else:
        damaged.unlink()
    serving()
    with pytest.raises(IndexDamaged, match=name.replace(".", r"\.")):
        Searcher.open(indexes, encoder=encoder)
    assert rollback(indexes).manifest.version == first
    serving()


def test_a_version_deleted_by_hand_is_told_and_a_build_mends_it(build, serving, indexes, encoder):
    shutil.rmtree(indexes / current_version(indexes))
    serving()
    with pytest.raises(IndexDamaged, match="which is not there"):
        Searcher.open(indexes, encoder=encoder)
    build(night=1)
    Searcher.open(indexes, encoder=encoder)


def test_another_encoder_is_refused_by_both_names_and_the_service_stays(
    build, serving, indexes, make_encoder
):
    build(night=1, encoder=make_encoder("a" * 64))
    serving()
    with pytest.raises(EncoderMismatch, match=rf"{'a' * 12}.*{'b' * 12}"):
        Searcher.open(indexes, encoder=make_encoder("b" * 64))


def test_vectors_of_an_encoder_that_was_swapped_during_the_build_are_not_published(
    build, serving, indexes, encoder, monkeypatch
):
    embed, calls = encoder.embed_garments, []

    def swapped(garments):
        calls.append(1)
        return np.roll(embed(garments), len(calls) > 8, axis=1)

    monkeypatch.setattr(encoder, "embed_garments", swapped)
    with pytest.raises(GateFailed, match="fingerprint"):
        build(night=1, cache=None)
    monkeypatch.undo()
    serving()


@pytest.mark.parametrize("after", [1, 6])
def test_a_catalogue_that_goes_in_the_middle_of_a_build_is_not_published(
    build, serving, indexes, catalogue_path, encoder, monkeypatch, after
):
    embed, calls = encoder.embed_garments, []

    def embed_and_lose(garments):
        calls.append(1)
        if len(calls) == after:
            catalogue_path.parent.rename(catalogue_path.parent.with_name("gone"))
        return embed(garments)

    first = current_version(indexes)
    monkeypatch.setattr(encoder, "embed_garments", embed_and_lose)
    with pytest.raises(TooManyBadItems if after == 1 else GateFailed, match="bad|fewer"):
        build(night=1, cache=None)
    monkeypatch.undo()
    assert list_versions(indexes) == [first]
    serving()


@pytest.mark.parametrize("after", [0, 1, 6])
def test_the_cache_may_be_deleted_at_any_time_also_in_the_middle_of_a_build(
    build, indexes, tmp_path, encoder, monkeypatch, after
):
    vectors = indexes / build() / "vectors.faiss"
    expected = vectors.read_bytes()
    embed, calls = encoder.embed_garments, []

    def embed_and_delete(garments):
        calls.append(1)
        if len(calls) == after:
            shutil.rmtree(tmp_path / "cache")
        return embed(garments)

    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(encoder, "embed_garments", embed_and_delete)
    assert (indexes / build(night=1) / "vectors.faiss").read_bytes() == expected
    monkeypatch.undo()


def test_beside_a_damaged_log_of_changes_a_build_stops_and_the_version_in_use_stays(
    build, serving, indexes, encode_image, photo, encoder
):
    store, first = FolderStore(indexes), current_version(indexes)
    put_item(store, encoder, "new", encode_image(photo), {})
    (indexes / "changes.sqlite").write_bytes(b"nothing of the kind" * 500)
    serving()
    with pytest.raises(ChangesDamaged, match="index restore"):
        build(night=1)
    assert list_versions(indexes) == [first] and not list(indexes.glob(".building-*"))
    serving()


def test_half_of_the_photographs_unreadable_is_the_most_that_a_first_build_takes(
    build, indexes, catalogue_path
):
    folder = catalogue_path.parent
    for number in range(3):
        (folder / f"round-{number}.png").write_bytes(b"no photograph")
    build()
    (folder / "round-3.png").write_bytes(b"no photograph")
    with pytest.raises(TooManyBadItems, match="6 of 10"):
        build(night=1)


def test_half_of_the_photographs_unreadable_is_too_much_for_a_later_one(
    build, serving, indexes, catalogue_path
):
    for number in range(3):
        (catalogue_path.parent / f"round-{number}.png").write_bytes(b"no photograph")
    with pytest.raises(GateFailed, match=r"items \(5 after 8, 38% fewer"):
        build(night=1)
    report = (indexes / "last-report.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in report[1:4]] == ["round-0", "round-1", "round-2"]


def test_two_builds_at_once_are_one_build_and_one_line(build, serving, indexes):
    with building(indexes), pytest.raises(BuildRunning, match="Another build"):
        build(night=1)
    serving()


def test_a_clock_that_goes_back_does_not_bring_the_old_version_back(build, indexes, encoder):
    first, second = build(night=5), build(night=-5)
    assert current_version(indexes) == second > first
    assert Searcher.open(indexes, encoder=encoder).manifest.built_at.startswith("2026-11-16")


def test_a_killed_build_leaves_nothing_half_served_and_the_next_one_resumes(
    indexes, catalogue_path, tmp_path, monkeypatch
):
    monkeypatch.undo()  # the killed process cuts garments out
    command = [sys.executable, "-c", KILLED, catalogue_path, indexes, tmp_path / "cache"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert list_versions(indexes) == [] and visible(indexes) == []
    encoder, encoded = Encoder.load(PRETRAINED), []
    embed = encoder.embed_garments
    monkeypatch.setattr(
        encoder, "embed_garments", lambda garments: encoded.append(len(garments)) or embed(garments)
    )
    catalogue = read_catalogue(str(catalogue_path))
    built = build_index(
        catalogue, encoder, indexes=indexes, options=BuildOptions(cache=tmp_path / "cache", processes=1)
    )
    assert built.cached == 5 and len(encoded) == 3 + 5  # and five once more, for the gate
    verify(indexes)
