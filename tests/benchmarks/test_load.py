import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import at_random, without_pause

PHOTO = b"\xff\xd8 a photograph"


class Counting(BaseHTTPRequestHandler):
    """Answers as its class says, and keeps what was sent."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]
    statuses: list[int]

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.statuses[len(self.bodies) % len(self.statuses)])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def server(*statuses):
    handler = type("Handler", (Counting,), {"bodies": [], "statuses": statuses})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_port, handler.bodies
        listening.shutdown()


def test_every_request_has_a_photograph_and_a_boundary_of_its_own():
    with server(200) as (port, bodies):
        load = without_pause(port, [PHOTO], connections=3, seconds=0.2)
    assert len(load.waits) == len(bodies) > 3 and load.refused == 0
    assert all(PHOTO in body for body in bodies)
    assert len({body.partition(b"\r\n")[0] for body in bodies}) == len(bodies)


def test_what_is_refused_is_counted_and_waited_for_by_nobody():
    with server(200, 503, 200, 200) as (port, bodies):
        load = at_random(port, [PHOTO], rate=400, seconds=0.2)
    assert len(bodies) == 80
    assert (len(load.waits), load.refused) == (60, 20)
    assert 0 < load.wait_ms(50) <= load.wait_ms(99)


def test_a_failure_ends_the_measurement():
    with server(500) as (port, _), pytest.raises(RuntimeError, match="answered 500"):
        without_pause(port, [PHOTO], connections=1, seconds=60)
