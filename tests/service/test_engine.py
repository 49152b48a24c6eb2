import pytest

from index.errors import NoIndex
from index.searcher import Searcher
from service.app import create_app
from service.engine import Engine
from training.encoder import Encoder
from training.errors import EncoderMismatch


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


def test_an_index_that_appears_later_is_taken_up(nowhere, searcher, clock, monkeypatch):
    engine = Engine(nowhere, searcher.encoder, clock=clock)
    with pytest.raises(NoIndex):
        engine.searcher()
    monkeypatch.setattr(Searcher, "open", lambda indexes, *, encoder: searcher)
    clock.seconds = 1.0
    assert engine.searcher() is searcher


def test_the_folder_is_looked_at_once_a_second_at_most(nowhere, searcher, clock):
    engine = Engine(nowhere, searcher.encoder, searcher=searcher, clock=clock)
    for seconds in (0.1, 0.5, 0.9, 1.0, 1.5, 2.1):
        clock.seconds = seconds
        engine.searcher()
    assert searcher.refreshed == 3  # at the start, at 1.0 and at 2.1


def test_an_unusable_index_is_logged_once_for_as_long_as_it_stays_so(
    nowhere, searcher, clock, monkeypatch, caplog
):
    def mismatch(indexes, *, encoder):
        raise EncoderMismatch("built with another encoder")

    monkeypatch.setattr(Searcher, "open", mismatch)
    engine = Engine(nowhere, searcher.encoder, clock=clock)
    for clock.seconds in (2.0, 4.0):
        with pytest.raises(EncoderMismatch):
            engine.searcher()
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
