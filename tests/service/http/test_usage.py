import io
import logging
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest
from PIL import Image

from service.http.usage_file import HOUR
from service.run.app import create_app
from training.photo.confidence import Calibration

FAR = Calibration(0.5, ({"bias": -9.0, "nearness": 0.0, "agreement": 0.0, "type_match": 0.0},))
"""Finds no answer close."""


@pytest.fixture
def config(config):
    return replace(config, loose_pictures=True)


@pytest.fixture
def usage(app):
    return app.extensions["silhouette.usage"]


@pytest.fixture
def counted(usage):
    """Return what the file holds: hours and figures with their counts."""

    def read():
        with closing(sqlite3.connect(usage.file.path)) as connection:
            return connection.execute("SELECT hour, figure, count FROM counts").fetchall()

    return read


@pytest.fixture
def kept(usage, counted):
    """Keep what was counted, and return the counts of each figure over all hours; latencies are all "ms"."""

    def read():
        usage.keep()
        figures = Counter()
        for _, figure, count in counted():
            figures[figure.partition(" ")[0]] += count
        return figures

    return read


def test_searches_are_counted_with_their_latency_and_their_refusals(post, client, photo, kept):
    post(photo)
    post(b"no picture")
    client.get("/v1/items/hat/0/similar")
    client.get("/v1/items/hat/9/similar")
    client.get("/v1/items/hat/0")
    client.options("/v1/search")
    assert kept() == {"ms": 2, "refused": 2, "judged": 1}


def test_each_search_of_a_batch_counts(client, kept):
    searches = [{"item_id": "hat/0"}, {"item_id": "hat/9"}]
    assert client.post("/v1/search/batch", json={"searches": searches}).status_code == 200
    assert client.post("/v1/search/batch", json={"searches": []}).status_code == 400
    assert kept() == {"ms": 1, "refused": 2}


def test_a_search_that_is_refused_for_want_of_capacity_is_told_apart(app, post, photo, usage, kept):
    usage.refused("overloaded")
    usage.refused("too_many_requests")
    usage.refused("image_undecodable")
    assert kept() == {"refused": 3, "busy": 2}


def test_counts_belong_to_the_hour_of_the_search(usage, post, photo, monkeypatch, counted):
    monkeypatch.setattr(usage, "_clock", lambda: 500_000.9 * HOUR)
    post(photo)
    monkeypatch.setattr(usage, "_clock", lambda: 500_001.1 * HOUR)
    post(photo)
    usage.keep()
    assert [hour for hour, figure, _ in counted() if figure == "judged"] == [500_000, 500_001]


def test_a_query_that_found_nothing_close_is_noted_with_a_small_picture(post, photo, searcher, usage, kept):
    searcher.encoder.calibration = FAR
    answer = post(photo).json
    assert "nothing_close" in answer["query"]["warnings"]
    assert kept()["loose"] == 1
    (query,) = usage.file.loose()
    assert (query.kind, query.category, query.has_picture) == ("photo", answer["query"]["category"], True)
    assert Image.open(io.BytesIO(usage.file.picture(query.number))).format == "WEBP"
    assert answer["query_id"].encode() not in usage.file.path.read_bytes()


def test_further_pages_and_other_views_of_a_query_do_not_count_again(
    post, photo, client, searcher, usage, kept
):
    searcher.encoder.calibration = FAR
    query_id = post(photo).json["query_id"]
    client.post("/v1/search", json={"query_id": query_id, "offset": 3})
    client.post("/v1/search", json={"item_id": "hat/0"})
    assert kept()["judged"] == 1
    client.post("/v1/search", json={"query_id": query_id, "filter": {"category": "hat"}})
    assert kept()["judged"] == 2 and len(usage.file.loose()) == 1


def test_the_picture_goes_with_the_upload(post, photo, client, searcher, usage, kept):
    searcher.encoder.calibration = FAR
    before, after = post(photo).json["query_id"], post(photo).json["query_id"]
    client.delete(f"/v1/queries/{before}")
    kept()
    assert sorted(query.has_picture for query in usage.file.loose()) == [False, True]
    client.delete(f"/v1/queries/{after}")
    assert not any(query.has_picture for query in usage.file.loose())


