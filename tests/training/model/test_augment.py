import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.filters import gaussian

from training.model import augment
from training.model.augment import ASPECT, ROTATION, SCALE, SHIFT, Disturb, _affine
from training.photo.garment import isolate


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


def test_a_logo_is_cut_from_another_picture(monkeypatch):
    monkeypatch.setattr(augment, "PRINT_SHARE", 0.0)
    monkeypatch.setattr(augment, "LOGO_SHARE", 1.0)
    tones = np.float32([0.1, 0.4, 0.7, 1.0])
    plain = np.broadcast_to(tones[:, None, None, None], (4, 64, 64, 1))
    printed = np.asarray(Disturb(seed=1)._printed(plain, 4, 64))
    for number, picture in enumerate(printed):
        assert set(np.unique(picture)) == {tones[number], tones[number - 1]}


def test_the_input_is_not_modified(cutouts):
    before = cutouts.copy()
    Disturb(seed=1)(cutouts)
    assert np.array_equal(before, cutouts)


def test_the_warp_is_that_of_keras():
    """Keras's own can not be compiled by XLA on TensorFlow; all but sources far outside are alike."""
    rng = np.random.default_rng(5)
    images = rng.random((6, 32, 32, 2), np.float32)
    across, down = (rng.normal(0, 0.3, (6, 3)).astype(np.float32) for _ in range(2))
    across += np.array([1, 0, 0], np.float32)
    down += np.array([0, 1, 0], np.float32)
    across[:, 2], down[:, 2] = rng.uniform(-12, 12, (2, 6))
    transforms = np.concatenate([across, down, np.zeros((6, 2), np.float32)], axis=1)
    expected = keras.ops.image.affine_transform(images, transforms, fill_mode="constant")
    assert np.abs(np.asarray(_affine(images, across, down)) - np.asarray(expected)).max() < 1e-4


def test_disturbances_can_be_compiled_for_a_gpu(cutouts):
    layer = Disturb(seed=1)
    grey, mask = tf.function(layer, jit_compile=True)(cutouts[:2])
    assert grey.shape == mask.shape == (2, 128, 128, 1)
    assert np.isfinite(grey).all() and np.isfinite(mask).all()


def _centre(mask):
    """The centre of a mask (n, s, s) in pixels from its middle: (x, y), each (n,)."""
    side = mask.shape[1]
    axis, weight = np.arange(side) - (side - 1) / 2, mask.sum((1, 2))
    return (mask.sum(1) * axis).sum(1) / weight, (mask.sum(2) * axis).sum(1) / weight


def test_a_view_is_turned_shifted_and_mirrored_sideways_alone_and_within_its_limits():
    """A garment beside and above the middle stays above it; across, it lies on either side alike."""
    garment = np.zeros((400, 64, 64, 4), np.float32)
    garment[:, 10:26, 38:58] = 1.0
    x, y = _centre(np.asarray(Disturb(seed=4)._warped(garment, 400, 64))[..., 3])
    out, up = 16.0, -14.0  # where it lay
    far = math.hypot(out, up) * (math.exp(SCALE + ASPECT) - 1) + SHIFT * 64 * math.exp(SCALE + ASPECT) + 1
    turned = math.hypot(out, up) * 2 * math.sin(ROTATION / 2)
    assert (np.abs(np.abs(x) - out) < far + turned).all() and (np.abs(y - up) < far + turned).all()
    assert 0.4 < (x > 0).mean() < 0.6 and (y < 0).all()
    for side in (x[x > 0] - out, -x[x < 0] - out, y - up):
        assert abs(side.mean()) < 1.0 and side.std() > 1.0
