"""A server of pictures on the loopback interface, which can also drop, delay, lie and redirect."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class PictureServer(ThreadingHTTPServer):
    """`routes` maps a path to the bytes of a file, or to what answers; `asked` lists the paths, in order.

    Files have an ETag by their content, and are not sent to those who have them: `sent` lists the paths of
    which a file travelled. `most` is how many were answered at the same time.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.hosts: list[str] = []
        self.sent: list[str] = []
        self.gate = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}/{path}"

    def handle_error(self, request, client_address) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: PictureServer

    def do_GET(self) -> None:
        path, server = self.path.lstrip("/"), self.server
        with server.lock:
            server.asked.append(path)
            server.hosts.append(self.headers["Host"])
            server.now += 1
            server.most = max(server.most, server.now)
        try:
            answer = server.routes.get(path, status(404))
            if callable(answer):
                answer(self)
            else:
                self.send_file(answer)
        finally:
            with server.lock:
                server.now -= 1

    def begin(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send_file(self, data: bytes) -> None:
        etag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.headers["If-None-Match"] == etag:
            self.begin(304, ETag=etag)
            return
        self.server.sent.append(self.path.lstrip("/"))
        self.begin(200, ETag=etag, Content_Length=len(data))
        self.wfile.write(data)

    def log_message(self, *values: object) -> None:
        pass


def status(code: int, **headers: object) -> Answer:
    return lambda handler: handler.begin(code, Content_Length=0, **headers)


def redirect(address: str) -> Answer:
    return status(302, Location=address)


def drop(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def promise(length: int, data: bytes) -> Answer:
    """Say that a file has so many bytes, whatever it has, send it, and close the connection."""

    def answer(handler: Handler) -> None:
        handler.begin(200, Content_Length=length)
        handler.wfile.write(data)
        handler.close_connection = True

    return answer


def endless(handler: Handler) -> None:
    handler.begin(200)
    while not handler.server.gate.is_set():
        handler.wfile.write(b"e" * 65536)


def stuck(handler: Handler) -> None:
    handler.server.gate.wait(20)
    handler.close_connection = True


def in_turn(*answers: bytes | Answer) -> Answer:
    """Answer each request otherwise, and all further ones like the last."""
    left = list(answers)

    def answer(handler: Handler) -> None:
        following = left.pop(0) if len(left) > 1 else left[0]
        if callable(following):
            following(handler)
        else:
            handler.send_file(following)

    return answer


@contextmanager
def pictures() -> Iterator[PictureServer]:
    with PictureServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()
