"""Search by a part: what is drawn and where it is marked, what answers are worth, and the table."""

from dataclasses import replace

import numpy as np
import pytest

from training.catalogue.drawn import render_mask
from training.drawing.appearance import Appearance
from training.drawing.shape import Shape
from training.evaluation.part_search import PARTS, SHORTEST, _box, _queries, marked, part_search
from training.photo.boxes import bounds
from training.photo.garment import Garment

PLAIN = Appearance(arms=1.0)
DRESS = Shape("dress", "round", 0.5, 0.5, 0.5, 0.5, body_length=0.6, width=0.5, waist=0.5, flare=0.8)


def test_the_parameters_of_a_part_are_shared_and_all_others_drawn_anew():
    part = PARTS["neckline"]
    asked, others = _queries(part, 10, 3, np.random.default_rng(0))
    assert (len(asked), len(others)) == (10, 30)
    for place, (other, look) in enumerate(others):
        query, its_look = asked[place // 3]
        assert all(getattr(other, name) == getattr(query, name) for name in part.parameters)
        assert other.type == query.type and other.width != query.width and look != its_look
    assert all(
        shape.sleeve_length >= SHORTEST
        for shape, _ in _queries(PARTS["sleeve"], 20, 0, np.random.default_rng(1))[0]
    )


def test_an_answer_is_worth_how_near_its_part_is_and_nothing_without_one():
    part = PARTS["sleeve"]
    assert part.gain(DRESS, replace(DRESS, width=0.0, neckline="v")) == 1
    assert part.gain(DRESS, replace(DRESS, sleeve_length=0.1)) == pytest.approx(1 - 0.4 / 2)
    assert part.gain(DRESS, Shape("pants")) == 0
    assert PARTS["hem"].gain(DRESS, Shape("t-shirt")) == pytest.approx(1 - 0.8 / 2)


def test_the_parts_lie_where_they_are_seen():
    neck, sleeve, hem = (_box(PARTS[name], (DRESS, PLAIN)) for name in ("neckline", "sleeve", "hem"))
    assert neck[3] < hem[1] and neck[0] + neck[2] == pytest.approx(1, abs=0.01)
    assert sleeve[0] > neck[2] - 0.1 and sleeve[3] < hem[3]
    mirrored = _box(PARTS["sleeve"], (DRESS, replace(PLAIN, mirrored=True)))
    assert mirrored[[0, 2]] == pytest.approx(1 - sleeve[[2, 0]], abs=0.01)


def test_a_part_is_marked_in_fractions_of_the_garment_s_box():
    box = bounds(render_mask(DRESS, PLAIN))
    blank = np.zeros((128, 128, 4), np.uint8)
    left, top, right, bottom = marked(
        PARTS["hem"], (DRESS, PLAIN), Garment(blank[..., :3], blank[..., 3], box, 1.0)
    )
    assert bottom == pytest.approx(1, abs=0.03) and top == pytest.approx(0.55, abs=0.05)
    assert left == pytest.approx(1 - right, abs=0.05)


def test_a_part_finds_garments_that_share_it_more_often_than_the_whole_does(shipped):
    table = part_search(shipped, queries=16, gallery=160, processes=1)
    assert [row[0] for row in table.rows] == ["neckline", "sleeve", "hem", "all"]
    scores = {name: table.column(name)["all"] for name in table.columns[1:]}
    assert all(0 < score <= 1 for score in scores.values())
    assert scores["nDCG@10, both"] > scores["nDCG@10, whole"]
    assert scores["type, both"] > scores["type, whole"] - 0.02
