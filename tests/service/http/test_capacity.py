import io
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Request, request

from service.api import search_views as views
from service.config import Config
from service.errors import RefusedRequest
from service.http import capacity as slots
from service.http.capacity import (
    SPARE_THREADS,
    THUMBNAILS_WAITING,
    Capacity,
    capacity_in_use,
    give_way,
    resting,
    threads,
)
from service.run.app import create_app


def refusal(call, *args):
    with pytest.raises(RefusedRequest) as refused:
        call(*args)
    return refused.value.code


def test_batches_have_one_queue_slot_where_half_of_them_are_less_than_two():
    capacity = Capacity(at_once=1, waiting=1, wait_seconds=0)
    capacity.admit("a", batch=True)
    with pytest.raises(RefusedRequest):
        capacity.admit("b", batch=True)
    capacity.admit("b")


def test_what_is_beyond_all_queue_slots_is_refused_until_one_is_free():
    capacity = Capacity(at_once=1, waiting=1, wait_seconds=0)
    capacity.admit("a")
    capacity.admit("b")
    assert refusal(capacity.admit, "c") == "overloaded"
    capacity.leave("a")
    capacity.admit("c")


def test_a_wait_that_is_too_long_ends():
    capacity = Capacity(at_once=1, waiting=1, wait_seconds=0.01)
    capacity.start()
    assert refusal(capacity.start) == "overloaded"
    capacity.finish()
    capacity.start()


def test_a_client_gets_its_share_and_leaves_the_rest_to_others():
    capacity = Capacity(at_once=2, waiting=2, wait_seconds=0, per_client=1)
    capacity.admit("a")
    assert refusal(capacity.admit, "a") == "too_many_requests"
    capacity.admit("b")
    capacity.leave("a")
    capacity.admit("a")


def test_slots_are_never_given_twice_nor_lost():
    capacity = Capacity(at_once=2, waiting=3, wait_seconds=5)
    lock, now, most = threading.Lock(), 0, 0

    def work(number):
        nonlocal now, most
        try:
            capacity.admit(str(number % 3))
        except RefusedRequest:
            return False
        capacity.start()
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1
        capacity.finish()
        capacity.leave(str(number % 3))
        return True

    with ThreadPoolExecutor(16) as pool:
        served = list(pool.map(work, range(500)))
    assert any(served) and most <= 2
    for _ in range(5):
        capacity.admit("all slots are free again")
    assert refusal(capacity.admit, "x") == "overloaded"


def test_there_are_threads_for_all_that_is_admitted_and_more():
    assert (SPARE_THREADS, THUMBNAILS_WAITING) == (16, 32)
    assert threads(Config(searches_at_once=5, searches_waiting=25)) == 78


@pytest.fixture
def busy(config, searcher, monkeypatch):
    """A service with one queue slot, and a function that keeps it taken until the returned event is set."""
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0, client_searches=1), searcher)
    inside, go_on = threading.Event(), threading.Event()
    answer = views.answer

    def slow(*args):
        inside.set()
        assert go_on.wait(timeout=60)
        return answer(*args)

    monkeypatch.setattr(views, "answer", slow)
    return app, inside, go_on


def test_while_all_queue_slots_are_taken_searches_are_shed_and_all_else_is_answered(busy, photo):
    app, inside, go_on = busy

    def search(address="10.0.0.1"):
        data = {"file": (io.BytesIO(photo), "photo.jpg")}
        return app.test_client().post("/v1/search", data=data, environ_base={"REMOTE_ADDR": address})

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(search)
        assert inside.wait(timeout=60)
        try:
            shed = search("10.0.0.2")
            assert (shed.status_code, shed.json["code"]) == (503, "overloaded")
            assert int(shed.headers["Retry-After"]) >= 1
            assert app.test_client().get("/v1/items/hat/0/similar").json["code"] == "overloaded"
            for address in ("/healthz", "/readyz", "/metrics", "/v1/items/hat/0", "/"):
                assert app.test_client().get(address).status_code == 200
        finally:
            go_on.set()
        assert first.result(timeout=60).status_code == 200
    assert search("10.0.0.2").status_code == 200


