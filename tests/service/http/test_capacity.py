import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from service.api import search_views as views
from service.config import Config
from service.errors import RefusedRequest
from service.http.capacity import SPARE_THREADS, Capacity, threads
from service.run.app import create_app


def refusal(call, *args):
    with pytest.raises(RefusedRequest) as refused:
        call(*args)
    return refused.value.code


def test_what_is_beyond_all_places_is_refused_until_one_is_free():
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


def test_places_are_never_given_twice_nor_lost():
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
        capacity.admit("all places are free again")
    assert refusal(capacity.admit, "x") == "overloaded"


def test_there_are_threads_for_all_that_is_admitted_and_more():
    assert threads(Config(searches_at_once=4, searches_waiting=16)) == 20 + SPARE_THREADS


@pytest.fixture
def busy(config, searcher, monkeypatch):
    """A service with one place, and a function that keeps it taken until the returned event is set."""
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0, client_searches=1), searcher)
    inside, go_on = threading.Event(), threading.Event()
    answer = views.answer

    def slow(*args):
        inside.set()
        assert go_on.wait(timeout=60)
        return answer(*args)

    monkeypatch.setattr(views, "answer", slow)
    return app, inside, go_on


def test_while_all_places_are_taken_searches_are_shed_and_all_else_is_answered(busy, photo):
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
def test_a_search_that_fails_frees_its_place(config, searcher, post, monkeypatch, kind):
    app = create_app(replace(config, searches_at_once=1, searches_waiting=0), searcher)
    if kind == "broken":
        monkeypatch.setattr(views, "answer", lambda *args: 1 / 0)
    for _ in range(3):
        answer = app.test_client().post("/v1/search", json={"item_id": "nothing"})
        assert answer.json["code"] == ("item_unknown" if kind == "refused" else "internal_error")


@pytest.mark.parametrize(("proxies", "client"), [(0, "127.0.0.1"), (1, "10.0.0.2"), (2, "10.0.0.1")])
def test_a_client_is_who_the_proxies_that_are_believed_say(config, searcher, monkeypatch, proxies, client):
    admitted = []
    monkeypatch.setattr(Capacity, "admit", lambda self, name: admitted.append(name))
    monkeypatch.setattr(Capacity, "leave", lambda self, name: None)
    app = create_app(replace(config, proxies=proxies), searcher)
    forwarded = {"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}
    app.test_client().post("/v1/search", json={"item_id": "hat/0"}, headers=forwarded)
    assert admitted == [client]
