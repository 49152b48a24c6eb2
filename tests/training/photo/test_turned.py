"""Photographs on their side or head: the turn is read from the network's output, undone, and mapped back."""

from dataclasses import replace

import numpy as np
import pytest

from training.photo.garment import cut_out, isolate, item_garments, locate, mask_in_photo
from training.photo.garment_types import TYPES
from training.photo.regions import find_upright, iou
from training.photo.segmenter import GROUPS, HALF, UPRIGHT, Segmenter, read_output, shipped, turn

TURNS = (90, 180, 270)


def sure(degrees, chance=0.97):
    """Return the probabilities of the four turns where one is likely."""
    return tuple(chance if degrees == 90 * quarters else (1 - chance) / 3 for quarters in range(4))


def lying(photo, degrees):
    """Return a photograph that is to be turned clockwise by some degrees."""
    return np.ascontiguousarray(turn(photo, -degrees))


@pytest.fixture
def told(monkeypatch, wearing):
    """A parser that tells garments by their colours, and what is up by the blue edge of the picture."""

    def parse(photo):
        one = wearing.parse(photo)
        edges = {0: photo[0], 90: photo[:, 0], 180: photo[-1], 270: photo[:, -1]}
        turned = next((way for way, edge in edges.items() if (edge == (0, 0, 255)).all()), 0)
        return replace(one, turns=sure(turned))

    monkeypatch.setattr(Segmenter, "parse", lambda _, photo: parse(photo))
    return parse


@pytest.fixture
def outfit(wearing):
    photo = np.array(wearing.photo(size=(200, 320), person=(80, 8, 120, 50), upper=(50, 60, 110, 150)))
    photo[0] = (0, 0, 255)
    return photo


@pytest.mark.parametrize("degrees", TURNS)
def test_a_turn_is_clockwise_and_back_again(degrees):
    photo = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert turn(photo, 90).tolist() == [[3, 0], [4, 1], [5, 2]]
    assert np.array_equal(turn(turn(photo, degrees), -degrees), photo)
    assert np.array_equal(turn(photo, 0), photo)


@pytest.mark.parametrize("quarters", range(4))
def test_the_turn_is_read_from_the_last_four_planes(quarters):
    output = np.zeros((4 * GROUPS + len(TYPES) + 4, HALF, HALF), np.float32)
    output[4 * GROUPS + 2] = 1
    output[-4:] = 0.5
    output[4 * GROUPS + len(TYPES) + quarters] += np.log(9)
    parse = read_output(output)
    assert parse.turns == pytest.approx([9 / 12 if quarters == one else 1 / 12 for one in range(4)])
    assert parse.types.shape == (HALF, HALF, len(TYPES)) and (parse.types.argmax(axis=-1) == 2).all()


@pytest.mark.parametrize("shape", [(128, 128, 1), (4 * GROUPS + len(TYPES), HALF, HALF)])
def test_networks_of_earlier_versions_tell_no_turn(shape):
    assert read_output(np.random.default_rng(0).random(shape, np.float32)).turns == UPRIGHT


@pytest.mark.parametrize("degrees", TURNS)
def test_the_cut_out_of_a_turned_photograph_is_that_of_the_upright_one(told, outfit, degrees):
    upright, turned = isolate(outfit), isolate(lying(outfit, degrees))
    assert (upright.turned, turned.turned) == (0, degrees)
    assert (turned.type, turned.worn) == (upright.type, upright.worn) == ("upper", True)
    assert np.array_equal(turned.cutout, upright.cutout)


@pytest.mark.parametrize("degrees", TURNS)
def test_boxes_and_masks_are_in_the_frame_of_the_photograph_as_it_was(told, outfit, degrees):
    photo = lying(outfit, degrees)
    regions, turned = locate(photo, shipped())
    assert turned == degrees
    there = (photo == outfit[100, 80]).all(axis=-1)
    rows, columns = np.nonzero(there)
    height, width = photo.shape[:2]
    expected = (
        columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height,
    )  # fmt: skip
    cut = cut_out(photo, regions[0], turned)
    assert cut.box == pytest.approx(expected, abs=0.01)
    mask = mask_in_photo(cut, height=height, width=width)
    assert (mask.shape, mask.max()) == ((height, width), 1.0) and iou(mask > 0.5, there) > 0.9
    assert [one.box for one in item_garments(photo, None, shipped())] == [
        cut_out(photo, one, turned).box for one in regions
    ]


def test_a_photograph_that_does_not_stand_upright_when_turned_stays_as_it_was(wearing, outfit):
    looked = []

    def parse(photo):
        looked.append(photo.shape[:2])
        one = wearing.parse(photo)
        return replace(one, turns=sure(90))

    regions, turned = find_upright(outfit, parse)
    assert turned == 0 and looked == [(320, 200), (200, 320)]
    assert regions[0].mask[30:50, 40:60].all()


@pytest.mark.parametrize(("chance", "expected"), [(0.97, 180), (0.6, 0)])
def test_a_photograph_is_turned_only_where_both_looks_are_sure(wearing, outfit, chance, expected):
    looks = iter([sure(180, chance), sure(0, chance)])
    assert find_upright(outfit, lambda seen: replace(wearing.parse(seen), turns=next(looks)))[1] == expected


def test_an_upright_photograph_is_looked_at_once(wearing, outfit):
    looked = []

    def parse(photo):
        looked.append(photo)
        return wearing.parse(photo)

    assert find_upright(outfit, parse)[1] == 0 and len(looked) == 1


@pytest.mark.parametrize(("kind", "expected"), [("shoes", 0), ("skirt", 270)])
def test_shoes_are_never_turned(wearing, kind, expected):
    photo = np.array(wearing.photo(size=(200, 200), **{kind: (40, 60, 160, 140)}))
    looks = iter([sure(270), sure(0)])
    told = find_upright(photo, lambda seen: replace(wearing.parse(seen), turns=next(looks)))
    assert told[1] == expected and [one.type for one in told[0]] == [kind]


def test_what_looks_like_shoes_only_while_it_lies_is_turned(wearing):
    box = (40, 60, 160, 140)
    lying, standing = (
        wearing.parse(np.array(wearing.photo(size=(200, 200), **{kind: box}))) for kind in ("shoes", "skirt")
    )
    looks = iter([replace(lying, turns=sure(90)), replace(standing, turns=sure(0))])
    regions, turned = find_upright(np.zeros((200, 200, 3), np.uint8), lambda _: next(looks))
    assert turned == 90 and [one.type for one in regions] == ["skirt"]


@pytest.mark.parametrize("degrees", TURNS)
def test_without_a_garment_the_whole_photograph_is_turned(told, degrees):
    empty = np.full((60, 90, 3), 255, np.uint8)
    empty[0] = (0, 0, 255)
    whole, turned = isolate(empty), isolate(lying(empty, degrees))
    assert (turned.box, turned.turned, turned.found) == ((0.0, 0.0, 1.0, 1.0), degrees, False)
    assert np.array_equal(turned.rgb, whole.rgb)