def test_a_client_beyond_its_share_is_told_429(config, searcher):
    app = create_app(replace(config, client_searches=1), searcher)
    answers = []

    class Body(io.BytesIO):
        """A body during whose arrival the same client sends another search."""

        def readinto(self, buffer):
            answers.append(app.test_client().post("/v1/search", json={"item_id": "hat/1"}))
            return super().readinto(buffer)

    body = b'{"item_id": "hat/0"}'
    answer = app.test_client().post(
        "/v1/search", input_stream=Body(body), content_length=len(body), content_type="application/json"
    )
    assert answer.status_code == 200
    assert (answers[0].status_code, answers[0].json["code"]) == (429, "too_many_requests")
    assert int(answers[0].headers["Retry-After"]) >= 1


@pytest.mark.parametrize("kind", ["refused", "broken"])
def test_a_search_that_fails_frees_its_slots(config, searcher, post, monkeypatch, kind):
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0), searcher)
    if kind == "broken":
        monkeypatch.setattr(views, "answer", lambda *args: 1 / 0)
    for _ in range(3):
        answer = app.test_client().post("/v1/search", json={"item_id": "nothing"})
        assert answer.json["code"] == ("item_unknown" if kind == "refused" else "internal_error")


@pytest.mark.parametrize(("proxies", "client"), [(0, "127.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.1")])
def test_a_client_is_who_the_proxies_that_are_believed_say(config, searcher, monkeypatch, proxies, client):
    admitted = []
    monkeypatch.setattr(Capacity, "admit", lambda self, client, batch: admitted.append(client))
    monkeypatch.setattr(Capacity, "leave", lambda self, client, batch: None)
    app = create_app(replace(config, proxies=proxies), searcher)
    forwarded = {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}
    app.test_client().post("/v1/search", json={"item_id": "hat/0"}, headers=forwarded)
    assert admitted == [client]


class Line(deque):
    """A line of waiting requests that tells when one has joined it."""

    def __init__(self, joined):
        super().__init__()
        self._joined = joined

    def append(self, ticket):
        super().append(ticket)
        self._joined.release()  # under the lock of the slots: nothing is given before it waits


def watched(capacity):
    """Return a semaphore that is released whenever a request joins a line."""
    joined = threading.Semaphore(0)
    capacity._slots._new, capacity._slots._begun = Line(joined), Line(joined)
    return joined


def batch_of(app, *item_ids):
    searches = [{"item_id": item_id} for item_id in item_ids]
    return app.test_client().post("/v1/search/batch", json={"searches": searches})


def test_new_requests_and_those_that_gave_way_take_turns():
    capacity, order = Capacity(at_once=1, waiting=8, wait_seconds=60), []
    joined = watched(capacity)
    capacity.start()
    joined.acquire()

    def work(wait, name):
        wait()
        order.append(name)
        capacity.finish()

    with ThreadPoolExecutor(6) as pool:
        for name in ("batch 1", "batch 2", "batch 3", "single 1", "single 2", "single 3"):
            pool.submit(work, capacity.resume if "batch" in name else capacity.start, name)
            assert joined.acquire(timeout=60)
        capacity.finish()
    assert order == ["single 1", "batch 1", "single 2", "batch 2", "single 3", "batch 3"]


def test_one_that_waited_too_long_does_not_stand_in_the_way_of_the_next():
    capacity = Capacity(at_once=1, waiting=8, wait_seconds=0)
    capacity.start()
    assert refusal(capacity.start) == "overloaded"
    capacity.finish()
    capacity.resume()
    capacity.finish()
    capacity.start()


def test_one_that_waited_too_long_gives_no_slot_back():
    capacity = Capacity(at_once=2, waiting=8, wait_seconds=0)
    capacity.start()
    capacity.start()
    assert [refusal(capacity.start) for _ in range(3)] == ["overloaded"] * 3
    capacity.finish()
    capacity.start()
    assert refusal(capacity.start) == "overloaded"


