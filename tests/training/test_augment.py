import numpy as np
import pytest
from skimage.filters import gaussian

from training.augment import Disturb
from training.garment import isolate


@pytest.fixture
def cutouts(make_photo):
    colours = [(200, 30, 40), (20, 60, 160), (240, 240, 60), (30, 30, 30)] * 4
    return np.stack([isolate(make_photo(colour=c)).cutout for c in colours]).astype(np.float32) / 255


def test_a_view_is_grey_and_mask_in_0_to_1(cutouts):
    grey, mask = (np.asarray(x) for x in Disturb(seed=1)(cutouts))
    assert grey.shape == mask.shape == (16, 128, 128, 1)
    assert all(x.min() >= 0 and x.max() <= 1 for x in (grey, mask))


def test_views_differ_from_each_other_and_a_seed_repeats_them(cutouts):
    layer, same = Disturb(seed=1), Disturb(seed=1)
    first, second = np.asarray(layer(cutouts)[0]), np.asarray(layer(cutouts)[0])
    assert np.abs(first - second).mean() > 0.05
    assert np.array_equal(first, np.asarray(same(cutouts)[0]))


def test_the_shape_stays(cutouts):
    """A disturbed mask overlaps the clean one, mirrored or not (this garment is symmetric)."""
    _, mask = Disturb(seed=2)(cutouts)
    clean, seen = cutouts[..., 3] > 0.5, np.asarray(mask)[..., 0] > 0.5
    overlap = (clean & seen).sum((1, 2)) / (clean | seen).sum((1, 2))
    assert np.median(overlap) > 0.7 and overlap.min() > 0.5


def test_about_half_of_the_views_are_mirrored():
    lopsided = np.zeros((64, 128, 128, 4), np.float32)
    lopsided[:, 40:90, 30:60] = 1.0
    _, mask = Disturb(seed=3)(lopsided)
    weight = gaussian(np.asarray(mask)[..., 0], 2, channel_axis=0)
    left = weight[:, :, :64].sum((1, 2)) > weight[:, :, 64:].sum((1, 2))
    assert 0.3 < left.mean() < 0.7


def test_the_input_is_not_modified(cutouts):
    before = cutouts.copy()
    Disturb(seed=1)(cutouts)
    assert np.array_equal(before, cutouts)
