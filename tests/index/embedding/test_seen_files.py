import os
import time
from hashlib import sha256

import pytest

from index.embedding import seen_files
from index.embedding.cache import KEPT_BUILDS, EmbeddingCache
from index.embedding.embeddings import embed_catalogue
from index.embedding.seen_files import RESOLUTION_NS, File, read_file
from training.catalogue.reader import read_catalogue
from training.errors import UnreadableImage

OLD = (1_600_000_000 * 10**9, 1_600_000_000 * 10**9)


def later(monkeypatch, nanoseconds=RESOLUTION_NS):
    """Let a moment pass until a file may be believed."""
    real = time.time_ns
    monkeypatch.setattr(seen_files.time, "time_ns", lambda: real() + nanoseconds)


@pytest.fixture
def path(tmp_path, monkeypatch):
    later(monkeypatch)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"first")
    os.utime(path, ns=OLD)
    return path


def content(text):
    return sha256(text).digest()


def unread(path, seen):
    """Whether a file is believed to be as it was seen."""
    return read_file(path, seen) is seen


def test_a_file_that_is_as_it_was_is_not_read(path):
    seen = read_file(path)
    assert seen.content == content(b"first") and unread(path, seen)


def test_another_size_or_time_is_read(path):
    seen = read_file(path)
    path.write_bytes(b"longer than before")
    os.utime(path, ns=OLD)
    assert read_file(path, seen).content == content(b"longer than before")
    path.write_bytes(b"first")
    assert not unread(path, seen)


def test_a_file_with_its_old_times_restored_is_read(path):
    seen = read_file(path)
    path.write_bytes(b"other")
    os.utime(path, ns=OLD)
    assert os.stat(path).st_size == 5 and read_file(path, seen).content == content(b"other")


def test_a_file_that_another_one_of_the_same_size_and_time_replaces_is_read(path):
    seen = read_file(path)
    other = path.with_name("b.jpg")
    other.write_bytes(b"other")
    os.utime(other, ns=OLD)
    os.replace(other, path)
    assert os.stat(path).st_mtime_ns == OLD[0] and read_file(path, seen).content == content(b"other")


def test_a_moved_file_is_read_under_its_new_name_and_missing_under_the_old(path):
    seen = read_file(path)
    moved = path.rename(path.with_name("moved.jpg"))
    assert read_file(moved).content == seen.content
    assert isinstance(read_file(path, seen), UnreadableImage)


def test_a_change_through_a_hard_link_is_seen(path):
    link = path.with_name("link.jpg")
    os.link(path, link)
    seen = read_file(path)
    assert unread(path, seen) and unread(link, seen)
    link.write_bytes(b"other")
    os.utime(link, ns=OLD)
    assert read_file(path, seen).content == content(b"other")


@pytest.mark.parametrize(
    ("waited", "is_settled"), [(RESOLUTION_NS, True), (RESOLUTION_NS // 2, False), (0, False)]
)
def test_a_file_that_has_changed_within_the_resolution_of_its_time_is_not_believed(
    tmp_path, monkeypatch, waited, is_settled
):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"first")
    monkeypatch.setattr(seen_files.time, "time_ns", lambda: os.stat(path).st_ctime_ns + waited)
    assert (read_file(path).stamp is not None) == is_settled
    os.utime(path, ns=(OLD[0], time.time_ns() + 10**12))  # of a clock that is ahead
    assert read_file(path).stamp is None


def test_a_file_that_changes_while_it_is_read_is_not_believed(path, monkeypatch):
    def changing(path):
        data = path.read_bytes()
        path.write_bytes(b"other")
        return data

    monkeypatch.setattr(seen_files, "read_bytes", changing)
    later(monkeypatch, 10**12)
    assert read_file(path) == File(content(b"first"), None)


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    assert isinstance(read_file(tmp_path / "none.jpg", File(b"", None)), UnreadableImage)


@pytest.fixture
def build(catalogue_path, encoder, tmp_path, monkeypatch):
    """A function that embeds the catalogue and returns the contents of the files that it has read."""
    later(monkeypatch)
    reads, read = [], seen_files.read_bytes
    monkeypatch.setattr(seen_files, "read_bytes", lambda path: reads.append(path.name) or read(path))

    def build(**options):
        reads.clear()
        with EmbeddingCache(tmp_path / "cache", encoder) as cache:
            catalogue = read_catalogue(str(catalogue_path))
            embedded = embed_catalogue(catalogue, encoder, cache=cache, processes=1, **options)
        return sorted(reads), embedded

    return build


def test_a_build_reads_what_has_changed_and_all_where_it_is_asked_to(build, catalogue_path):
    every, first = build()
    assert len(every) == 10
    assert build()[0] == []
    changed = catalogue_path.parent / every[0]
    changed.write_bytes(changed.read_bytes() + b"\0")
    reads, second = build()
    assert reads == [every[0]] and (second.contents != first.contents).any()
    assert build(rehash=True)[0] == every


def test_what_no_build_has_used_for_long_is_forgotten(build, encoder, tmp_path):
    build()
    path = next((tmp_path / "cache").glob("*.sqlite"))
    gone = tmp_path / "gone.jpg"
    with EmbeddingCache(path.parent, encoder) as cache:
        cache.keep_files([(gone, File(b"c" * 32, b"s"))])
        assert cache.files([gone]) == [File(b"c" * 32, b"s")]
        cache.finish([])
    for _ in range(KEPT_BUILDS):
        build()
    with EmbeddingCache(path.parent, encoder) as cache:
        assert cache.files([gone]) == [None]
    assert build()[0] == []
