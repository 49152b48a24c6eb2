import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from index.errors import NoIndex
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from service.live_index import LiveIndex
from service.run.app import create_app
from training.errors import EncoderMismatch
from training.photo.encoder import Encoder


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_an_index_that_appears_later_is_taken_up(nowhere, searcher, clock, monkeypatch):
    live = LiveIndex(FolderStore(nowhere), searcher.encoder, clock=clock)
    with pytest.raises(NoIndex):
        live.searcher()
    monkeypatch.setattr(Searcher, "open", lambda indexes, *, encoder: searcher)
    clock.seconds = 1.0
    assert live.searcher() is searcher


def test_every_request_looks_for_changes(nowhere, searcher, clock):
    live = LiveIndex(FolderStore(nowhere), searcher.encoder, searcher=searcher, clock=clock)
    for clock.seconds in (0.0, 0.0, 0.25, 9.0):
        live.searcher()
    assert searcher.refreshed == 5  # one at the start


class SlowSearcher:
    """Looks for changes until it is told to end; the first look, at the start, is quick."""

    def __init__(self):
        self.looking, self.go_on, self.looks = threading.Event(), threading.Event(), 0

    def refresh(self):
        self.looks += 1
        if self.looks > 1:
            self.looking.set()
            assert self.go_on.wait(timeout=30)
        return False

    def snapshot(self):
        return f"after look {self.looks}, ended: {self.go_on.is_set()}"


@pytest.fixture
def looking(nowhere, clock):
    """A live index whose searcher is being refreshed by another request, begun at 0.25 seconds."""
    searcher = SlowSearcher()
    live = LiveIndex(FolderStore(nowhere), None, searcher=searcher, clock=clock)
    clock.seconds = 0.25
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(live.searcher)
        assert searcher.looking.wait(timeout=30)
        yield live, searcher, threads
        searcher.go_on.set()
        assert "ended: True" in first.result(timeout=30)


def test_while_one_request_looks_another_goes_on_with_what_is_known(looking, clock):
    live, _, _ = looking
    clock.seconds = 0.7
    assert live.searcher() == "after look 2, ended: False"


def test_no_request_answers_from_what_is_older_than_a_second(looking, clock):
    live, searcher, threads = looking
    clock.seconds = 0.8  # 0.8 seconds after the last look that has ended
    second = threads.submit(live.searcher)
    assert not wait([second], timeout=0.05).done
    searcher.go_on.set()
    assert second.result(timeout=30) == "after look 3, ended: True"


def test_an_unusable_index_is_logged_once_for_as_long_as_it_stays_so(
    nowhere, searcher, clock, monkeypatch, caplog
):
    def mismatch(indexes, *, encoder):
        raise EncoderMismatch("built with another encoder")

    monkeypatch.setattr(Searcher, "open", mismatch)
    live = LiveIndex(FolderStore(nowhere), searcher.encoder, clock=clock)
    for clock.seconds in (2.0, 4.0):
        with pytest.raises(EncoderMismatch):
            live.searcher()
    assert caplog.text.count("built with another encoder") == 1


def test_without_an_index_the_service_starts_and_answers_503_until_there_is_one(
    config, searcher, monkeypatch
):
    monkeypatch.setattr(Encoder, "load", lambda folder: searcher.encoder)
    client = create_app(config).test_client()
    assert client.get("/healthz").status_code == 200
    for address in ("/readyz", "/v1/index", "/v1/items/x", "/v1/items/x/image", "/v1/items/x/similar"):
        answer = client.get(address)
        assert (answer.status_code, answer.json["code"]) == (503, "index_not_ready")
        assert int(answer.headers["Retry-After"]) >= 1
        assert str(config.indexes) not in answer.text
