"""Parsed photographs: what is found, in figures that can be worked out by hand."""

import math

import numpy as np
import pytest

from training.evaluation.finder import Found
from training.evaluation.street import score
from training.photo.garment_types import CLASSES

SIDE = 100


def _classes(**areas):
    """A map of 100 x 100 with each class in its rows."""
    classes = np.zeros((SIDE, SIDE), np.uint8)
    for name, (top, end) in areas.items():
        classes[top:end] = CLASSES.index(name)
    return classes


def _rows(top, end, **options):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top:end] = True
    return Found(mask, **options)


def test_one_mask_over_two_garments_is_one_garment_found():
    classes = _classes(person=(0, 10), upper=(10, 30), trousers=(30, 80))
    found = score([_rows(10, 80)], classes)
    assert found.clothes == pytest.approx(1.0)
    assert found.main == pytest.approx(50 / 70)
    assert (found.garments, found.found, found.typed) == (2, 1, 0)
    assert found.worn is False


def test_garments_are_found_with_their_type_or_without():
    classes = _classes(person=(0, 10), upper=(10, 30), trousers=(30, 80))
    said = [_rows(30, 80, type="trousers", worn=True), _rows(12, 30, type="dress", worn=True)]
    found = score(said, classes)
    assert (found.main, found.clothes) == (pytest.approx(1.0), pytest.approx(68 / 70))
    assert (found.found, found.typed, found.worn) == (2, 1, True)


def test_the_first_garment_is_the_main_one_whatever_its_size():
    classes = _classes(upper=(10, 30), trousers=(30, 80))
    assert score([_rows(10, 30), _rows(30, 80)], classes).main == 0.0


def test_pixels_of_no_class_are_left_out():
    classes = _classes(upper=(10, 30))
    classes[30:60] = 255
    assert score([_rows(10, 60)], classes).main == 1.0


def test_shoes_are_clothes_but_no_garment_that_counts():
    found = score([_rows(70, 80)], _classes(shoes=(70, 90)))
    assert found.clothes == pytest.approx(0.5)
    assert math.isnan(found.main)
    assert found.garments == 0


def test_without_a_person_nothing_is_said_of_being_worn_and_nothing_found_is_not_worn():
    assert score([_rows(10, 30, worn=True)], _classes(upper=(10, 30))).worn is None
    nothing = score([], _classes(person=(0, 10), dress=(10, 30)))
    assert (nothing.worn, nothing.main, nothing.clothes, nothing.found) == (False, 0.0, 0.0, 0)
