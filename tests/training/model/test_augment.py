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


@pytest.fixture
def drawn(monkeypatch):
    """Make a layer draw what is told, as shares of each draw's range, one after the other; noise is none."""

    def layer(*shares):
        left = iter(shares)

        def uniform(self, shape, low=0.0, high=1.0):
            return keras.ops.convert_to_tensor(
                np.broadcast_to(low + np.asarray(next(left)) * (high - low), shape).astype(np.float32)
            )

        monkeypatch.setattr(Disturb, "_uniform", uniform)
        monkeypatch.setattr(augment.random, "normal", lambda shape, **_: keras.ops.zeros(shape))
        return Disturb(seed=0)

    return layer


NEVER, ALWAYS = 1.0, 0.0
"""Draws that are not, and that are below any share."""


@pytest.mark.parametrize(("weight", "sum_of_weights"), [(1.0, 1.05), (0.0, -0.2), (0.4, 0.3)])
@pytest.mark.parametrize("inverted", [NEVER, ALWAYS])
@pytest.mark.parametrize(("share", "gamma"), [(0.5, 1.0), (0.0, math.exp(-0.8)), (1.0, math.exp(0.8))])
def test_tones_are_mixed_stretched_inverted_bent_and_weakened(
    drawn, weight, sum_of_weights, inverted, share, gamma
):
    rgb = np.float32([[[0.1, 0.2, 0.3], [0.3, 0.6, 0.9]], [[0.2, 0.2, 0.2], [0.4, 0.3, 0.2]]])[None]
    grey = rgb.sum(axis=-1) * sum_of_weights
    grey = (grey - grey.min()) / (np.ptp(grey) + 0.05)
    grey = 1 - grey if inverted == ALWAYS else grey
    mixed = drawn(weight, inverted, share, 0.5)._mixed(rgb, 1)  # the last: 0.7 of 0.4 to 1
    assert np.asarray(mixed)[0, ..., 0] == pytest.approx(0.7 * np.clip(grey[0], 1e-3, 1) ** gamma, abs=1e-5)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("what", ["angle", "scale", "aspect", "flip", "shift"])
def test_each_part_of_the_warp_moves_a_garment_where_geometry_says(drawn, what, sign):
    """In pixels from the middle; a view shows at a place what lay where the warp takes the place."""
    x, y, side = 16.0, -14.0, 64
    garment = np.zeros((1, side, side, 4), np.float32)
    garment[0, 14:22, 44:52] = 1.0  # its centre is (47.5, 17.5)
    draws = dict.fromkeys(("angle", "scale", "aspect"), 0.5) | {"flip": NEVER, "shift": 0.5}
    draws[what] = {-1: 0.0, 1: 1.0}[sign]
    cos, sin = math.cos(ROTATION), sign * math.sin(ROTATION)
    expected = {
        "angle": (cos * x + sin * y, cos * y - sin * x),
        "scale": (x / math.exp(sign * SCALE), y / math.exp(sign * SCALE)),
        "aspect": (x / math.exp(sign * ASPECT), y * math.exp(sign * ASPECT)),
        "flip": (sign * x, y),
        "shift": (x - sign * SHIFT * side, y - sign * SHIFT * side),
    }[what]
    warped = np.asarray(drawn(*draws.values())._warped(garment, 1, side))[..., 3]
    assert np.concatenate(_centre(warped)) == pytest.approx(expected, abs=0.05)


def test_all_parts_of_the_warp_together_are_one_after_the_other(drawn):
    """Three points of a view, and where geometry takes each: mirrored, turned, stretched, moved."""
    side = 64
    across, down = np.mgrid[:side, :side][::-1].astype(np.float32) / side
    planes = np.stack([across, down, np.ones_like(across), np.ones_like(across)], axis=-1)[None]
    warped = np.asarray(
        drawn(1.0, 0.0, 1.0, ALWAYS, np.reshape([0.0, 1.0], (2, 1)))._warped(planes, 1, side)
    )[0]
    scale, aspect, shift = math.exp(-SCALE), math.exp(ASPECT), SHIFT * side
    for x, y in ((10.5, 3.5), (-4.5, 12.5), (0.5, -8.5)):
        turned_x = math.cos(ROTATION) * -x - math.sin(ROTATION) * y
        turned_y = math.sin(ROTATION) * -x + math.cos(ROTATION) * y
        seen = warped[int(y + 31.5), int(x + 31.5), :2] * side - 31.5
        assert seen == pytest.approx(
            [turned_x * scale * aspect - shift, turned_y * scale / aspect + shift], abs=1e-2
        )


