"""Garments of parsed photographs: which count, and those that are found with their true types."""

import numpy as np
import pytest

from training.catalogue.reader import read_catalogue
from training.fit.found_garments import Parsed, found_garments, true_garments
from training.photo.garment_types import CLASSES
from training.photo.segmenter import shipped


def test_garments_that_count_are_large_enough_and_no_shoes_the_largest_first():
    upper, trousers, shoes, skirt = map(CLASSES.index, ("upper", "trousers", "shoes", "skirt"))
    classes = np.repeat([0, upper, trousers, shoes, 0], [10, 10, 30, 40, 10])[:, None].repeat(100, axis=1)
    classes[95, :50] = skirt  # half a hundredth of the picture
    assert [*true_garments(classes)] == ["trousers", "upper"]


@pytest.fixture
def people(tmp_path, parsed_catalogue):
    """A parsed catalogue of one photograph, longer than the working size."""
    labels = np.zeros((400, 300), np.uint8)
    labels[100:300, 75:225] = 2
    photo = np.full((400, 300, 3), 230, np.uint8)
    photo[labels == 2] = (20, 40, 120)
    return read_catalogue(
        str(parsed_catalogue(tmp_path, {"a": (photo, labels)}, ["background", "skin", "jeans"]))
    )


def test_a_photograph_and_its_class_map_are_read_in_one_size(people):
    photo, classes = Parsed.of(people).read(people.items[0])
    assert photo.shape == (256, 192, 3)
    assert classes.shape == (256, 192)
    truth = true_garments(classes)["trousers"]
    assert truth.mean() == pytest.approx(0.25, abs=0.01)
    assert photo[truth].mean(axis=0) == pytest.approx((20, 40, 120), abs=3)


@pytest.mark.parametrize(("held_out", "photographs"), [(True, 1), (False, 3)])
def test_each_true_garment_is_the_found_one_that_meets_it_best(dressed, held_out, photographs):
    types, garments = found_garments(dressed, shipped(), held_out=held_out, processes=1)
    assert types == ["trousers", "upper"] * photographs
    assert [garment.type for garment in garments] == types


def test_a_true_garment_where_none_is_found_is_the_whole_photograph(dressed, wearing):
    wearing.certainty = 0.0
    types, garments = found_garments(dressed, shipped(), held_out=True, processes=1)
    assert types == ["trousers", "upper"]
    assert not any(garment.found for garment in garments)


def test_photographs_that_are_not_parsed_have_none(read):
    assert found_garments(read("drawn:8"), shipped(), held_out=False) == ((), ())
