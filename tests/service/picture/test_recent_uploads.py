import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import RefusedRequest
from service.picture.recent_uploads import RecentQueries


@pytest.fixture
def clock():
    """Seconds that pass when a test says so, in a list of one."""
    return [0.0]


@pytest.fixture
def queries(tmp_path, clock):
    return RecentQueries(tmp_path / "queries", seconds=900, max_bytes=100, clock=lambda: clock[0])


@pytest.fixture
def roomy(tmp_path, clock):
    return RecentQueries(tmp_path / "queries", seconds=900, max_bytes=1600, clock=lambda: clock[0])


@pytest.fixture
def names(tmp_path):
    return lambda: {path.name for path in (tmp_path / "queries").iterdir()}


def _age(folder, query_id, seconds):
    written = time.time() - seconds
    os.utime(folder / "queries" / query_id, (written, written))


def test_a_photo_comes_back_to_another_worker(queries, tmp_path):
    query_id = queries.put(b"photo")
    other_worker = RecentQueries(tmp_path / "queries", seconds=900, max_bytes=100)
    assert other_worker.get(query_id) == b"photo"


def test_a_photo_is_not_handed_out_after_its_time(queries, tmp_path):
    query_id = queries.put(b"photo")
    _age(tmp_path, query_id, 901)
    with pytest.raises(RefusedRequest, match="kept for 15 min"):
        queries.get(query_id)


def test_a_search_soon_after_removes_expired_photos_from_the_disk(roomy, tmp_path, clock, names):
    expired = roomy.put(b"photo")
    _age(tmp_path, expired, 901)
    kept = roomy.put(b"another")
    assert names() == {expired, kept}
    clock[0] = 900 / 16
    third = roomy.put(b"third")
    assert names() == {kept, third}


def test_searches_do_not_look_at_all_photos_each_time(roomy, monkeypatch):
    looked = []
    monkeypatch.setattr(os, "scandir", lambda folder: looked.append(folder) or iter(()))
    for _ in range(40):
        roomy.put(b"ten bytes.")
    assert len(looked) == 1 + 40 * 10 // 100


def test_the_oldest_photos_make_room_when_the_folder_is_full(queries, tmp_path, names):
    first, second = queries.put(b"a" * 40), queries.put(b"b" * 40)
    _age(tmp_path, first, 20)
    _age(tmp_path, second, 10)
    third = queries.put(b"c" * 40)
    assert names() == {second, third}


@given(sizes=st.lists(st.integers(0, 300), max_size=60))
def test_however_large_the_photos_are_one_worker_keeps_within_its_bytes(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("queries")
    queries = RecentQueries(folder, seconds=900, max_bytes=1600)
    for size in sizes:
        last = queries.put(bytes(size))
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 1600
        assert queries.get(last) == bytes(size)


def test_only_the_service_s_user_can_read_the_photos(queries, tmp_path):
    query_id = queries.put(b"photo")
    assert (tmp_path / "queries").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "queries" / query_id).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("query_id", ["../secret", "q_", "", "q_" + "x" * 15 + "/", "q_" + "x" * 16])
def test_an_id_that_was_never_given_out_is_expired_and_reads_no_other_file(queries, tmp_path, query_id):
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(RefusedRequest) as refused:
        queries.get(query_id)
    assert refused.value.code == "query_expired"
