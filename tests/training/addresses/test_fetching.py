import io
import random
from functools import cache

import pytest
from PIL import Image

from tests.picture_server import drop, endless, in_turn, promise, redirect, status, stuck
from training.addresses import fetching
from training.addresses.fetching import LONGEST_WAIT, Fetching, fetch_all
from training.addresses.host_queues import HOPELESS
from training.errors import AddressUnreachable, CacheUnusable

QUICK = Fetching(("127.0.0.1",), backoff=0.001, seconds=10.0)


@pytest.fixture
def server(picture_server):
    picture_server.routes = {}
    picture_server.asked.clear()
    picture_server.sent.clear()
    picture_server.most = 0
    return picture_server


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch paths of the server; return what has become of each, by its path."""

    def run(*paths, **options):
        settings = Fetching(**{**vars(QUICK), **options})
        found = fetch_all(dict.fromkeys(map(server.url, paths)), cache=tmp_path / "cache", settings=settings)
        return {path: found[server.url(path)] for path in paths}

    return run


@pytest.fixture(scope="module")
def make():
    """The bytes of a picture, PNG, of a shade of red."""

    @cache
    def make(red):
        file = io.BytesIO()
        Image.new("RGB", (24, 32), (red, 30, 40)).save(file, "PNG")
        return file.getvalue()

    return make


def test_each_address_becomes_a_file_with_its_content(fetch, server, make):
    server.routes = {f"{red}.png": make(red) for red in range(40)}
    found = fetch(*server.routes)
    assert all(found[path].path.read_bytes() == data for path, data in server.routes.items())
    assert {each.problem for each in found.values()} == {None}
    assert sorted(server.asked) == sorted(server.routes)


def test_the_second_time_every_address_is_asked_and_no_picture_travels(fetch, server, make):
    server.routes = {f"{red}.png": make(red) for red in range(20)}
    first = fetch(*server.routes)
    server.sent.clear()
    assert fetch(*server.routes) == first
    assert server.sent == [] and len(server.asked) == 40


def test_a_picture_that_has_changed_travels_again_alone(fetch, server, make):
    server.routes = {f"{red}.png": make(red) for red in range(5)}
    fetch(*server.routes)
    server.sent.clear()
    server.routes["3.png"] = make(77)
    found = fetch(*server.routes)
    assert server.sent == ["3.png"] and found["3.png"].path.read_bytes() == make(77)
    server.sent.clear()
    fetch(*server.routes)
    assert server.sent == []


def test_a_server_that_fails_now_and_then_is_asked_again(fetch, server, make):
    troubles = {
        "dropped": drop,
        "short": promise(10**5, make(9)),
        "busy": status(503),
        "at-once": status(429, Retry_After=0),
        "broken": status(500),
    }
    server.routes = {name: in_turn(trouble, trouble, make(1)) for name, trouble in troubles.items()}
    found = fetch(*server.routes)
    assert {each.problem for each in found.values()} == {None}
    assert all(each.path.read_bytes() == make(1) for each in found.values())


def test_what_does_not_pass_is_asked_once_and_what_may_as_often_as_is_set(fetch, server, make):
    server.routes = {
        "gone": status(410),
        "forbidden": status(403),
        "long": status(503, Retry_After=int(LONGEST_WAIT) + 1),
        "busy": status(503),
        "page": b"<!doctype html><p>Nothing here",
        "large": make(3) + bytes(5000),
        "inward": redirect("http://localhost/a.png"),
    }
    found = fetch(*server.routes, "missing", attempts=3, max_bytes=5000)
    assert all(each.path is None for each in found.values())
    assert {path: server.asked.count(path) for path in found} == dict.fromkeys(found, 1) | {"busy": 3}
    reasons = {path: each.problem for path, each in found.items()}
    assert "status 410" in reasons["gone"] and "status 404" in reasons["missing"]
    assert "but HTML" in reasons["page"] and "more than 5,000 bytes" in reasons["large"]
    assert "'localhost' is not on the public internet" in reasons["inward"]


@pytest.mark.parametrize(
    "trouble",
    [
        status(404),
        status(503),
        drop,
        stuck,
        endless,
        b"<html>Sorry",
        promise(60, b"\x89PNG\r\n\x1a\n" + bytes(90)),
    ],
)
def test_an_address_that_fails_keeps_its_last_good_photograph_and_says_why(fetch, server, make, trouble):
    server.routes["a.png"] = make(5)
    before = fetch("a.png")["a.png"]
    server.routes["a.png"] = trouble
    failed = fetch("a.png", attempts=1, seconds=0.2, max_bytes=10**6)["a.png"]
    assert failed.path == before.path and before.problem is None
    assert failed.problem.startswith("not fetched: ") and failed.problem.endswith(" is kept.")
    server.routes["a.png"] = make(6)
    assert fetch("a.png")["a.png"].path.read_bytes() == make(6)


def test_a_picture_that_is_cut_off_by_a_wrong_length_does_not_take_the_place_of_a_whole_one(
    fetch, server, make
):
    whole = make(5)
    server.routes["a.png"] = whole
    fetch("a.png")
    server.routes["a.png"] = promise(len(make(8)) // 2, make(8))
    found = fetch("a.png")["a.png"]
    assert found.path.read_bytes() == whole and "damaged or incomplete" in found.problem


def test_a_picture_under_another_etag_travels_once_more_and_not_again(fetch, server, make):
    etags = ['"1"']

    def tagged(handler):
        if handler.headers["If-None-Match"] == etags[-1]:
            return handler.begin(304)
        server.sent.append("a.png")
        handler.begin(200, ETag=etags[-1], Content_Length=len(make(4)))
        handler.wfile.write(make(4))

    server.routes["a.png"] = tagged
    fetch("a.png")
    etags.append('"2"')
    for _ in range(2):
        fetch("a.png")
    assert server.sent == ["a.png"] * 2


def test_the_type_that_a_server_names_does_not_matter(fetch, server, make):
    def mislabelled(handler):
        handler.begin(200, Content_Type="text/html", Content_Length=len(make(4)))
        handler.wfile.write(make(4))

    server.routes["a.html"] = mislabelled
    assert fetch("a.html")["a.html"].path.suffix == ".png"


def test_a_server_without_etags_is_asked_for_the_whole_picture_each_time(fetch, server, make):
    server.routes["a.png"] = promise(len(make(4)), make(4))
    assert fetch("a.png") == fetch("a.png")


def test_no_more_are_asked_at_the_same_time_than_is_set(fetch, server, make):
    server.routes = {f"{red}.png": make(red) for red in range(30)}
    fetch(*server.routes, per_host=3)
    assert 1 <= server.most <= 3
    server.most = 0
    fetch(*server.routes, at_once=2)
    assert 1 <= server.most <= 2


def test_a_host_that_does_not_answer_is_given_up(fetch, server):
    paths = [f"{number}.png" for number in range(HOPELESS + 60)]
    server.routes = dict.fromkeys(paths, drop)
    found = fetch(*paths, attempts=1, per_host=4)
    assert len(server.asked) <= HOPELESS + 4
    assert "times in a row" in found[paths[-1]].problem


@pytest.mark.parametrize("code", [404, 429])
def test_a_host_that_answers_with_errors_is_asked_for_all_its_photographs(fetch, server, make, code):
    server.routes = {f"{number}.png": status(code) for number in range(HOPELESS + 10)}
    server.routes["last.png"] = make(5)
    assert fetch(*server.routes, attempts=1, per_host=1)["last.png"].problem is None


def test_attempts_are_twice_as_far_apart_each_time_and_not_before_the_host_wants_them():
    random.seed(0)
    settings, busy = Fetching(attempts=4, backoff=2.0), AddressUnreachable("Busy.", passing=True)
    for attempt, middle in [(1, 2), (2, 4), (3, 8)]:
        waits = [settings.wait_after(attempt, busy) for _ in range(99)]
        assert middle * 0.5 <= min(waits) < middle * 0.6 and middle * 1.4 < max(waits) <= middle * 1.5
    assert settings.wait_after(4, busy) is None
    assert settings.wait_after(1, AddressUnreachable("Gone.")) is None
    for wanted, wait in [(LONGEST_WAIT, LONGEST_WAIT), (LONGEST_WAIT + 1, None)]:
        asked = AddressUnreachable("Busy.", passing=True, retry_after=wanted)
        assert settings.wait_after(1, asked) == wait


@pytest.mark.parametrize("address", ["ftp://a.example/1.jpg", "http://[::1/1.jpg", "file:///etc/passwd"])
def test_an_address_that_can_t_be_fetched_is_told(address, tmp_path):
    (found,) = fetch_all({address: None}, cache=tmp_path, settings=QUICK).values()
    assert found.path is None and found.problem.startswith("not fetched: ")


def test_private_addresses_are_refused_unless_they_are_allowed_by_name(fetch, server, make):
    server.routes["a.png"] = make(5)
    for hosts in ((), ("localhost",), ("127.0.0.2",)):
        found = fetch("a.png", allowed_hosts=hosts)["a.png"]
        assert found.path is None and "SILHOUETTE_ALLOWED_HOSTS" in found.problem
    assert server.asked == []


def test_a_photograph_whose_host_is_no_longer_allowed_is_not_used(fetch, server, make):
    server.routes["a.png"] = make(5)
    assert fetch("a.png")["a.png"].path
    assert fetch("a.png", allowed_hosts=())["a.png"].path is None


def test_a_cache_that_can_t_be_written_ends_the_run(server, make, tmp_path):
    server.routes["a.png"] = make(5)
    (tmp_path / "photographs").mkdir()
    for letter in "0123456789abcdef":
        for other in "0123456789abcdef":
            (tmp_path / "photographs" / f"{letter}{other}").touch()
    with pytest.raises(CacheUnusable):
        fetch_all({server.url("a.png"): None}, cache=tmp_path, settings=QUICK)


def test_a_bar_shows_rate_and_time_left(fetch, server, make, capsys):
    server.routes["a.png"] = make(5)
    fetch("a.png", progress=True)
    assert "Fetching: 1/1 [" in capsys.readouterr().err


def test_what_came_before_an_interruption_is_kept(fetch, server, make, monkeypatch):
    server.routes = {f"{red}.png": make(red) for red in range(8)}
    settled = fetching._settled

    def interrupted(outcome, *rest):
        found = settled(outcome, *rest)
        if outcome.address == server.url("4.png"):
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(fetching, "_settled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(*server.routes, at_once=1)
    monkeypatch.undo()
    server.sent.clear()
    fetch(*server.routes)
    assert not {f"{red}.png" for red in range(5)} & set(server.sent) and "7.png" in server.sent
