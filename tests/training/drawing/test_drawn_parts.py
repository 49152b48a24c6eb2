"""Parts of drawn garments: where they lie, and what answers are worth."""

from dataclasses import replace

import pytest

from training.catalogue.drawn import render_mask
from training.drawing.appearance import Appearance
from training.drawing.drawn_parts import PARTS, SHORTEST, _box, marked
from training.drawing.shape import Shape
from training.photo.boxes import bounds

PLAIN = Appearance(arms=1.0)
DRESS = Shape("dress", "round", 0.5, 0.5, 0.5, 0.5, body_length=0.6, width=0.5, waist=0.5, flare=0.8)


def test_garments_ask_by_the_parts_that_they_have_and_by_sleeves_that_can_be_marked():
    assert all(part.asked_by(DRESS) for part in PARTS.values())
    assert not PARTS["sleeve"].asked_by(replace(DRESS, sleeve_length=SHORTEST - 0.01))
    assert PARTS["neckline"].asked_by(replace(DRESS, sleeve_length=0.0))
    assert [name for name, part in PARTS.items() if part.asked_by(Shape("skirt"))] == ["hem"]


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
    left, top, right, bottom = marked(PARTS["hem"], (DRESS, PLAIN), box)
    assert bottom == pytest.approx(1, abs=0.03) and top == pytest.approx(0.55, abs=0.05)
    assert left == pytest.approx(1 - right, abs=0.05)
