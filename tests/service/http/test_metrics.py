import shutil
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from index.errors import NoIndex
from service.config import METRICS_FOLDER
from training.photo.confidence import Calibration


@pytest.fixture
def figures(client):
    """Read /metrics: each sample's name with its labels, and its value."""

    def read():
        answer = client.get("/metrics")
        assert (answer.status_code, answer.mimetype) == (200, "text/plain")
        lines = answer.text.splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    return read


def test_requests_are_counted_by_address_and_status_and_refusals_by_code(client, figures):
    client.get("/v1/items/hat/0")
    client.get("/v1/items/hat/1")
    client.get("/v1/items/nothing")
    client.open("/nothing", method="BREW")
    found = figures()
    item = 'silhouette_requests_total{method="GET",path="/v1/items/<item:item_id>",status="%d"}'
    assert (found[item % 200], found[item % 404]) == (2, 1)
    assert found['silhouette_requests_total{method="other",path="",status="404"}'] == 1
    assert found['silhouette_rejects_total{code="item_unknown"}'] == 1
    assert found['silhouette_rejects_total{code="not_found"}'] == 1
    assert found['silhouette_request_seconds_count{path="/v1/items/<item:item_id>"}'] == 3


def test_the_stages_of_a_search_are_timed(post, photo, figures):
    post(photo)
    found = figures()
    for stage in ("decode", "isolate", "embed", "search"):
        assert found[f'silhouette_stage_seconds_count{{stage="{stage}"}}'] == 1
        assert found[f'silhouette_stage_seconds_sum{{stage="{stage}"}}'] > 0


def test_the_confidence_of_searches_is_counted_where_there_is_one(post, photo, figures, searcher):
    post(photo)
    assert figures()["silhouette_answer_confidence_count"] == 0
    searcher.encoder.calibration = Calibration(
        0.5, ({"bias": 0.0, "nearness": 0.0, "agreement": 0.0, "type_match": 0.0},)
    )
    post(photo)
    found = figures()
    assert found["silhouette_answer_confidence_count"] == 1
    assert found["silhouette_answer_confidence_sum"] == 0.5


def test_the_index_in_use_is_told_with_its_age(searcher, figures):
    built = datetime.now(UTC) - timedelta(hours=3)
    searcher.manifest.built_at = built.isoformat()
    found = figures()
    name = 'silhouette_index_info{encoder="ffffffffffff",kind="flat",version="2026-11-21T02-00-00Z"}'
    assert found[name] == 1
    assert found["silhouette_index_items"] == 12
    assert found["silhouette_index_age_seconds"] == pytest.approx(3 * 3600, abs=60)
    assert found["silhouette_ready"] == 1


def test_without_an_index_there_are_figures_all_the_same(searcher, figures, monkeypatch):
    def none():
        raise NoIndex("There is none.")

    monkeypatch.setattr(searcher, "snapshot", none)
    found = figures()
    assert found["silhouette_ready"] == 0
    assert not any(name.startswith("silhouette_index") for name in found)


def test_a_request_is_in_progress_until_it_is_answered(client, figures):
    client.get("/v1/items/nothing")
    assert figures()["silhouette_requests_in_progress"] == 1  # the one that reads this


def test_a_response_that_can_not_be_counted_is_sent_all_the_same(app, client, figures, monkeypatch, caplog):
    def full(*labels):
        raise ValueError("no room for another label")

    monkeypatch.setattr(app.extensions["silhouette.metrics"].requests, "labels", full)
    assert client.get("/v1/items/hat/0").status_code == 200
    assert "A response was not counted" in caplog.text
    monkeypatch.undo()
    assert figures()["silhouette_ready"] == 1


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder in which workers share their metrics, of which one has counted four searches by sketch."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    file = MmapedDict(str(folder / "counter_1.db"))
    key = mmap_key("silhouette_searches", "silhouette_searches_total", ["kind"], ["sketch"], "")
    file.write_value(key, 4, 0)
    file.close()
    monkeypatch.setenv(METRICS_FOLDER, str(folder))
    return folder


def test_the_page_has_what_other_workers_counted_or_else_what_this_one_did(client, shared, caplog):
    other = 'silhouette_searches_total{kind="sketch"} 4.0'
    page = client.get("/metrics").text
    assert other in page and "silhouette_index_items 12.0" in page
    shutil.rmtree(shared)
    page = client.get("/metrics").text
    assert other not in page and "silhouette_index_items 12.0" in page
    assert "silhouette_requests_in_progress 1.0" in page
    assert "The metrics of the other workers can't be read" in caplog.text
