import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore
import pytest

from service.config import Config
from service.errors import RefusedRequest
from service.picture import image_url
from service.picture.image_url import REDIRECTS, fetch, is_public
from service.run.app import create_app

HOST = "pictures.example"


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.8.9.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "somewhere",
    ],
)
def test_all_others_are_not(address):
    assert not is_public(address)


class Pictures(BaseHTTPRequestHandler):
    """What each path answers; `asked` keeps the Host headers."""

    asked: list[str] = []
    gate = threading.Event()

    def do_GET(self):
        self.asked.append(self.headers["Host"])
        port = self.server.server_address[1]
        getattr(self, self.path.strip("/").replace("-", "_"))(port)

    def _redirect(self, address):
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def photo(self, port):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"p" * 1000)

    def moved(self, port):
        self._redirect("/photo")

    def hop(self, port, left):
        self._redirect(f"/hop-{left - 1}" if left > 1 else "/photo")

    def __getattr__(self, name):  # /hop-N leads over N redirects
        if not name.startswith("hop_"):
            raise AttributeError(name)
        return lambda port: self.hop(port, int(name[4:]))

    def circle(self, port):
        self._redirect("/circle")

    def inward(self, port):
        self._redirect(f"http://inside.example:{port}/photo")

    def to_file(self, port):
        self._redirect("file:///etc/passwd")

    def gone(self, port):
        self.send_error(410)

    def endless(self, port):
        self.send_response(200)
        self.end_headers()
        while not self.gate.is_set():
            try:
                self.wfile.write(b"e" * 65536)
            except OSError:
                return

    def stuck(self, port):
        self.gate.wait(20)

    def log_message(self, *values):
        pass


@pytest.fixture
def server():
    Pictures.asked, Pictures.gate = [], threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        Pictures.gate.set()
        server.shutdown()
        thread.join()


class Resolver:
    """Names and their addresses; a name with several answers gives the next one each time it is asked."""

    def __init__(self, **names):
        self.names = names
        self.asked = []

    def __call__(self, host, port):
        self.asked.append(host)
        answers = self.names[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def get(server, monkeypatch):
    """Fetch a path of the server; its address, 127.0.0.1, counts as public here."""
    monkeypatch.setattr(image_url, "is_public", lambda address: address == "127.0.0.1" or is_public(address))

    def send(path, *, find=None, max_bytes=2000, seconds=10.0, host=HOST):
        find = find or Resolver(pictures=[["127.0.0.1"]], inside=[["10.0.0.1"]])
        return fetch(f"http://{host}:{server}/{path}", max_bytes=max_bytes, seconds=seconds, find=find)

    return send


def refused(code, call, *arguments, **options):
    with pytest.raises(RefusedRequest) as caught:
        call(*arguments, **options)
    assert (caught.value.code, caught.value.param) == (code, "image_url"), str(caught.value)
    return str(caught.value)


def test_a_picture_is_fetched_under_its_name_from_the_address_that_was_checked(get, server):
    assert get("photo") == b"p" * 1000
    assert Pictures.asked == [f"{HOST}:{server}"]


def test_a_name_is_looked_up_once_so_that_changing_it_gains_nothing(get):
    rebinding = Resolver(pictures=[["127.0.0.1"], ["10.0.0.1"]])
    assert get("photo", find=rebinding) == b"p" * 1000
    assert rebinding.asked == [HOST]


def test_a_name_with_any_address_inside_is_refused(get):
    for addresses in (["127.0.0.1", "10.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], []):
        refused("url_not_allowed", get, "photo", find=Resolver(pictures=[addresses]))
    assert Pictures.asked == []


def test_as_many_redirects_as_are_allowed_are_followed_and_no_more(get):
    assert get(f"hop-{REDIRECTS}") == b"p" * 1000
    assert f"more than {REDIRECTS} redirects" in refused("image_url_unreachable", get, f"hop-{REDIRECTS + 1}")


def test_redirects_are_followed_and_each_is_checked(get):
    assert get("moved") == b"p" * 1000
    refused("url_not_allowed", get, "inward")
    refused("url_not_allowed", get, "to-file")
    assert "redirects" in refused("image_url_unreachable", get, "circle")


def test_a_file_that_is_too_large_is_let_go_of(get):
    assert len(get("photo", max_bytes=1000)) == 1000
    refused("upload_too_large", get, "photo", max_bytes=999)
    refused("upload_too_large", get, "endless")


def test_a_server_that_does_not_answer_is_given_up_in_time(get):
    assert "0.2 s" in refused("image_url_unreachable", get, "stuck", seconds=0.2)
    assert "0.2 s" in refused("image_url_unreachable", get, "endless", seconds=0.2, max_bytes=10**12)


def test_an_error_or_nothing_there_is_said(get, server):
    assert "410" in refused("image_url_unreachable", get, "gone")

    def lost(host, port):
        raise OSError("no such host")

    refused("image_url_unreachable", get, "photo", find=lost)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://pictures.example/a.jpg",
        "gopher://pictures.example/",
        "//pictures.example/a.jpg",
        "pictures.example/a.jpg",
        "http://",
        "http://pictures.example:0/",
        "http://pictures.example:99999/",
        "http://[::1",
        "http://user:secret@pictures.example/a.jpg",
        "http://pictures.example/a b.jpg",
        "http://pictures.example/a\r\nHost: inside",
        "http://bücher.example/",
        "data:image/png;base64,AAAA",
    ],
)
def test_what_is_no_plain_address_over_http_is_refused(url):
    def never(host, port):
        raise AssertionError("looked up")

    refused("url_not_allowed", fetch, url, max_bytes=1, seconds=1, find=never)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"]
)
def test_this_machine_is_never_asked_whatever_it_is_called(host, server):
    refused("url_not_allowed", fetch, f"http://{host}:{server}/photo", max_bytes=2000, seconds=5)
    assert Pictures.asked == []


class Wire(httpcore.NetworkBackend):
    """Records where a connection goes and under which name it is secured, and then fails."""

    def __init__(self):
        self.steps = []

    def connect_tcp(self, host, port, **options):
        self.steps.append((host, port))
        return self

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        self.steps.append((server_hostname, ssl_context.check_hostname))
        raise httpcore.ConnectError("enough")

    def close(self):
        pass


def test_https_goes_to_the_checked_address_and_is_secured_under_the_name():
    wire = Wire()
    find = Resolver(pictures=[["93.184.215.14"]])
    refused(
        "image_url_unreachable", fetch, f"https://{HOST}/a", max_bytes=1, seconds=5, find=find, beneath=wire
    )
    assert wire.steps == [("93.184.215.14", 443), (HOST, True)]


def test_a_search_fetches_only_where_the_operator_allows_it(searcher, config, photo, monkeypatch, tmp_path):
    asked = []

    def fetched(address, **limits):
        asked.append((address, limits))
        return photo

    monkeypatch.setattr("service.api.search_views.fetch", fetched)
    body = {"image_url": "https://pictures.example/a.jpg", "limit": 1}
    assert create_app(config, searcher).test_client().post("/v1/search", json=body).status_code == 403
    allowing = Config(indexes=config.indexes, query_folder=tmp_path / "q", image_urls=True)
    answer = create_app(allowing, searcher).test_client().post("/v1/search", json=body)
    assert asked == [(body["image_url"], {"max_bytes": allowing.max_upload_bytes, "seconds": 5})]
    assert answer.status_code == 200 and answer.json["query_id"].startswith("q_")
    assert answer.json["results"][0]["metadata"]["category"] == "dress"
