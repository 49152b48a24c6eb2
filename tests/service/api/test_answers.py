import numpy as np
import pytest

from index.guess import Guess
from index.pages import Page
from service.api.answers import RankedPage, rounded, understood
from service.picture.cut_out import CutOut
from service.requests.parameters import Look
from training.photo.garment import Garment


def test_a_box_is_rounded_to_a_ten_thousandth_of_the_picture():
    assert rounded((1 / 3, 0.00006, 2 / 3, 0.99994)) == (0.3333, 0.0001, 0.6667, 0.9999)


def test_what_was_understood_is_rounded():
    ranking = RankedPage(Page((), 0, None), Guess("hat", 2 / 3))
    cut = Garment(np.zeros((1, 1, 3)), np.zeros((1, 1)), box=(1 / 7, 0, 6 / 7, 1), confidence=0.9)
    answer = understood(ranking, CutOut(cut, Look()))
    assert (answer.box, answer.category_confidence) == ((0.1429, 0, 0.8571, 1), 0.667)


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
