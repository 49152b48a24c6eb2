import io
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

import httpcore
import pytest

from tests.picture_server import drop, endless, promise, redirect, status, stuck
from training.addresses import download as download_module
from training.addresses.download import REDIRECTS, Answer, Downloader, Validators
from training.addresses.public_hosts import Hosts
from training.errors import AddressRefused, AddressUnreachable, FileTooLarge

HOST = "pictures.example"
FILE = b"p" * 1000


@pytest.fixture
def server(picture_server):
    port = picture_server.server_address[1]
    picture_server.asked.clear()
    picture_server.hosts.clear()
    picture_server.routes = {
        "photo": FILE,
        "moved": redirect("/photo"),
        **{f"moved-{code}": status(code, Location="/photo") for code in (301, 303, 307, 308)},
        "circle": redirect("/circle"),
        "inward": redirect(f"http://inside.example:{port}/photo"),
        "to-file": redirect("file:///etc/passwd"),
        "gone": status(410),
        "endless": endless,
        "stuck": stuck,
        "hop-1": redirect("/photo"),
        **{f"hop-{left}": redirect(f"/hop-{left - 1}") for left in range(2, REDIRECTS + 2)},
    }
    return picture_server


class Resolver:
    """Names and their addresses; a name with several answers gives the next one each time it is asked."""

    def __init__(self, **names):
        self.names = names
        self.asked = []

    def __call__(self, host, port):
        self.asked.append(host)
        answers = self.names[host.partition(".")[0]]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def download(url, find, *, allowed=(HOST,), max_bytes=2000, seconds=10.0, known=None, beneath=None):
    into = io.BytesIO()
    with Downloader(Hosts(allowed, find), beneath=beneath) as downloader:
        answer = downloader.download(url, into, max_bytes=max_bytes, seconds=seconds, known=known)
    return into.getvalue(), answer


@pytest.fixture
def get(server):
    """Download a path of the server, whose name is allowed; return the bytes."""

    def send(path, **options):
        find = options.pop("find", None) or Resolver(pictures=[["127.0.0.1"]], inside=[["10.0.0.1"]])
        return download(server.url(path, HOST), find, **options)[0]

    return send


def test_a_file_is_downloaded_under_its_name_from_the_address_that_was_checked(get, server):
    assert get("photo") == FILE
    assert server.hosts == [f"{HOST}:{server.server_address[1]}"]


def test_a_name_is_looked_up_once_so_that_changing_it_gains_nothing(get):
    rebinding = Resolver(pictures=[["127.0.0.1"], ["10.0.0.1"]])
    assert get("photo", find=rebinding) == FILE
    assert rebinding.asked == [HOST]


def test_connections_are_kept_for_further_downloads(server):
    find = Resolver(pictures=[["127.0.0.1"]])
    with Downloader(Hosts((HOST,), find)) as downloader:
        for _ in range(3):
            downloader.download(server.url("photo", HOST), io.BytesIO(), max_bytes=2000, seconds=5)
    assert find.asked == [HOST] and server.asked == ["photo"] * 3


def test_a_connection_is_kept_after_an_answer_that_nothing_has_changed(server):
    address, find = server.url("photo", HOST), Resolver(pictures=[["127.0.0.1"]])
    with Downloader(Hosts((HOST,), find)) as downloader:
        known = downloader.download(address, io.BytesIO(), max_bytes=2000, seconds=5).validators
        for _ in range(2):
            answer = downloader.download(address, io.BytesIO(), max_bytes=2000, seconds=5, known=known)
            assert not answer.changed
    assert find.asked == [HOST] and server.asked == ["photo"] * 3


def test_as_many_redirects_as_are_allowed_are_followed_and_no_more(get):
    assert get(f"hop-{REDIRECTS}") == FILE
    with pytest.raises(AddressUnreachable, match=f"more than {REDIRECTS} redirects"):
        get(f"hop-{REDIRECTS + 1}")


def test_redirects_are_followed_and_each_is_checked(get):
    for path in ("moved", "moved-301", "moved-303", "moved-307", "moved-308"):
        assert get(path) == FILE
    for path in ("inward", "to-file"):
        with pytest.raises(AddressRefused):
            get(path)
    with pytest.raises(AddressUnreachable, match="redirects"):
        get("circle")


def test_a_file_that_is_too_large_is_let_go_of(get):
    assert get("photo", max_bytes=1000) == FILE
    for path in ("photo", "endless"):
        with pytest.raises(FileTooLarge, match="more than 999 bytes"):
            get(path, max_bytes=999)


