import json
from dataclasses import replace

import numpy as np
import pytest
from flask import url_for
from scipy.special import expit

from index.guess import Guess
from index.pages import Page
from service.api.answers import RankedPage, image_url, rounded, understood
from service.picture.cut_out import CutOut
from service.requests.parameters import Look
from training.photo.confidence import Calibration
from training.photo.garment import Garment


def test_a_box_is_rounded_to_a_ten_thousandth_of_the_picture():
    assert rounded((1 / 3, 0.00006, 2 / 3, 0.99994)) == (0.3333, 0.0001, 0.6667, 0.9999)


def test_what_was_understood_is_rounded():
    ranking = RankedPage(Page((), 0, None), Guess("hat", 2 / 3))
    cut = Garment(np.zeros((1, 1, 3)), np.zeros((1, 1)), box=(1 / 7, 0, 6 / 7, 1), confidence=0.9)
    answer = understood(ranking, CutOut(cut, Look()))
    assert (answer.box, answer.category_confidence) == ((0.1429, 0, 0.8571, 1), 0.667)


IDS = ["dress/2", "/", "a b", "é\U0001f457", "%00", "\0", "100%?#&=+;,:@!$'()*~", "{item_id}", "a\nb"]


@pytest.mark.parametrize("root", ["", "/shop"])
@pytest.mark.parametrize("item_id", IDS)
def test_the_address_of_a_picture_is_the_one_that_the_routes_make(client, root, item_id):
    with client.application.test_request_context("/v1/search", environ_overrides={"SCRIPT_NAME": root}):
        for photo, content in ((0, None), (2, None), (0, "0" * 40), (2, "f" * 40)):
            version = content and content[:16]
            made = url_for("items.image", item_id=item_id, photo=photo or None, v=version)
            assert image_url(item_id, photo, content=content) == made


def test_scores_have_six_decimals_and_percentiles_two(post, searcher):
    results = post(json={"item_id": "shirt/2"}).json["results"]
    rows = [item.item_id for item in searcher.items]
    exact = searcher.vectors @ searcher.vectors[rows.index("shirt/2")]
    scores = [float(exact[rows.index(result["item_id"])]) for result in results]
    given = [(result["score"], result["percentile"]) for result in results]
    for (score, percentile), full in zip(given, scores, strict=True):
        assert score == pytest.approx(full, abs=0.51e-6) and score == round(score, 6)
        assert percentile == pytest.approx(50 + 50 * full, abs=0.51e-2) and percentile == round(percentile, 2)
    assert any(score != round(score, 5) and percentile != round(percentile, 1) for score, percentile in given)


BY_NEARNESS = {"bias": -3.0, "nearness": 4.0, "agreement": 0.0}
CALIBRATION = Calibration(0.6, (BY_NEARNESS, BY_NEARNESS | {"type_match": 0.0}))


@pytest.fixture
def calibrated(searcher):
    """The service's encoder tells how confident it is: by how near the answers are alone."""
    searcher.encoder.calibration = CALIBRATION
    return searcher


def _expected(searcher, item_id, *, among=slice(None), without_itself=True):
    """The confidence by hand: nearness is half of one more than the mean score of the first eight."""
    rows = [item.item_id for item in searcher.items]
    scores = searcher.vectors @ searcher.vectors[rows.index(item_id)]
    if without_itself:
        scores[rows.index(item_id)] = -2
    head = np.sort(scores[among])[::-1][:8]
    return expit(-3 + 4 * (1 + head[head > -2].mean()) / 2)


ASKED = [
    {},
    {"limit": 1},
    {"limit": 3, "offset": 6},
    {"offset": 40},
    {"min_score": 0.99},
    {"limit": 1, "offset": 11},
]


@pytest.mark.parametrize("asked", ASKED)
def test_the_confidence_is_that_of_the_whole_ranking_whatever_page_of_it(client, calibrated, asked):
    searched = client.post("/v1/search", json={"item_id": "hat/2", **asked}).json["query"]
    assert searched["confidence"] == pytest.approx(
        _expected(calibrated, "hat/2", without_itself=False), abs=6e-4
    )
    similar = client.get("/v1/items/hat/2/similar", query_string=asked).json["query"]
    assert similar["confidence"] == pytest.approx(_expected(calibrated, "hat/2"), abs=6e-4)


@pytest.mark.parametrize("asked", [{}, {"limit": 2}, {"offset": 3}, {"min_score": 0.9, "limit": 1}])
def test_with_a_filter_it_is_that_of_what_passes(client, calibrated, asked):
    where = {"category": "shirt"}
    passing = [item.metadata["category"] == "shirt" for item in calibrated.items]
    expected = _expected(calibrated, "hat/2", among=np.array(passing))
    answer = client.post("/v1/search", json={"item_id": "hat/2", "filter": where, **asked})
    assert answer.json["query"]["confidence"] == pytest.approx(expected, abs=6e-4)
    answer = client.get("/v1/items/hat/2/similar", query_string={"filter": json.dumps(where), **asked})
    assert answer.json["query"]["confidence"] == pytest.approx(expected, abs=6e-4)


def test_an_answer_is_called_unsure_below_the_calibrations_threshold_and_not_above(client, calibrated):
    confidence = _expected(calibrated, "shirt/1", without_itself=False)
    for unsure_below, warnings in ((confidence - 0.001, []), (confidence + 0.001, ["nothing_close"])):
        calibrated.encoder.calibration = replace(CALIBRATION, unsure_below=unsure_below)
        query = client.post("/v1/search", json={"item_id": "shirt/1"}).json["query"]
        assert query["warnings"] == warnings


def test_where_nothing_is_found_nothing_is_doubted(client, calibrated):
    asked = {"item_id": "shirt/1", "filter": {"category": "gloves"}}
    query = client.post("/v1/search", json=asked).json["query"]
    assert query["warnings"] == [] and "confidence" not in query


def test_an_encoder_without_a_calibration_warns_by_the_percentile_and_tells_no_confidence(client, searcher):
    for percentile, warnings in ((91.9, ["nothing_close"]), (92.1, [])):
        score = percentile / 50 - 1  # as the fake searcher has it
        row = [item.item_id for item in searcher.items].index("hat/0")
        searcher.vectors = np.zeros_like(searcher.vectors)
        searcher.vectors[:, 0] = score
        searcher.vectors[row] = np.eye(1, searcher.vectors.shape[1])[0]
        query = client.get("/v1/items/hat/0/similar").json["query"]
        assert query["warnings"] == warnings and "confidence" not in query


def test_agreement_and_type_count_where_they_are_known(client, searcher):
    full = {"bias": 0.0, "nearness": 0.0, "agreement": 1.0, "type_match": 0.0}
    searcher.encoder.calibration = Calibration(0.0, (full,))
    query = client.post("/v1/search", json={"item_id": "dress/1"}).json["query"]
    assert query["confidence"] == pytest.approx(expit(query["category_confidence"]), abs=1e-3)
    searcher.encoder.calibration = Calibration(0.0, (full | {"agreement": 0.0, "type_match": 1.0},))
    query = client.post("/v1/search", json={"item_id": "dress/1"}).json["query"]
    assert 0.5 < query["confidence"] < expit(1.0)
