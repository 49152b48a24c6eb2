"""Drawn outlines: dark on light, near the outline they follow, open, and repeatable."""

import numpy as np
import pytest
from scipy import ndimage

from training.evaluation.sketch_search import SIDE, SIZE, sketch_of


@pytest.fixture
def mask():
    mask = np.zeros((128, 128), np.uint8)
    mask[16:112, 44:84] = 255
    mask[16:44, 14:114] = 255
    return mask


@pytest.fixture
def outline(mask):
    """Where the outline stands on the paper, bool (SIDE, SIDE)."""
    large = ndimage.zoom(mask > 0, SIZE * SIDE / 128, order=0)
    before = (SIDE - len(large)) // 2
    filled = np.pad(large, (before, SIDE - len(large) - before))
    return filled ^ ndimage.binary_erosion(filled)


def _ink(drawing):
    return drawing.mean(axis=2) < 180


@pytest.mark.parametrize("seed", range(4))
def test_a_sketch_is_a_few_dark_lines_on_light_paper(mask, seed):
    drawing = sketch_of(mask, item_id="a", seed=seed)
    assert drawing.shape == (SIDE, SIDE, 3)
    assert drawing.dtype == np.uint8
    assert np.median(drawing) > 240
    assert 0.01 < _ink(drawing).mean() < 0.1
    assert not _ink(drawing)[[0, -1]].any()


@pytest.mark.parametrize("seed", range(4))
def test_a_sketch_runs_near_the_outline_but_not_on_it(mask, outline, seed):
    away = ndimage.distance_transform_edt(~outline)[_ink(sketch_of(mask, item_id="a", seed=seed))]
    assert away.max() < 0.12 * SIDE
    assert 1.0 < away.mean() < 0.04 * SIDE


def test_most_sketches_have_gaps(mask):
    def is_open(seed):
        ink = _ink(sketch_of(mask, item_id="a", seed=seed))
        return (ndimage.binary_fill_holes(ink) == ink).mean() > 0.99

    assert sum(is_open(seed) for seed in range(20)) >= 10


def test_one_item_and_one_seed_are_always_drawn_alike_and_others_are_not(mask):
    drawing = sketch_of(mask, item_id="a", seed=1)
    np.testing.assert_array_equal(drawing, sketch_of(mask, item_id="a", seed=1))
    assert (drawing != sketch_of(mask, item_id="b", seed=1)).any()
    assert (drawing != sketch_of(mask, item_id="a", seed=2)).any()