def test_a_picture_whose_upload_is_deleted_while_it_is_made_is_not_kept(
    post, photo, app, searcher, usage, kept
):
    searcher.encoder.calibration = FAR
    query_id = post(photo).json["query_id"]
    add = usage.file.add

    def add_late(*args, **options):
        app.extensions["silhouette.queries"].delete(query_id)
        add(*args, **options)

    usage.file.add = add_late
    kept()
    (query,) = usage.file.loose()
    assert not query.has_picture


def test_pictures_are_not_kept_unless_the_operator_wants_them(config, searcher, photo):
    searcher.encoder.calibration = FAR
    for wanted in (True, False):
        app = create_app(replace(config, loose_pictures=wanted), searcher)
        usage = app.extensions["silhouette.usage"]
        app.test_client().post("/v1/search", data={"file": (io.BytesIO(photo), "photo.jpg")})
        usage.keep_on(wait=lambda _: True)  # as a service does at its start
        usage.keep()
        assert any(query.has_picture for query in usage.file.loose()) is wanted
    assert len(usage.file.loose()) == 2


def test_a_picture_that_can_not_be_forgotten_now_is_forgotten_later(
    post, photo, client, searcher, usage, kept
):
    searcher.encoder.calibration = FAR
    query_id = post(photo).json["query_id"]
    kept()
    aside = usage.file.path.rename(usage.file.path.with_suffix(".aside"))
    usage.file.path.mkdir()
    assert client.delete(f"/v1/queries/{query_id}").status_code == 204
    usage.file.path.rmdir()
    aside.rename(usage.file.path)
    usage.keep()
    assert not any(query.has_picture for query in usage.file.loose())


def test_at_the_end_of_a_process_no_picture_is_made(post, photo, searcher, usage):
    searcher.encoder.calibration = FAR
    post(photo)
    usage.keep(pictures=False)
    assert [query.has_picture for query in usage.file.loose()] == [False]


def test_what_can_not_be_kept_stays_until_it_can_and_is_logged_once(post, photo, usage, kept, caplog):
    usage.file.path.mkdir()
    post(photo)
    with caplog.at_level(logging.WARNING):
        usage.keep()
        usage.keep()
    assert caplog.text.count("can't be kept") == 1
    assert post(photo).status_code == 200
    usage.file.path.rmdir()
    assert kept() == {"ms": 2, "judged": 2}


def test_what_can_not_be_kept_for_a_month_is_dropped(usage, kept, monkeypatch):
    usage.file.path.mkdir()
    usage.refused("overloaded")
    month = 31 * 24 * HOUR
    monkeypatch.setattr(usage, "_clock", lambda: time.time() + month)
    usage.refused("image_undecodable")
    usage.keep()
    usage.file.path.rmdir()
    assert kept() == {"refused": 1}


def test_a_search_that_can_not_be_counted_is_answered(post, photo, usage, monkeypatch, caplog):
    monkeypatch.setattr(usage, "answered", lambda seconds: 1 / 0)
    assert post(photo).status_code == 200
    assert "A search was not counted" in caplog.text


def test_counts_are_kept_every_few_seconds_and_at_the_end(usage, counted, monkeypatch):
    ended = []
    monkeypatch.setattr("service.http.usage.atexit.register", ended.append)
    usage.refused("overloaded")
    usage.keep_on(wait=lambda seconds: True)
    ended.pop()()
    assert [count for *_, count in counted()] == [1, 1]
    usage.refused("overloaded")
    turns = iter([None, True])
    usage.keep_on(wait=lambda seconds: next(turns))
    for thread in threading.enumerate():
        if thread.name == "usage":
            thread.join()
    assert [(figure, count) for _, figure, count in counted()] == [("busy", 2), ("refused", 2)]