def test_a_request_without_a_slot_has_none_to_give_way_with(config, searcher):
    app = create_app(replace(config, searches_at_once=1, wait_ms=0), searcher)
    with app.test_request_context():
        capacity = capacity_in_use()
        give_way()
    capacity.start()
    assert refusal(capacity.start) == "overloaded"


@pytest.mark.parametrize(("requests", "rests"), [(1, []), (2, [0.006, 0.006])])
def test_work_of_many_parts_rests_as_long_as_it_has_worked_if_others_are_there(
    config, searcher, monkeypatch, requests, rests
):
    app, worked, slept = create_app(config, searcher), iter([0, 2, 4, 6, 6, 9, 12, 12, 13]), []
    monkeypatch.setattr(slots.time, "thread_time", lambda: next(worked) / 1000)
    monkeypatch.setattr(slots.time, "sleep", lambda seconds: slept.append(round(seconds, 6)))
    with app.test_request_context():
        for client in range(requests):
            capacity_in_use().admit(str(client))
        assert [*resting("abcdef")] == [*"abcdef"]
    assert slept == rests


@pytest.mark.parametrize("waiting", [0, 1])  # refused a queue slot, or a concurrency slot
def test_a_request_gives_back_the_slots_that_it_had_and_no_others(config, searcher, monkeypatch, waiting):
    settings = replace(config, searches_at_once=1, searches_waiting=waiting, wait_ms=0)
    app = create_app(settings, searcher)
    capacity = app.extensions["silhouette.capacity"]
    answer, within = views.answer, []

    def slots():
        return capacity._clients.total(), capacity._slots._free

    def others():
        client = app.test_client()
        shed = [client.post("/v1/search", json={"item_id": "hat/0"}).json["code"] for _ in range(3)]
        return shed, client.get("/healthz").status_code, client.get("/nothing").status_code, slots()

    def watching(*args):
        """While one search is worked on, others are refused, and requests that need no slot are answered."""
        with ThreadPoolExecutor(1) as pool:  # in the same thread they would share Flask's context
            within.append(pool.submit(others).result())
        return answer(*args)

    monkeypatch.setattr(views, "answer", watching)
    assert app.test_client().post("/v1/search", json={"item_id": "hat/0"}).status_code == 200
    assert within == [(["overloaded"] * 3, 200, 404, (1, 0))]
    assert slots() == (0, 1)


def test_a_search_is_answered_between_two_pictures_of_a_batch(config, searcher, monkeypatch):
    settings = replace(config, searches_at_once=1, searches_waiting=3, wait_ms=60_000)
    app, order, inside, go_on = create_app(settings, searcher), [], threading.Event(), threading.Event()
    joined = watched(app.extensions["silhouette.capacity"])
    answer = views.answer

    def slow(asked, *others):
        order.append(asked.source.item_id)
        inside.set()
        assert go_on.wait(timeout=60)
        return answer(asked, *others)

    monkeypatch.setattr(views, "answer", slow)
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(batch_of, app, "hat/0", "hat/1", "hat/2")
        assert inside.wait(timeout=60) and joined.acquire(timeout=60)
        single = pool.submit(app.test_client().post, "/v1/search", json={"item_id": "dress/0"})
        assert joined.acquire(timeout=60)
        go_on.set()
        assert single.result(timeout=60).status_code == batch.result(timeout=60).status_code == 200
    assert order == ["hat/0", "dress/0", "hat/1", "hat/2"]