@pytest.mark.parametrize(("power", "exponent"), [(0.0, 2), (0.5, 4), (1.0, 6)])
def test_a_window_is_a_rounded_box_of_the_place_and_size_that_are_drawn(drawn, power, exponent):
    side, middle, radius = 101, np.reshape([0.0, 1.0], (2, 1, 1, 1)), np.reshape([1.0, 0.5], (2, 1, 1, 1))
    window = drawn(middle, radius, power)._window(1, side, centre=0.2, low=0.1, high=0.3)
    y, x = np.mgrid[:side, :side] / (side - 1)  # the middle is at 0.3 and 0.7, the radii are 0.3 and 0.2
    expected = (abs(y - 0.3) / 0.3 + 1e-4) ** exponent + (abs(x - 0.7) / 0.2 + 1e-4) ** exponent < 1
    assert np.asarray(window).shape == (1, side, side, 1)
    assert np.count_nonzero(np.asarray(window)[0, ..., 0] != expected) <= 4  # on the very line


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("down", "across"), [(1.0, 0.5), (0.5, 0.0), (0.9, 0.7)])
@pytest.mark.parametrize("printed", [NEVER, ALWAYS])
def test_a_print_is_a_wave_across_the_garment(drawn, strength, down, across, printed):
    """Without a logo; the wave has a phase of a quarter turn, and is half as hard as it may be."""
    y, x = np.mgrid[:32, :32] / 31
    wave = np.sin((160 * down - 80) * y + (160 * across - 80) * x + np.pi / 2)
    share = (0.2 + 0.8 * strength) * (printed == ALWAYS)
    layer = drawn(
        np.reshape([down, across], (2, 1, 1, 1)), 0.25, 0.5, printed, strength, 0.5, 0.5, 0.5, NEVER
    )
    seen = np.asarray(layer._printed(np.full((1, 32, 32, 1), 0.3, np.float32), 1, 32))[0, ..., 0]
    assert seen == pytest.approx((1 - share) * 0.3 + share * (0.5 + 0.5 * np.tanh(4.5 * wave)), abs=1e-3)


def test_a_logo_is_another_garment_upside_down_within_a_window_near_the_middle(drawn):
    grey = np.random.default_rng(0).random((3, 64, 64, 1), np.float32)
    layer = drawn(0.5, 0.5, 0.5, NEVER, 0.5, 1.0, 1.0, 1.0, ALWAYS)
    seen, within = np.asarray(layer._printed(grey, 3, 64)), np.zeros((64, 64), bool)
    y, x = np.mgrid[:64, :64] / 63
    within = (abs(y - 0.68) / 0.25 + 1e-4) ** 6 + (abs(x - 0.68) / 0.25 + 1e-4) ** 6 < 1
    assert seen[:, within] == pytest.approx(np.roll(grey[:, ::-1], 1, axis=0)[:, within])
    assert seen[:, ~within] == pytest.approx(grey[:, ~within])


@pytest.mark.parametrize("soft", [NEVER, ALWAYS])
def test_a_blurred_picture_is_the_mean_of_3_by_3_pixels(drawn, soft):
    grey = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    seen = np.asarray(drawn(soft)._blurred(grey, 2))
    mean = sum(grey[:, 3 + dy : 4 + dy, 3 + dx : 4 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    assert seen[:, 3:4, 3:4] == pytest.approx(mean if soft == ALWAYS else grey[:, 3:4, 3:4], abs=1e-6)


@pytest.mark.parametrize("offset", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("bitten", "filled"), [(NEVER, NEVER), (ALWAYS, NEVER), (ALWAYS, ALWAYS)])
def test_the_outline_of_a_mask_is_softened_moved_and_bitten(drawn, offset, bitten, filled):
    """An edge is softened over seven pixels; without noise it moves by the offset alone."""
    mask = np.zeros((1, 64, 64, 1), np.float32)
    mask[:, :, 32:] = 1.0
    layer = drawn(1.0, offset, 0.5, 1.0, 0.5, bitten, filled)  # a window in the middle, 0.14 to each side
    seen = np.asarray(layer._ragged(mask, 1, 64))[0, ..., 0]
    soft = np.clip((np.arange(64) - 28) / 7, 0, 1)
    expected = 1 / (1 + np.exp(-12 * (soft - 0.5 + 0.3 * offset - 0.15)))
    assert seen[10, 8:56] == pytest.approx(expected[8:56], abs=1e-5)
    within = expected[28:36] if bitten == NEVER else np.full(8, float(filled == ALWAYS))
    assert seen[32, 28:36] == pytest.approx(within, abs=1e-5)


def test_noise_roughens_the_outline_in_patches_of_8_pixels(monkeypatch, drawn):
    layer = drawn(1.0, 0.5, 0.5, 0.5, 0.5, NEVER, NEVER)
    asked = []
    monkeypatch.setattr(
        augment.random, "normal", lambda shape, **_: asked.append(shape) or keras.ops.full(shape, 0.2)
    )
    seen = np.asarray(layer._ragged(np.full((1, 64, 64, 1), 0.5, np.float32), 1, 64))
    assert asked == [(1, 8, 8, 1)]
    assert seen[0, 32, 32] == pytest.approx(1 / (1 + np.exp(-12 * 0.35 * 0.2)), abs=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_a_chance_comes_true_for_its_share_of_the_images(share):
    chances = np.asarray(Disturb(seed=7)._chance(4000, share))
    assert chances.shape == (4000, 1, 1, 1) and set(np.unique(chances)) <= {0.0, 1.0}
    assert chances.mean() == pytest.approx(share, abs=0.03 if 0 < share < 1 else 0)


def test_a_view_has_noise_of_its_strength(monkeypatch, cutouts):
    strengths = []
    monkeypatch.setattr(
        augment.random,
        "normal",
        lambda shape, stddev=1.0, **_: strengths.append(stddev) or keras.ops.full(shape, stddev),
    )
    noisy = np.asarray(Disturb(seed=1)(cutouts[:2])[0])
    monkeypatch.setattr(augment.random, "normal", lambda shape, **_: keras.ops.zeros(shape))
    plain = np.asarray(Disturb(seed=1)(cutouts[:2])[0])
    assert strengths == [augment.NOISE, 1.0]
    assert noisy == pytest.approx(np.clip(plain + augment.NOISE, 0, 1), abs=1e-5)
