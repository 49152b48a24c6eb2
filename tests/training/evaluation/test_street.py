"""Parsed photographs: what counts as a garment, and figures that can be worked out by hand."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from training.catalogue.reader import read_catalogue
from training.evaluation.finder import Found
from training.evaluation.street import Parsed, score, true_garments
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


def test_garments_that_count_are_large_enough_and_no_shoes_the_largest_first():
    classes = _classes(upper=(10, 20), trousers=(20, 50), shoes=(50, 90))
    classes[95, :50] = CLASSES.index("skirt")  # half a hundredth of the picture
    assert [*true_garments(classes)] == ["trousers", "upper"]


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


@pytest.fixture
def people(tmp_path):
    """A parsed catalogue of one photograph, longer than the working size."""
    photo = np.full((400, 300, 3), 230, np.uint8)
    labels = np.zeros((400, 300), np.uint8)
    labels[100:300, 75:225] = 2
    photo[labels == 2] = (20, 40, 120)
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(labels).save(tmp_path / "labels-a.png")
    for name, rows in (
        ("catalogue.csv", [("item_id", "path", "mask"), ("a", "a.png", "labels-a.png")]),
        ("labels.csv", [("number", "name"), (0, "background"), (1, "skin"), (2, "jeans")]),
    ):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return read_catalogue(str(tmp_path / "catalogue.csv"))


def test_a_photograph_and_its_class_map_are_read_in_one_size(people):
    photo, classes = Parsed.of(people).read(people.items[0])
    assert photo.shape == (256, 192, 3)
    assert classes.shape == (256, 192)
    truth = true_garments(classes)["trousers"]
    assert truth.mean() == pytest.approx(0.25, abs=0.01)
    assert photo[truth].mean(axis=0) == pytest.approx((20, 40, 120), abs=3)
