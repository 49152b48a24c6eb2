import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index.embedding import cache
from index.embedding.cache import COMMIT_SECONDS, KEPT_BUILDS, Embedding, EmbeddingCache
from index.views import Views
from training.photo.segmenter import shipped

ROOT = Path(__file__).parents[3]

# Adds 100 embeddings, 32 a second, and is killed before anything is closed.
KILLED = f"""
import os, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np
from index.embedding import cache as module
from index.embedding.cache import Embedding, EmbeddingCache
from index.views import Views

module.monotonic = lambda: number / 32
number = 0

def views(number):
    return Views(np.full((1, 128), number, np.float32), np.zeros((1, 4), np.float32), np.zeros(1, np.int64))

encoder = SimpleNamespace(fingerprint={"f" * 64!r}, dimension=128, preprocessing=sys.argv[2])
cache = EmbeddingCache(Path(sys.argv[1]), encoder)
for number in range(100):
    cache.add(bytes([number]) * 32, Embedding(views(number), number))
os._exit(9)
"""


def views(vector):
    return Views(vector[None].astype(np.float32), np.zeros((1, 4), np.float32), np.zeros(1, np.int64))


def key(number):
    return bytes([number]) * 32


def embedding(number):
    return Embedding(views(np.full(128, number)), number)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "embeddings"


@pytest.fixture
def open_cache(folder, encoder):
    return lambda: EmbeddingCache(folder, encoder)


@pytest.fixture
def filled(open_cache):
    """A cache of three embeddings, closed; its file."""
    with open_cache() as cache:
        for number in range(3):
            cache.add(key(number), embedding(number))
        cache.finish(key(number) for number in range(3))
    return cache.path


def test_what_was_added_comes_back_to_the_bit(open_cache):
    vector = np.random.default_rng(0).standard_normal(128).astype(np.float32)
    with open_cache() as cache:
        cache.add(key(7), Embedding(views(vector), 2**64 - 1))
    with open_cache() as cache:
        kept = cache.find(key(7))
    assert kept.views.vectors[0].dtype == np.float32 and kept.views.vectors[0].tobytes() == vector.tobytes()
    assert kept.picture == 2**64 - 1


def test_what_was_not_added_is_not_found(open_cache, filled):
    with open_cache() as cache:
        assert cache.find(key(3)) is None


def test_it_is_empty_until_something_is_added(open_cache):
    with open_cache() as cache:
        assert cache.empty
        cache.add(key(1), embedding(1))
        assert not cache.empty


def test_each_encoder_has_its_own(folder, filled, make_encoder):
    with EmbeddingCache(folder, make_encoder("0" * 64)) as cache:
        assert cache.find(key(0)) is None


def test_a_killed_build_loses_no_more_than_what_was_not_committed(folder, open_cache):
    command = [sys.executable, "-c", KILLED, str(folder), shipped().preprocessing]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 9
    with open_cache() as cache:
        found = [number for number in range(100) if cache.find(key(number))]
    assert found == list(range(int(3 * 32 * COMMIT_SECONDS) + 1))


def test_what_the_last_builds_did_not_use_is_dropped(open_cache, filled):
    for _ in range(KEPT_BUILDS):
        with open_cache() as cache:
            assert cache.find(key(1)) is not None
            cache.finish([key(0)])
    with open_cache() as cache:
        assert cache.find(key(0)) is not None
        assert cache.find(key(1)) is None


def counts(cache):
    tables = ("embeddings", "kept")
    return [cache._connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]


def test_of_what_is_dropped_or_replaced_nothing_stays(open_cache, filled):
    with open_cache() as cache:
        cache.add(key(0), embedding(5))
        assert cache.find(key(0)).picture == 5 and counts(cache) == [3, 3]
        cache.finish([key(0)])
    for _ in range(KEPT_BUILDS):
        with open_cache() as cache:
            cache.finish([key(0)])
            left = counts(cache)
    assert left == [1, 1]


def test_that_a_build_used_them_is_noted_without_writing_embeddings_again(open_cache):
    with open_cache() as cache:
        for number in range(100):
            cache.add(key(number), embedding(number))
    log = cache.path.with_name(f"{cache.path.name}-wal")
    with open_cache() as cache:
        cache.finish(map(key, range(100)))
        written = log.stat().st_size
    assert 0 < written < 100 * 512


def test_a_cache_of_an_earlier_release_is_begun_anew(open_cache, folder, encoder):
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / f"{encoder.fingerprint}.sqlite")) as before:
        before.execute("CREATE TABLE embeddings (content BLOB PRIMARY KEY, views, picture, checksum, used)")
        before.execute("INSERT INTO embeddings VALUES (?, ?, ?, 0, 0)", (key(0), b"", b""))
        before.commit()
    with open_cache() as cache:
        assert cache.find(key(0)) is None
        cache.add(key(0), embedding(0))
        assert cache.find(key(0)).picture == 0


