"""What finds garments: a segmenter by its file, the main garment's mask, and how masks overlap."""

import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from training.evaluation.finder import Finder, overlap
from training.photo.garment_types import TYPES
from training.photo.segmenter import GROUPS, HALF, look_twice


@pytest.fixture
def truth(photo):
    return (photo == (200, 30, 40)).all(axis=2)


def test_the_mask_lies_in_the_photograph_in_its_own_pixels(photo, truth):
    tall = np.pad(photo, ((0, 60), (0, 0), (0, 0)), mode="edge")
    mask = Finder().main_mask(tall)
    assert mask.shape == (300, 240)
    assert mask.dtype == bool
    assert overlap(mask[:240], truth) > 0.95
    assert not mask[240:].any()


def test_nothing_is_found_where_the_segmenter_sees_nothing():
    empty = np.full((60, 50, 3), 200, np.uint8)
    assert bool(Finder().garments(empty)) == Finder().main_mask(empty).any()
    assert Finder().main_mask(empty).shape == (60, 50)


def test_a_finder_travels_to_another_process(other_segmenter):
    one = Finder(other_segmenter)
    assert pickle.loads(pickle.dumps(one)) == one != Finder()


class _Parser:
    """Stands in for a network: a bag on the left, trousers below on the right, and a person or none."""

    def __init__(self, person):
        self.person = person
        self.looks = 0

    def run(self, squeezed):
        output = np.zeros((1, 4 * GROUPS + len(TYPES), HALF, HALF), np.float32)
        classes = np.moveaxis(output[:, : 4 * GROUPS].reshape(1, 4, GROUPS, HALF, HALF), (1, 2), (3, 4))
        classes[..., 0] = 9
        for kind, columns in (("bag", slice(5, 20)), ("trousers", slice(30, 60))):
            classes[:, 20:60, columns] = (0, 0, 9)
            output[:, 4 * GROUPS + TYPES.index(kind), 20:60, columns] = 9
        if self.person:
            classes[:, 5:20, 30:60] = (0, 9, 0)
        self.looks += bool(squeezed.any())  # one more reads the network's version from a blank
        return output if self.looks % 2 else output[..., ::-1]  # the second look is mirrored


@pytest.mark.parametrize("person", [True, False])
def test_a_parser_finds_garments_with_type_and_whether_they_are_worn(person, photo):
    network = _Parser(person)
    finder = Finder(SimpleNamespace(model=network, parse=partial(look_twice, network, closer=False)))
    found = finder.garments(photo)
    assert [(one.type, one.worn) for one in found] == [("trousers", person), ("bag", person)]
    assert found[0].mask.shape == photo.shape[:2]
    assert found[0].mask.mean() == pytest.approx(40 * 30 / 64**2, abs=0.01)
    np.testing.assert_array_equal(finder.main_mask(photo), found[0].mask)


def test_the_overlap_is_intersection_over_union():
    first, second = np.zeros((2, 4, 6), bool)
    first[:, :4], second[:, 2:] = True, True
    assert overlap(first, second) == pytest.approx(8 / 24)
    within = np.zeros((4, 6), bool)
    within[:, 3:] = True
    assert overlap(first, second, within) == pytest.approx(4 / 12)
    assert overlap(first, first) == 1.0
    assert overlap(np.zeros((4, 6), bool), np.zeros((4, 6), bool)) == 1.0
    assert overlap(first, np.zeros((4, 6), bool)) == 0.0
