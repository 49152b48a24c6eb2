import os
import threading
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


@pytest.mark.parametrize("turned", [None, 0, 90, 180, 270])
def test_the_id_of_a_photo_tells_by_how_much_it_was_turned(queries, turned):
    query_id = queries.put(b"photo", turned=turned)
    assert (queries.get(query_id), queries.turned(query_id)) == (b"photo", turned)
    queries.delete(query_id)


def test_a_photo_has_one_id_only(queries):
    query_id = queries.put(b"photo", turned=90)
    for other in (query_id[:-1], query_id[:-1] + "0", query_id + "1"):
        with pytest.raises(RefusedRequest):
            queries.get(other)


@pytest.mark.parametrize("query_id", ["", "q_", "q_x1", "../q_" + "x" * 16 + "1"])
def test_what_is_no_id_tells_no_turn(queries, query_id):
    assert queries.turned(query_id) is None


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
    queries.put(b"photo")  # makes the folder: without one no file beside it could be reached
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(RefusedRequest) as refused:
        queries.get(query_id)
    assert refused.value.code == "query_expired"


def test_a_photo_goes_by_time_alone_and_so_does_what_a_killed_service_has_left(tmp_path, names, roomy):
    left = roomy.put(b"left by a service that was killed")
    _age(tmp_path, left, 901)
    waits, ended = [], threading.Event()
    idle = RecentQueries(tmp_path / "queries", seconds=900, max_bytes=1600)

    def wait(seconds):
        waits.append((seconds, names()))
        if len(waits) == 1:
            _age(tmp_path, kept, 901)
        return ended.set() or True if len(waits) == 2 else False

    kept = roomy.put(b"kept")
    idle.sweep_on(wait)
    assert ended.wait(20)
    assert [there for _, there in waits] == [{kept}, set()]
    assert all(seconds <= 60 for seconds, _ in waits)


def test_sweeping_goes_on_after_a_failure_and_needs_no_folder(tmp_path, monkeypatch, caplog):
    queries = RecentQueries(tmp_path / "none", seconds=5, max_bytes=1600)
    queries.sweep()
    waits, ended = [], threading.Event()
    monkeypatch.setattr(os, "scandir", lambda _: (_ for _ in ()).throw(PermissionError(13, "denied")))

    def wait(seconds):
        waits.append(seconds)
        return ended.set() or True if len(waits) == 2 else False

    queries.sweep_on(wait)
    assert ended.wait(20)
    assert waits == [5, 5] and "denied" in caplog.text


def test_a_photo_from_a_clock_that_was_put_back_is_not_kept_for_longer(roomy, tmp_path, names):
    query_id = roomy.put(b"photo")
    _age(tmp_path, query_id, -901)
    with pytest.raises(RefusedRequest):
        roomy.get(query_id)
    roomy.sweep()
    assert names() == set()


def test_one_photo_does_not_pass_what_all_may_take(queries, names):
    kept = queries.put(b"x" * 50)
    with pytest.raises(OSError, match="101 bytes, more than all"):
        queries.put(b"x" * 101)
    assert names() == {kept}


def test_several_workers_keep_within_the_bytes_together(tmp_path):
    workers = [RecentQueries(tmp_path / "q", seconds=900, max_bytes=1600, workers=4) for _ in range(4)]
    for size in (70, 3, 24, 90, 1, 55, 20) * 40:
        for worker in workers:
            worker.put(bytes(size))
            assert sum(path.stat().st_size for path in (tmp_path / "q").iterdir()) <= 1600


def test_a_photo_is_deleted_at_once_and_once(queries, names):
    first, second = queries.put(b"a"), queries.put(b"b")
    queries.delete(first)
    assert names() == {second}
    for query_id in (first, "../queries", "q_"):
        with pytest.raises(RefusedRequest):
            queries.delete(query_id)


def test_whoever_has_the_id_deletes_the_picture_of_a_search(client, post, photo, config):
    query_id = post(photo).json["query_id"]
    answer = client.delete(f"/v1/queries/{query_id}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert list(config.query_folder.iterdir()) == []
    again = client.delete(f"/v1/queries/{query_id}")
    assert (again.status_code, again.json["code"]) == (404, "query_expired")
    assert post(json={"query_id": query_id}).json["code"] == "query_expired"
    assert client.delete("/v1/queries/q_?force=1").json["param"] == "force"


def test_a_search_whose_picture_can_t_be_kept_is_answered_without_an_id(client, post, photo, monkeypatch):
    kept = client.application.extensions["silhouette.queries"]
    monkeypatch.setattr(kept, "_max_bytes", len(photo) - 1)
    answer = post(photo)
    assert (answer.status_code, answer.json["query_id"]) == (200, None)