def test_the_files_of_encoders_of_long_ago_are_removed(folder, make_encoder):
    for number in range(5):
        with EmbeddingCache(folder, make_encoder(str(number) * 64)) as cache:
            cache.finish([])
        os.utime(cache.path, (number, number))
    with EmbeddingCache(folder, make_encoder("2" * 64)) as cache:
        cache.finish([])
    assert sorted(path.name[0] for path in folder.iterdir()) == ["2", "3", "4"]


def test_a_file_that_is_none_is_set_aside_with_a_line(filled, open_cache, caplog):
    filled.write_bytes(b"no database, only a text that is longer than a header of SQLite is" * 99)
    with open_cache() as cache:
        assert cache.find(key(0)) is None
        cache.add(key(0), embedding(0))
    with open_cache() as cache:
        assert cache.find(key(0)) is not None
    (line,) = caplog.messages
    assert "is damaged" in line and "set aside" in line
    assert filled.with_name(f"{filled.name}.damaged").exists()


def test_a_truncated_file_is_set_aside(filled, open_cache, caplog):
    os.truncate(filled, 5000)
    with open_cache() as cache:
        assert [cache.find(key(number)) for number in range(3)] == [None] * 3
        cache.add(key(0), embedding(0))
        assert cache.find(key(0)) is not None
    assert "set aside" in caplog.text


def test_a_flipped_bit_in_a_vector_is_noticed(filled, open_cache, caplog):
    content = bytearray(filled.read_bytes())
    content[content.index(np.full(128, 1, np.float32).tobytes()) + 9] ^= 1
    filled.write_bytes(content)
    with open_cache() as cache:
        assert cache.find(key(0)) is not None
        assert cache.find(key(1)) is None
        assert cache.find(key(0)) is None
    assert "checksum" in caplog.text


def test_embeddings_of_other_libraries_are_not_mixed_with_ours(filled, open_cache, monkeypatch, caplog):
    monkeypatch.setattr("index.embedding.cache.recipe", lambda encoder: "preprocessing 99")
    with open_cache() as cache:
        assert cache.find(key(0)) is None
        cache.add(key(0), embedding(0))
    assert "preprocessing 99" in caplog.text and f"preprocessing {shipped().preprocessing}," in caplog.text
    caplog.clear()
    with open_cache() as cache:
        assert cache.find(key(0)) is not None
    assert caplog.text == ""


def test_where_nothing_can_be_written_the_build_goes_on_with_a_line(tmp_path, encoder, caplog):
    (tmp_path / "file").write_text("no folder")
    with EmbeddingCache(tmp_path / "file", encoder) as cache:
        cache.add(key(0), embedding(0))
        assert cache.find(key(0)) is None
        cache.finish([key(0)])
    (line,) = caplog.messages
    assert line.startswith("The build goes on without the embeddings in")


def test_a_full_disk_ends_the_cache_and_not_the_build(open_cache, caplog):
    with open_cache() as cache:
        cache._connection.execute("PRAGMA max_page_count = 4")
        for number in range(100):
            cache.add(key(number), embedding(number))
        cache.finish([key(0)])
    (line,) = caplog.messages
    assert "database or disk is full" in line


def test_two_builds_may_share_the_file(open_cache):
    with open_cache() as one:
        one.add(key(1), embedding(1))
        one._connection.commit()
        with open_cache() as two:
            assert two.find(key(1)) is not None
            two.add(key(2), embedding(2))
        assert one.find(key(2)) is not None


def test_what_vectors_depend_on_is_in_the_recipe(monkeypatch, encoder):
    """Each of these changed alone gives another recipe, and so no old vector."""
    monkeypatch.setattr(cache, "_libraries", cache._libraries.__wrapped__)

    def recipe():
        return cache.recipe(encoder)

    before = {recipe()}
    for change in (
        lambda: monkeypatch.setattr(encoder, "preprocessing", "another"),
        lambda: monkeypatch.setattr(cache, "HASH_VERSION", "another"),
        lambda: monkeypatch.setattr(cache.platform, "machine", lambda: "another"),
    ):
        change()
        assert recipe() not in before
        before.add(recipe())
    for library in ("ai-edge-litert", "numpy", "pillow", "scikit-image", "scipy"):
        monkeypatch.setattr(cache, "version", lambda name, changed=library: "9" if name == changed else "1")
        assert f"{library} 9" in recipe()
