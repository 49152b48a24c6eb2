import keras
import numpy as np
import pytest

from training.segmentation import network


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return network.build()


@pytest.fixture
def masks():
    masks = np.zeros((2, 128, 128, 1), np.float32)
    masks[0, 20:100, 30:90] = masks[1, 64:, 64:] = 1
    return masks


def test_photographs_become_one_logit_a_pixel(model):
    photos = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    logits = np.asarray(model(photos))
    assert logits.shape == (2, 128, 128, 1) and logits.dtype == np.float32
    assert 400_000 < model.count_params() < 800_000


def test_logits_stand_where_their_pixels_are(model):
    """A change in one corner of the picture is felt most in the same corner of the result."""
    photos = np.full((1, 128, 128, 3), 128, np.uint8)
    before = np.asarray(model(photos))[0, ..., 0]
    for rows, columns in [(slice(8, 12), slice(100, 104)), (slice(100, 104), slice(8, 12))]:
        changed = photos.copy()
        changed[0, rows, columns] = 255
        felt = np.abs(np.asarray(model(changed))[0, ..., 0] - before)
        row, column = np.unravel_index(felt.argmax(), felt.shape)
        assert abs(row - rows.start) < 16 and abs(column - columns.start) < 16


def test_the_four_numbers_of_a_place_are_its_two_by_two_pixels(model):
    """Number 2 r + c of each place in the half-sized map is the pixel in row r, column c."""
    photos = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    *_, last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    places = np.asarray(keras.Model(model.input, last.output)(photos))
    logits = np.asarray(model(photos))[0, ..., 0]
    assert places.shape == (1, 64, 64, 4)
    for number in range(4):
        assert np.array_equal(logits[number // 2 :: 2, number % 2 :: 2], places[0, ..., number])


def test_perfect_logits_cost_nothing(masks):
    assert float(network.loss(masks, 40 * (2 * masks - 1))) == pytest.approx(0, abs=1e-4)


def test_perfect_logits_of_an_empty_mask_cost_nothing(masks):
    assert float(network.loss(masks * 0, masks * 0 - 40)) == pytest.approx(0, abs=1e-4)


def test_the_loss_of_no_opinion_is_what_the_formulas_say(masks):
    """Logits of 0 cost log 2 a pixel; Dice of 0.5 everywhere and an area of a is (a + 1) / (8192 + a + 1)."""
    dice = [1 - (area + 1) / (128 * 128 / 2 + area + 1) for area in masks.sum((1, 2, 3))]
    expected = np.log(2) + 0.5 * np.mean(dice)
    assert float(network.loss(masks, masks * 0)) == pytest.approx(expected, rel=1e-4)


def test_wrong_logits_cost_their_size(masks):
    """Cross-entropy of logits that are wrong by 40 is 40 a pixel; nothing overlaps."""
    assert float(network.loss(masks, -40 * (2 * masks - 1))) == pytest.approx(40.5, abs=0.01)


def test_extreme_logits_stay_finite(masks):
    assert np.isfinite(float(network.loss(masks, -1e4 * (2 * masks - 1))))
