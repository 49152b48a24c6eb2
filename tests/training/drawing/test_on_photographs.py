"""Logo, print and ground: each changes its own part of the picture."""

import numpy as np
import pytest

from training.drawing.on_photographs import on_another_background, with_logo, with_print


@pytest.fixture
def mask():
    mask = np.zeros((200, 160), np.float32)
    mask[20:180, 40:120] = 1
    return mask


@pytest.fixture
def photo(mask):
    photo = np.full((200, 160, 3), 225, np.uint8)
    photo[mask > 0] = (60, 90, 150)
    return photo


@pytest.fixture(params=range(6))
def rng(request):
    return np.random.default_rng(request.param)


def _changed(before, after):
    return np.abs(before.astype(int) - after).sum(axis=2) > 30


def test_a_logo_is_on_the_upper_half_of_the_garment_and_small(photo, mask, rng):
    changed = _changed(photo, with_logo(photo, mask, rng))
    rows, columns = changed.nonzero()
    assert not (changed & (mask == 0)).any()
    assert 0.004 < changed.sum() / mask.sum() < 0.15
    assert rows.max() < 20 + 160 / 2
    assert columns.mean() == pytest.approx(79.5, abs=6)


def test_a_print_is_all_over_the_garment_and_nowhere_else(photo, mask, rng):
    changed = _changed(photo, with_print(photo, mask, rng))
    assert not (changed & (mask == 0)).any()
    quarters = np.split(changed[20:180], 4)
    for quarter in quarters:
        assert 0.1 < quarter.sum() / (40 * 80) < 0.95


def test_another_ground_leaves_the_garment_as_it_was(photo, mask, rng):
    laid = on_another_background(photo, mask, rng)
    np.testing.assert_array_equal(laid[mask == 1], photo[mask == 1])
    ground = laid[mask == 0].astype(float)
    assert np.linalg.norm(ground.mean(axis=0) - (60, 90, 150)) > 0.25 * 255


def test_a_soft_edge_stays_soft_on_another_background(photo, mask, rng):
    mask[:, 39] = 0.5
    laid = on_another_background(photo, mask, rng).astype(float)
    between = (laid[40:160, 38].mean(axis=0) + 225) / 2
    np.testing.assert_allclose(laid[40:160, 39].mean(axis=0), between, atol=12)


def test_a_picture_without_a_garment_can_be_disturbed_too(photo, rng):
    nothing = np.zeros(photo.shape[:2], np.float32)
    for change in (with_logo, with_print, on_another_background):
        assert change(photo, nothing, rng).shape == photo.shape


@pytest.mark.parametrize("columns", [slice(50, 51), slice(50, 53)])
def test_what_is_found_narrower_than_a_letter_can_be_disturbed_too(photo, columns, rng):
    strip = np.zeros(photo.shape[:2], np.float32)
    strip[:, columns] = 1
    for change in (with_logo, with_print, on_another_background):
        assert change(photo, strip, rng).shape == photo.shape
