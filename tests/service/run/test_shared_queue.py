import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection

import httpx
import pytest
from gunicorn.config import Config as Settings
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from service.run import worker
from service.run.shared_queue import SharedQueue
from service.run.worker import Server


@pytest.fixture
def shared():
    queue = SharedQueue()
    yield queue
    while (left := queue.take()) is not None:
        left.close()
    queue.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_connection_that_was_put_in_is_taken_once(shared, pair):
    ours, theirs = pair
    assert shared.put(ours)
    ours.close()
    with shared.take() as taken:
        theirs.sendall(b"hello")
        assert taken.recv(10) == b"hello"
    assert shared.take() is None


def test_connections_for_which_there_is_no_room_stay_where_they_are(shared, pair):
    room = 0
    while shared.put(pair[0]):
        room += 1
    assert 1 <= room < 10_000
    for _ in range(room):
        shared.take().close()
    assert shared.take() is None
    assert shared.put(pair[0])


class Served:
    """A worker's server, its loop in a thread; what asks for `/slow` waits for `go_on`."""

    def __init__(self, name, listener, shared):
        self.name, self.go_on, self.begun = name.encode(), threading.Event(), threading.Semaphore(0)
        adjustments = Adjustments(channel_timeout=60)
        adjustments.request_seconds, adjustments.gunicorn = 30, Settings()
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(3)
        sockinfo = (listener.family, listener.type, listener.proto, listener.getsockname())
        self.server = Server(
            self._answer,
            {},
            _sock=listener.dup(),
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=sockinfo,
            bind_socket=False,
            shared=shared,
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop)

    def _answer(self, environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            self.begun.release()
            self.go_on.wait(60)
        start_response("200 OK", [("Content-Length", "1")])
        return [self.name]

    def _loop(self):
        while not self._ended.is_set():
            wasyncore.loop(timeout=0.01, use_poll=True, map=self.server._map, count=1)

    def run(self):
        self._thread.start()

    def end(self):
        self.go_on.set()
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(60)
        for channel in [*self.server.active_channels.values()]:
            channel.handle_close()
        self.server.task_dispatcher.shutdown()
        self.server.close()


@pytest.fixture
def two(shared):
    """Two workers on one address, of which none runs yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        servers = [Served(name, listener, shared) for name in "ab"]
        yield servers
        for server in servers:
            server.end()


@pytest.fixture
def connect(two):
    with ExitStack() as opened:

        def open_one():
            connection = HTTPConnection("127.0.0.1", two[0].server.effective_port, timeout=60)
            opened.callback(connection.close)
            return connection

        yield open_one


def asked(connection, path="/"):
    connection.request("GET", path)
    return answer_of(connection)


def answer_of(connection):
    with connection.getresponse() as answer:
        assert answer.status == 200
        return answer.read().decode()


def busy(connection, served):
    """Begin a request that a worker does not finish yet."""
    connection.request("GET", "/slow")
    assert served.begun.acquire(timeout=60)


def test_what_comes_to_a_busy_worker_is_answered_by_one_that_is_free(two, connect, monkeypatch):
    monkeypatch.setattr(worker, "BUSY_SECONDS", 300)
    a, b = two
    a.run()
    first, second = connect(), connect()
    assert (asked(first), asked(second)) == ("a", "a")  # it keeps their connections
    b.run()
    busy(first, a)
    assert [asked(second) for _ in range(3)] == ["b"] * 3
    a.go_on.set()
    assert answer_of(first) == "a"


def test_a_client_that_asks_one_thing_after_the_other_stays_with_its_worker(two, connect):
    for served in two:
        served.run()
    connection = connect()
    assert len({asked(connection) for _ in range(50)}) == 1


def test_beside_a_worker_that_hangs_the_busy_one_answers_all(two, connect, monkeypatch):
    monkeypatch.setattr(worker, "BUSY_SECONDS", 0.3)
    a, _ = two
    a.run()
    first, second = connect(), connect()
    assert (asked(first), asked(second)) == ("a", "a")
    busy(first, a)
    assert [asked(second) for _ in range(3)] == ["a"] * 3
    a.go_on.set()
    assert answer_of(first) == "a"


def test_a_worker_that_holds_all_connections_it_may_takes_none_and_keeps_its_own(two, shared, pair):
    server = two[0].server
    assert server.is_free() and not server.hand_on(pair[0])
    server._begun["a request"] = time.monotonic()
    assert not server.is_free() and server.hand_on(pair[0])
    server.in_connection_overflow = True
    assert not server.hand_on(pair[0])
    server._begun.clear()
    assert not server.is_free()


def test_a_worker_that_stops_answers_what_waits_and_takes_nothing_after(two, connect, shared):
    a, _ = two
    waiting = connect()
    waiting.connect()
    accepted, _ = a.server.socket.accept()
    with accepted:
        assert shared.put(accepted)
        a.server.stop()
        assert shared.put(accepted)
    a.run()
    assert asked(waiting) == "a"
    shared.take().close()  # it is still there
    assert not a.server.hand_on(waiting.sock)


def test_a_connection_whose_client_has_left_is_closed(two, shared):
    server = two[0].server
    with socket.socket() as left:
        assert shared.put(left)
    server.stop()
    assert not server.active_channels and shared.take() is None


def test_workers_answer_all_that_many_kept_connections_ask(serving):
    """What a worker hands on while both are busy is neither lost nor answered to another client."""
    photo = (serving.folder / "photograph.jpg").read_bytes()

    def ask(limit):
        with httpx.Client(base_url=serving.url, timeout=60) as client:
            for _ in range(6):
                answer = client.post("/v1/search", params={"limit": limit}, files={"file": photo})
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["results"]) == limit
                assert client.get("/healthz").status_code == 200

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(ask, range(1, 6)))
