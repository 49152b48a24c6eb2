import json
from dataclasses import replace

import pytest

from training.photo.confidence import (
    SIGNALS,
    Calibration,
    Signals,
    nearness,
    neighbour_quantiles,
    type_match,
    votes,
)
from training.photo.garment_types import TYPES

SURE_OF_SKIRT = tuple(0.65 if kind == "skirt" else 0.05 for kind in TYPES)


def test_neighbours_vote_with_their_scores_and_those_of_the_opposite_direction_not_at_all():
    shares = votes(["hat", "boots", "hat", "dress"], [0.6, 0.5, 0.4, -0.9])
    assert list(shares) == ["hat", "boots"]
    assert shares == pytest.approx({"hat": 1.0 / 1.5, "boots": 0.5 / 1.5})
    assert votes(["hat"], [0.0]) == votes([], []) == {}


def test_the_type_match_is_the_mean_over_the_votes_of_what_the_parser_gives_their_types():
    assert type_match({"midi skirts": 0.75, "jeans": 0.25}, SURE_OF_SKIRT) == pytest.approx(0.5)
    assert type_match({"skirt": 0.3, "sale": 0.7}, SURE_OF_SKIRT) == pytest.approx(0.65)


@pytest.mark.parametrize(
    ("shares", "types"), [({}, SURE_OF_SKIRT), ({"sale": 1.0}, SURE_OF_SKIRT), ({"hat": 1.0}, ())]
)
def test_without_known_types_on_both_sides_there_is_no_type_match(shares, types):
    assert type_match(shares, types) is None


def test_nearness_is_the_share_of_items_whose_neighbours_are_less_near():
    quantiles = neighbour_quantiles([0.1 * row for row in range(11)])
    assert nearness(0.25, quantiles) == pytest.approx(0.25)
    assert (nearness(-0.5, quantiles), nearness(1.5, quantiles)) == (0.0, 1.0)
    assert nearness(0.9, neighbour_quantiles([])) is None


CALIBRATION = Calibration(
    0.6, ({"bias": -1.0, "nearness": 1.0, "agreement": 2.0}, {"bias": 0.5, "nearness": -0.5})
)


def test_the_regression_of_what_is_known_gives_the_confidence():
    assert CALIBRATION.confidence(Signals(nearness=1.0)) == 0.5
    assert CALIBRATION.confidence(Signals(0.5, 0.25)) == 0.5
    assert CALIBRATION.confidence(Signals(1.0, 1.0)) == pytest.approx(0.8807970779778823)
    assert CALIBRATION.confidence(Signals(1.0, 1.0, 1.0)) is CALIBRATION.confidence(Signals()) is None


WITH_WORN = replace(CALIBRATION, worn=Calibration(0.3, ({"bias": 0.0, "nearness": 2.0},)))


@pytest.mark.parametrize("calibration", [CALIBRATION, WITH_WORN])
def test_a_calibration_is_what_it_was_written_as(calibration):
    assert Calibration.of(json.loads(json.dumps(calibration.as_dict()))) == calibration


def test_garments_that_are_worn_have_their_own_calibration_where_there_is_one():
    assert WITH_WORN.of_garment(worn=True) == WITH_WORN.worn
    assert WITH_WORN.of_garment(worn=False) is WITH_WORN
    assert CALIBRATION.of_garment(worn=True) is CALIBRATION


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"unsure_below": 0.5, "coefficients": [{"charm": 1.0}]},
        {"unsure_below": "low", "coefficients": []},
        {"unsure_below": 0.5, "coefficients": [], "worn": {}},
    ],
)
def test_a_malformed_calibration_is_refused(fields):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Calibration.of(fields)


def test_the_signals_are_named_once():
    assert SIGNALS == ("nearness", "agreement", "type_match")
