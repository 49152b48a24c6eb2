"""Beside slow clients of every kind, searches are answered by a server of one worker and few slots."""

import socket
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
from gunicorn.config import Config as Settings
from waitress.adjustments import Adjustments

from service.run import worker
from service.run.channel import BYTES_A_SECOND, HEAD_SECONDS, Channel
from service.run.worker import Server

POST = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = POST + b"Content-Length: 70000\r\n\r\n{"
FORM = (
    b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "
READER = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 150
ATTACKS = {
    "bodies": [(BODY, b"     ")] * 30,
    "forms": [(FORM, b"-")] * 40,
    "chunked bodies": [(CHUNKED, b"1\r\n \r\n")] * 30,
    "heads": [(HEAD, b"y")] * 60,
    "readers who stop": [(READER, b"")] * 40,
    "a mix": [(BODY, b" "), (CHUNKED, b"1\r\n \r\n"), (HEAD, b"y"), (READER, b"")] * 12,
}


@pytest.fixture(scope="module")
def small(serve):
    return serve(workers=1, searches_at_once=1, searches_waiting=2, request_seconds=20)


@contextmanager
def slow(port, clients):
    """Hold a connection for each client: what it opens with, and what it sends from time to time."""
    stop, held = threading.Event(), []

    def drip():
        while not stop.wait(0.3):
            for connection, drop in held:
                try:
                    connection.send(drop)
                except OSError:
                    pass  # it was cut

    for opening, drop in clients:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(opening)
        held.append((connection, drop))
        if not drop:
            assert connection.recv(1000)
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for connection, _ in held:
            connection.close()


@pytest.mark.parametrize("kind", ATTACKS)
def test_searches_beside_slow_clients_are_all_answered(small, kind):
    photo = (small.folder / "photograph.jpg").read_bytes()
    with slow(small.port, ATTACKS[kind]):
        for _ in range(12):
            answer = httpx.post(f"{small.url}/v1/search", files={"file": photo}, timeout=5)
            assert answer.status_code == 200, answer.text
            assert httpx.get(f"{small.url}/healthz", timeout=5).status_code == 200


@pytest.fixture
def channel():
    """A connection as the server has it, with `theirs`, its other end, and the `tasks` that it gave."""
    ours, theirs = socket.socketpair()
    adjustments = Adjustments(channel_timeout=5)
    adjustments.request_seconds, adjustments.gunicorn = 30, Settings()
    server = SimpleNamespace(active_channels={}, accepting=True, pull_trigger=lambda: None)
    server.add_task = lambda channel: channel.tasks.append(channel.requests[0])
    channel = Channel(server, ours, ("127.0.0.1", 1), adjustments, map={})
    channel.theirs, channel.tasks = theirs, []
    with ours, theirs:
        yield channel
        channel.handle_close()
        for request in channel.tasks:
            request.close()


def cut_at(channel, meanwhile, *, most=500):
    """Return the second at which a channel is cut, while its client does something in each."""
    for second in range(most):
        channel.check(second)
        if channel.will_close or channel.tasks:
            return second
        meanwhile()
    return None


def test_a_head_has_its_seconds_however_it_drips(channel):
    channel.received(b"GET /healthz HT")
    assert cut_at(channel, lambda: channel.received(b"x")) == HEAD_SECONDS + 1
    assert not channel.tasks


@pytest.mark.parametrize(("opening", "drop"), [(BODY, b" "), (CHUNKED, b"1\r\n \r\n")])
def test_a_body_that_drips_reaches_the_application_as_one_that_stopped(channel, opening, drop):
    channel.received(opening)
    assert cut_at(channel, lambda: channel.received(drop)) == 31
    (request,) = channel.tasks
    assert request.completed and request.error is None
    assert int(request.headers["CONTENT_LENGTH"]) > len(request.get_body_stream().read())
    assert request.headers["CONNECTION"] == "close"


def test_a_body_that_keeps_its_pace_may_take_long(channel):
    channel.received(POST + b"Content-Length: 2000000\r\n\r\n")
    assert cut_at(channel, lambda: channel.received(b"x" * (BYTES_A_SECOND - 1000))) == 106
    (request,) = channel.tasks
    assert not request.is_cut and len(request.get_body_stream().read()) == 2_000_000


@pytest.mark.parametrize(("taken", "second"), [(0, 31), (300, 31), (BYTES_A_SECOND, None)])
def test_an_answer_that_is_not_read_ends_the_connection_and_holds_no_thread(channel, taken, second):
    channel.write_soon(b"x" * 20 * 2**20)  # it returns at once
    read = 0

    def client():
        nonlocal read
        read += len(channel.theirs.recv(taken)) if taken else 0
        channel.handle_write()

    assert cut_at(channel, client, most=200) == second


def test_silence_between_requests_is_cut_sooner_in_a_server_that_stops(channel):
    assert cut_at(channel, lambda: None) == 6
    channel.will_close, channel.server.accepting = False, False
    channel.last_activity += 1
    assert cut_at(channel, lambda: None) == 3


@pytest.mark.parametrize(("part", "many"), [(b"1;" + b"x" * 4000, 20), (b"0\r\n" + b"x: " * 1000, 30)])
def test_an_endless_size_of_a_chunk_is_refused(channel, part, many):
    channel.received(CHUNKED)
    for _ in range(many):
        channel.received(part)
    assert channel.tasks[0].error.code == 400


def test_a_worker_that_holds_too_much_cuts_the_slowest_unfinished_uploads(monkeypatch):
    monkeypatch.setattr(worker, "BUFFERED_BYTES", 100)
    monkeypatch.setattr(worker, "CONNECTIONS", 2)

    def held(since, size, *, waiting=True):
        return SimpleNamespace(
            since=since, held=size, is_waiting=waiting, will_close=False, check=lambda now: None
        )

    channels = [held(1, 0), held(5, 60), held(2, 70), held(0, 0, waiting=False), held(3, 10)]
    server = SimpleNamespace(active_channels=dict(enumerate(channels)), in_connection_overflow=False, _map={})
    Server.maintenance(server, 0.0)
    assert [one.will_close for one in channels] == [False, False, True, False, False]
    server.in_connection_overflow, server._map = True, {1: 1, 2: 2}
    Server.maintenance(server, 0.0)
    assert [one.will_close for one in channels] == [True, False, True, False, False]
