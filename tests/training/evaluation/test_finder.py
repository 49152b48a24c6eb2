"""What finds garments: a segmenter by its file, the main garment's mask, and how masks overlap."""

import pickle

import numpy as np
import pytest

from training.errors import UnreadableEncoder
from training.evaluation.finder import Finder, overlap
from training.photo.encoder import PRETRAINED


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
    finder = Finder()
    assert finder.garments(empty) == [] or finder.main_mask(empty).any()
    assert finder.main_mask(empty).shape == (60, 50)


@pytest.mark.parametrize("place", [PRETRAINED, PRETRAINED / "segmenter.tflite"])
def test_a_bundle_and_its_segmenter_are_one_finder(place, photo):
    finder = Finder.at(place)
    np.testing.assert_array_equal(finder.main_mask(photo), Finder().main_mask(photo))
    assert pickle.loads(pickle.dumps(finder)) == finder


def test_a_file_that_is_no_segmenter_is_refused_with_what_to_name(tmp_path):
    (tmp_path / "segmenter.tflite").write_bytes(b"text")
    for place in (tmp_path, tmp_path / "missing.tflite", tmp_path / "segmenter.tflite"):
        with pytest.raises(UnreadableEncoder, match=r"Name a segmenter\.tflite"):
            Finder.at(place)


def test_a_model_with_another_output_is_refused():
    with pytest.raises(UnreadableEncoder, match="segmenter"):
        Finder.at(PRETRAINED / "encoder.tflite")


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
