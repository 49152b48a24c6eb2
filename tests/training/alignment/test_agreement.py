from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from training.alignment.agreement import PARTS, ROOM, agreement
from training.alignment.registration import Similarity
from training.catalogue.drawn import draw
from training.drawing.bodice import cut_bodice
from training.drawing.bottoms import _leg
from training.drawing.tops import ARM
from training.photo.boxes import WHOLE
from training.photo.garment import Garment, isolate

TYPES = {"outwear": "outer", "dress": "dress", "skirt": "skirt", "pants": "trousers", "shorts": "trousers"}
SLEEVED = ("upper", "outer", "dress")


@dataclass
class Truth:
    """What is cut, as shares of the width: of the chest, or of the hips."""

    length: float
    hem: float
    sleeves: float = 0.0


def true_measures(shape):
    if shape.type in ("pants", "shorts"):
        _, hip, length, inner, outer = _leg(shape)
        return Truth(length / hip, (outer - inner) / hip)
    body = cut_bodice(shape)
    return Truth(
        body.bottom / body.armpit[0], body.hem[0] / body.armpit[0], ARM * shape.sleeve_length / body.armpit[0]
    )


@pytest.fixture(scope="module")
def said():
    """Of each kind of difference, whether each that was told of a pair of drawn garments is true."""
    garments = []
    for number in range(80):
        shape, _, picture = draw(number, seed=31)
        if shape.type not in ("hat", "shoes", "skirt"):
            garment = replace(isolate(picture), type=TYPES.get(shape.type, "upper"))
            garments.append((garment, true_measures(shape)))
    told = defaultdict(list)
    for (first, ours), (second, theirs) in list(permutations(garments, 2))[::5]:
        if (first.type in SLEEVED) != (second.type in SLEEVED):
            continue
        for name in agreement(first, second).differences:
            more = name.endswith(("longer", "wider"))
            field = "sleeves" if "sleeves" in name else "hem" if "hem" in name else "length"
            told[field].append(more == (getattr(theirs, field) > getattr(ours, field)))
    return told


@pytest.mark.parametrize("field", ["length", "hem", "sleeves"])
def test_what_is_said_of_drawn_garments_is_true(said, field):
    assert len(said[field]) >= 20
    assert np.mean(said[field]) >= 0.95


def cutout(mask, kind="upper", grey=90):
    rgb = np.full((128, 128, 3), grey, np.uint8)
    return Garment(rgb, np.where(mask, 255, 0).astype(np.uint8), WHOLE, 0.9, type=kind)


def shirt(sleeve=0, *, length=70, side=30):
    mask = np.zeros((128, 128), bool)
    mask[20 : 20 + length, 64 - side : 64 + side] = True
    mask[22:40, 64 - side - sleeve : 64 + side + sleeve] = True
    return mask


def test_a_garment_agrees_with_itself_in_all():
    found = agreement(cutout(shirt(20)), cutout(shirt(20)))
    assert found.transform == Similarity()
    assert found.overlap == 1
    assert {part.overlap for part in found.parts.values()} == {1}
    assert {part.difference for part in found.parts.values()} == {0}
    assert found.differences == ()


def test_longer_sleeves_are_told_from_shorter_ones():
    short, long = cutout(shirt(4)), cutout(shirt(28))
    assert agreement(short, long).differences == ("sleeves_longer",)
    assert agreement(long, short).differences == ("sleeves_shorter",)


def test_one_sleeve_is_none():
    lopsided = shirt(4)
    lopsided[22:40, 94:122] = True
    assert not agreement(cutout(shirt(4)), cutout(lopsided)).differences


def test_a_longer_garment_is_told_from_a_shorter_one_by_its_width():
    low, high = cutout(shirt(length=50)), cutout(shirt(length=80))
    assert agreement(low, high).differences == ("longer",)
    assert agreement(high, low).differences == ("shorter",)


def test_a_flared_skirt_has_a_wider_hem():
    rows = np.arange(128)[:, None]
    columns = np.abs(np.arange(128) - 63.5)
    straight = (rows > 20) & (rows < 100) & (columns < 30)
    flared = (rows > 20) & (rows < 100) & (columns < 20 + (rows - 20) * 0.5)
    assert "hem_wider" in agreement(cutout(straight, "skirt"), cutout(flared, "skirt")).differences
    assert "hem_narrower" in agreement(cutout(flared, "skirt"), cutout(straight, "skirt")).differences


@pytest.mark.parametrize("kinds", [("hat", "hat"), ("skirt", "trousers"), ("upper", "skirt"), ("", "")])
def test_of_what_can_t_be_compared_no_difference_is_named(kinds):
    first, second = cutout(shirt(4), kinds[0]), cutout(shirt(28, length=50), kinds[1])
    assert agreement(first, second).differences == ()


def test_the_part_that_differs_has_the_lower_overlap_and_the_sign_of_what_is_there():
    beyond = shirt()
    beyond[60:75, 94:104] = True
    parts = agreement(cutout(shirt()), cutout(beyond)).parts
    assert tuple(parts) == PARTS
    assert parts["right"].overlap < parts["left"].overlap
    assert parts["right"].difference > 0.02
    assert min(parts, key=lambda name: parts[name].overlap) in ("right", "middle", "lower")


def test_inner_lines_agree_where_both_have_them():
    plain, striped = cutout(shirt()), cutout(shirt())
    striped.rgb[30:80:8] = 220
    crossed = cutout(shirt())
    crossed.rgb[:, 38:90:8] = 220
    same = agreement(striped, striped)
    assert same.lines == pytest.approx(1)
    assert same.heat.max() > 0.3
    rows = np.flatnonzero(same.heat.any(axis=1)) * 2 - ROOM
    assert 20 <= rows.min() and rows.max() <= 90
    assert agreement(plain, striped).lines is None
    assert not agreement(plain, striped).heat.any()
    assert agreement(striped, crossed).lines < 0.3


def test_empty_masks_agree():
    found = agreement(cutout(np.zeros((128, 128), bool)), cutout(np.zeros((128, 128), bool)))
    assert (found.overlap, found.differences, found.lines) == (1, (), None)


def test_a_photograph_that_is_turned_and_smaller_is_laid_on_itself():
    _, _, picture = draw(1, seed=31)
    small = np.asarray(Image.fromarray(picture).resize((160, 200)))
    assert agreement(isolate(picture), isolate(small)).overlap > 0.95
