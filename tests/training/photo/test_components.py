import numpy as np
import pytest
from scipy import ndimage

from training.photo.components import components, main_parts


def _random_masks():
    rng = np.random.default_rng(1)
    for share in np.linspace(0, 1, 60):
        yield rng.random(rng.integers(1, 40, 2)) < share
        yield ndimage.gaussian_filter(rng.normal(0, 1, (128, 128)), rng.uniform(1, 8)) > rng.normal(0, 0.02)


def test_components_are_scipys_in_its_order():
    for mask in _random_masks():
        labels, count = ndimage.label(mask)
        found = components(mask)
        assert len(found) == count
        assert all(np.array_equal(part, labels == number) for number, part in enumerate(found, start=1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (5, 7)])
def test_a_mask_that_is_everywhere_true_is_one_component_and_an_empty_one_has_none(shape):
    (whole,) = components(np.ones(shape, bool))
    assert whole.shape == shape and whole.all()
    assert components(np.zeros(shape, bool)) == []


def test_pixels_that_share_a_corner_alone_are_apart():
    assert len(components(np.eye(4, dtype=bool))) == 4


def test_small_components_are_dropped_and_large_ones_kept():
    mask = np.zeros((20, 20), bool)
    mask[:10, :10] = mask[12:17, 12:17] = mask[0, 19] = True
    kept = main_parts(mask)
    assert kept.dtype == bool
    assert kept[:10, :10].all() and kept[12:17, 12:17].all() and kept.sum() == 125


def test_an_empty_mask_stays_empty():
    assert not main_parts(np.zeros((20, 20), bool)).any()


@pytest.mark.parametrize(("area", "kept"), [(14, False), (15, True)])
def test_a_component_counts_from_15_of_100_pixels_of_the_largest_on(area, kept):
    mask = np.zeros((20, 20), bool)
    mask[:10, :10] = mask[15, :area] = True
    assert main_parts(mask)[15].sum() == (area if kept else 0)