def test_batches_and_searches_side_by_side_are_all_answered_within_the_slots(config, searcher, monkeypatch):
    settings = replace(config, searches_at_once=2, searches_waiting=40, wait_ms=60_000)
    app, lock, now, most = create_app(settings, searcher), threading.Lock(), 0, 0
    together, answer = threading.Barrier(18), views.answer

    def counted(*args):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        try:
            return answer(*args)
        finally:
            with lock:
                now -= 1

    def send(number):
        together.wait(timeout=60)
        if number % 3 == 0:
            return batch_of(app, *["hat/0"] * 4).status_code
        return app.test_client().post("/v1/search", json={"item_id": "hat/1"}).status_code

    monkeypatch.setattr(views, "answer", counted)
    with ThreadPoolExecutor(18) as pool:
        assert set(pool.map(send, range(18))) == {200}
    assert most <= 2


def test_a_batch_of_more_than_all_slots_is_answered(config, searcher):
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0), searcher)
    answers = batch_of(app, *["hat/0"] * 7).json["answers"]
    assert [len(answer["results"]) > 0 for answer in answers] == [True] * 7


@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_a_batch_that_breaks_anywhere_frees_its_slots(config, searcher, monkeypatch, breaks_at):
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0, wait_ms=0), searcher)
    answer, calls = views.answer, []

    def breaking(*args):
        calls.append(args)
        return 1 / 0 if len(calls) % breaks_at == 0 else answer(*args)

    monkeypatch.setattr(views, "answer", breaking)
    for _ in range(3):
        assert batch_of(app, "hat/0", "nothing", "hat/1").json["code"] == "internal_error"
        calls.clear()
    monkeypatch.setattr(views, "answer", answer)
    assert app.test_client().post("/v1/search", json={"item_id": "hat/0"}).status_code == 200
    capacity = app.extensions["silhouette.capacity"]
    assert (capacity._batches, capacity._clients.total(), capacity._slots._free) == (0, 0, 1)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain"])
def test_a_body_has_arrived_before_its_search_waits_and_a_form_is_not_kept_twice(
    config, searcher, photo, monkeypatch, kind
):
    arrived = []

    def waiting(self):
        arrived.append((request.input_stream.tell() == len(body), bool(request.get_data())))
        raise RefusedRequest("overloaded", "Retry.")

    monkeypatch.setattr(Capacity, "start", waiting)
    form = Request.from_values(method="POST", data={"file": (io.BytesIO(photo), "photo.jpg")})
    is_form = kind == form.mimetype
    body = form.get_data() if is_form else b'{"item_id": "hat/0"}'
    create_app(config, searcher).test_client().post(
        "/v1/search", input_stream=io.BytesIO(body), content_type=form.content_type if is_form else kind
    )
    assert arrived == [(True, not is_form)]


def test_batches_leave_half_of_the_queue_slots_to_others():
    capacity = Capacity(at_once=1, waiting=3, wait_seconds=0)
    for _ in range(2):
        capacity.admit("a", batch=True)
    with pytest.raises(RefusedRequest) as refused:
        capacity.admit("b", batch=True)
    assert refused.value.code == "overloaded"
    capacity.admit("b")
    capacity.leave("a", batch=True)
    capacity.admit("b", batch=True)
    capacity.admit("b")
    assert refusal(capacity.admit, "c") == "overloaded"


def test_the_settings_are_what_the_capacity_is_made_of(config, searcher, monkeypatch):
    made = []
    monkeypatch.setattr("service.http.capacity.Capacity", lambda **options: made.append(options))
    create_app(
        replace(config, searches_at_once=3, searches_waiting=5, wait_ms=1500, client_searches=2), searcher
    )
    assert made == [{"at_once": 3, "waiting": 5, "wait_seconds": 1.5, "per_client": 2}]


def test_a_search_that_leaves_is_no_batch():
    """Else batches would be counted down by searches, and take more than their half."""
    capacity = Capacity(at_once=1, waiting=3, wait_seconds=0)
    for client in ("a", "b"):
        capacity.admit(client, batch=True)
    capacity.admit("c")
    capacity.leave("c")
    assert refusal(lambda: capacity.admit("d", batch=True)) == "overloaded"
    capacity.leave("a", batch=True)
    capacity.admit("d", batch=True)