def test_a_server_that_does_not_answer_is_given_up_in_time(get):
    for path in ("stuck", "endless"):
        with pytest.raises(AddressUnreachable, match=r"0\.2 s") as caught:
            get(path, seconds=0.2, max_bytes=10**12)
        assert caught.value.passing


def test_a_status_is_told_and_whether_it_may_pass(get, server):
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.routes |= {
        "busy": status(503, Retry_After="7"),
        "later": status(429, Retry_After=in_an_hour),
        "soon": status(502, Retry_After="soon"),
        "broken": status(500),
        "before": status(429, Retry_After="Sat, 21 Nov 2020 02:00:00 -0000"),
        "overrun": status(429),
        "not-asked": status(304),
    }
    found = {}
    for path in ("gone", "not-asked", "busy", "later", "soon", "broken", "before", "overrun"):
        with pytest.raises(AddressUnreachable, match=r"status \d+") as caught:
            get(path)
        found[path] = caught.value
    assert [found[path].passing for path in found] == [False, False, *[True] * 6]
    assert 3590 < found.pop("later").retry_after <= 3600
    assert {path: error.retry_after for path, error in found.items()} == {
        **dict.fromkeys(("gone", "not-asked", "broken")),
        **{"busy": 7, "soon": 0, "before": 0, "overrun": 0},
    }


def test_only_the_statuses_of_a_server_in_trouble_may_pass(get, server):
    found = {}
    for code in (400, 401, 403, 404, 408, 409, 410, 425, 429, 451, 500, 501, 502, 503, 504, 505):
        server.routes["trouble"] = status(code)
        with pytest.raises(AddressUnreachable) as caught:
            get("trouble")
        found[code] = caught.value.passing
    assert {code for code, passing in found.items() if passing} == {408, 425, 429, 500, 502, 503, 504}


def test_a_connection_that_breaks_is_told_and_may_pass(get, server):
    server.routes |= {"dropped": drop, "short": promise(1500, FILE)}
    for path in ("dropped", "short"):
        with pytest.raises(AddressUnreachable, match="before the file was complete") as caught:
            get(path)
        assert caught.value.passing


def test_only_a_file_that_has_changed_travels(server):
    address, find = server.url("photo", HOST), Resolver(pictures=[["127.0.0.1"]])
    _, first = download(address, find)
    assert first.changed and first.validators.etag
    assert download(address, find, known=first.validators) == (b"", Answer(changed=False))
    server.routes["photo"] = b"another"
    data, second = download(address, find, known=first.validators)
    assert data == b"another" and second.validators != first.validators


def test_a_server_without_etags_is_asked_by_date(server):
    dated = "Sat, 21 Nov 2026 02:00:00 GMT"

    def by_date(handler):
        known = handler.headers["If-Modified-Since"] == dated and handler.headers["If-None-Match"] is None
        handler.begin(304 if known else 200, Content_Length=0, Last_Modified=dated)

    server.routes["dated"] = by_date
    address, find = server.url("dated", HOST), Resolver(pictures=[["127.0.0.1"]])
    _, answer = download(address, find)
    assert answer == Answer(Validators(last_modified=dated))
    assert not download(address, find, known=answer.validators)[1].changed


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
        "http://user@pictures.example/a.jpg",
        "http://pictures.example/a b.jpg",
        "http://pictures.example/a\r\nHost: inside",
        "http://bücher.example/",
        "data:image/png;base64,AAAA",
    ],
)
def test_what_is_no_plain_address_over_http_is_refused(url):
    def never(host, port):
        raise AssertionError("looked up")

    with pytest.raises(AddressRefused):
        download(url, never)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"]
)
def test_this_machine_is_never_asked_whatever_it_is_called(host, server):
    with Downloader(Hosts()) as downloader, pytest.raises(AddressRefused):
        downloader.download(server.url("photo", host), io.BytesIO(), max_bytes=2000, seconds=5)
    assert server.asked == []


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
    with pytest.raises(AddressUnreachable):
        download(f"https://{HOST}/a", find, allowed=(), beneath=wire)
    assert wire.steps == [("93.184.215.14", 443), (HOST, True)]


def test_downloaders_that_begin_together_read_the_certificates_once(monkeypatch):
    made, others = [], threading.Barrier(2)

    def make():
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        with suppress(threading.BrokenBarrierError):
            others.wait(0.1)  # another one that makes it at the same time
        return made[-1]

    monkeypatch.setattr(download_module, "_made_tls", cache(make))
    with ThreadPoolExecutor(4) as threads:
        for begun in [threads.submit(Downloader, Hosts(())) for _ in range(4)]:
            begun.result()
    assert len(made) == 1
