"""Photographs of which the parse is not sure how they stand: the ways that are tried, and which is chosen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.photo.orientation import (
    NEARER,
    SMALLEST_DISTANCE,
    SURE,
    UNSURE,
    Orientation,
    choose,
    hopeful,
    likely,
    upright,
)
from training.photo.segmenter import UPRIGHT, Segmenter, shipped, turn


@pytest.fixture
def skirt(wearing):
    return np.array(wearing.photo(size=(200, 320), skirt=(20, 40, 90, 240)))


@pytest.fixture
def told(monkeypatch, wearing):
    """Let the parse give photographs these log odds of their turns, one photograph after the other."""

    def tell(*looks):
        given = iter(looks)

        def parse(_, seen):
            chances = np.exp((0.0, *next(given)))
            return replace(wearing.parse(seen), turns=tuple((chances / chances.sum()).tolist()))

        monkeypatch.setattr(Segmenter, "parse", parse)

    return tell


def test_turns_are_tried_that_the_parse_does_not_rule_out_and_both_parses_tell_the_odds(told, skirt):
    told((-UNSURE + 0.01, -UNSURE - 0.01, 2.0), (-3.0, -3.0, -0.5), (1.0, -3.0, -3.0))
    ways = likely(skirt, shipped())
    assert [way.turned for way in ways] == [0, 90, 270]
    assert [way.log_odds for way in ways] == pytest.approx([0, -UNSURE + 0.01 + 0.5, 2.0 - 1.0])


def test_the_parses_of_shoes_speak_against_a_turn_at_most(told, wearing):
    shoes = np.array(wearing.photo(size=(200, 320), shoes=(20, 40, 90, 240)))
    told((3.0, -3.0, 3.0), (-3.0, -3.0, -2.0), (4.0, -3.0, -3.0))
    assert [way.log_odds for way in likely(shoes, shipped())] == pytest.approx([0, 0, -1.0])


def test_a_photograph_that_is_sure_to_stand_upright_is_parsed_once(monkeypatch, wearing, skirt):
    parsed = []
    monkeypatch.setattr(Segmenter, "parse", lambda _, seen: parsed.append(seen) or wearing.parse(seen))
    assert wearing.parse(skirt).turns == UPRIGHT
    assert [way.turned for way in likely(skirt, shipped())] == [0] and len(parsed) == 1


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_garments_are_found_in_the_frame_of_the_photograph_however_it_is_turned(wearing, skirt, degrees):
    lying = np.ascontiguousarray(turn(skirt, -degrees))
    way = upright(lying, shipped(), degrees)
    (region,) = way.regions
    assert (way.turned, region.type) == (degrees, "skirt")
    expected = wearing.parse(lying).garment > 0.5
    assert np.array_equal(region.mask, expected)
    assert np.array_equal(way.main(lying).cutout, upright(skirt, shipped(), 0).main(skirt).cutout)


def test_without_a_garment_the_main_one_is_the_whole_photograph_turned(wearing):
    empty = np.full((60, 90, 3), 255, np.uint8)
    garment = upright(empty, shipped(), 90).main(empty)
    assert (garment.turned, garment.found, garment.box) == (90, False, (0.0, 0.0, 1.0, 1.0))


def _ways(*odds):
    return [Orientation(90 * quarters, (), each) for quarters, each in enumerate(odds)]


E = float(np.e)


@pytest.mark.parametrize(
    ("nearer", "odds", "expected"),
    [
        (E, SURE - NEARER + 0.01, 1),  # at a distance of 1/e of that of the photograph as it is
        (E, SURE - NEARER - 0.01, 0),
        (1.0, SURE + 0.01, 1),
        (1.0, SURE - 0.01, 0),
        (1 / E, SURE + NEARER - 0.01, 0),
    ],
)
def test_a_turn_is_made_where_the_odds_of_the_parse_and_of_the_nearest_are_enough(nearer, odds, expected):
    distances = np.array([0.3, 0.3 / nearer])
    assert choose(_ways(0.0, odds), 1 - (distances - SMALLEST_DISTANCE)) == expected


def test_the_same_garment_is_evidence_but_not_without_bound():
    scores = np.array([0.9, 1.0 + 1e-6])
    bound = NEARER * np.log((0.1 + SMALLEST_DISTANCE) / SMALLEST_DISTANCE)
    assert choose(_ways(0.0, SURE - bound + 0.01), scores) == 1
    assert choose(_ways(0.0, SURE - bound - 0.01), scores) == 0


@given(
    odds=st.lists(st.floats(-25, 25), min_size=1, max_size=3),
    scores=st.lists(st.floats(-1, 1.0001), min_size=4, max_size=4),
)
def test_the_ways_that_are_given_up_are_none_that_would_be_chosen(odds, scores):
    ways = _ways(0.0, *odds)
    by_turn = dict(zip((way.turned for way in ways), scores, strict=False))
    left = hopeful(ways, scores[0])
    best = choose(left, np.array([by_turn[way.turned] for way in left]))
    assert left[best] == ways[choose(ways, np.array(scores[: len(ways)]))]


@pytest.mark.parametrize(("beyond", "expected"), [(0.01, [0, 90]), (-0.01, [0])])
def test_a_way_is_given_up_where_even_the_same_item_would_not_decide(beyond, expected):
    bound = NEARER * np.log((0.1 + SMALLEST_DISTANCE) / SMALLEST_DISTANCE)
    ways = hopeful(_ways(0.0, SURE - bound + beyond), 0.9)
    assert [way.turned for way in ways] == expected


def test_of_several_turns_the_best_is_made():
    assert choose(_ways(0.0, 0.0, 0.0), np.array([0.1, 0.8, 0.9])) == 2
    assert choose(_ways(0.0), np.array([-1.0])) == 0
