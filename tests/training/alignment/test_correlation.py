import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import correlate
from skimage.feature import match_template
from skimage.registration._masked_phase_cross_correlation import cross_correlate_masked

from training.alignment.correlation import (
    best_shift,
    correlation_nearby,
    cross_correlation,
    normalised_correlation,
    translation,
)

SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def pictures(shape):
    return arrays(np.float64, shape, elements=st.floats(-1, 1, width=32))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


@given(SIDES.flatmap(pictures), SIDES.flatmap(pictures))
def test_the_product_of_spectra_is_the_direct_correlation(image, template):
    direct = correlate(image, template, mode="full", method="direct")
    assert np.allclose(cross_correlation(image, template), direct, atol=1e-6)


def test_one_template_meets_many_images():
    images, template = noise(5, 12, 10), noise(4, 3, seed=1)
    each = np.stack([correlate(image, template, mode="full") for image in images])
    assert np.allclose(cross_correlation(images, template), each)


def test_nearby_shifts_are_the_middle_of_all_and_channels_are_added():
    fixed, moving = noise(4, 2, 9, 12), noise(2, 9, 12, seed=1)
    whole = cross_correlation(fixed, moving).sum(axis=1)
    assert np.allclose(correlation_nearby(fixed, moving, reach=(5, 5)), whole[:, 3:14, 6:17])
    assert np.allclose(correlation_nearby(fixed, moving, reach=(8, 3)), whole[:, :, 8:15])


def test_single_precision_stays_single():
    assert cross_correlation(noise(8, 8).astype(np.float32), noise(3, 3)[:2].astype(np.float32)).dtype == "f4"


def test_where_a_template_lies_within_the_image_it_is_matched_as_by_scikit_image():
    image, template = noise(40, 30), noise(7, 5, seed=1)
    inner = normalised_correlation(image, template)[6:40, 4:30]
    assert np.allclose(inner, match_template(image, template), atol=1e-6)


def test_masked_it_is_what_scikit_image_finds():
    image, template = noise(20, 24), noise(9, 8, seed=1)
    masks = noise(20, 24, seed=2) > 0.3, noise(9, 8, seed=3) > 0.3
    found = normalised_correlation(image, template, image_mask=masks[0], template_mask=masks[1])
    known = cross_correlate_masked(image, template, *masks, mode="full", axes=(0, 1), overlap_ratio=0.3)
    assert np.allclose(found, known, atol=1e-6)


def test_a_part_correlates_fully_with_where_it_was_cut_from():
    image = noise(3, 32, 32)
    part = image[1, 7:17, 9:22]
    scores = normalised_correlation(image, part)
    assert scores.max(axis=(1, 2)).argmax() == 1
    assert scores[1].max() == pytest.approx(1)
    assert best_shift(scores, part.shape)[1].tolist() == [7, 9]


def test_brightness_and_contrast_do_not_matter_and_flat_pictures_match_nothing():
    image = noise(20, 20)
    part = 3 * image[4:12, 4:12] + 7
    assert normalised_correlation(image, part).max() == pytest.approx(1)
    assert not normalised_correlation(image, np.full((8, 8), 0.7)).any()
    assert not normalised_correlation(np.zeros((20, 20)), part).any()


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_a_shifted_copy_is_found_to_the_pixel(down, right):
    fixed, moving = np.zeros((2, 1, 48, 48))
    moving[0, 16:32, 14:34] = noise(16, 20)
    fixed[0] = np.roll(moving[0], (down, right), (0, 1))
    assert translation(fixed, moving, reach=(9, 9)).tolist() == [down, right]


@pytest.mark.parametrize(("down", "right"), [(0.25, -0.5), (3.125, 2.875), (-5.375, 0.0), (0.0, 0.0)])
def test_a_fraction_of_a_pixel_is_found_by_upsampling(down, right):
    rows, columns = np.mgrid[:64, :64]

    def hill(y, x):
        return np.exp(-((rows - y) ** 2 / 40 + (columns - x) ** 2 / 18))

    moving = np.stack([hill(30, 33), hill(40, 28)])
    fixed = np.stack([hill(30 + down, 33 + right), hill(40 + down, 28 + right)])
    assert translation(fixed, moving, reach=(9, 9), upsample=8).tolist() == [down, right]
    assert np.abs(translation(fixed, moving, reach=(9, 9)) - (down, right)).max() <= 0.5


def test_nothing_wraps_around():
    image = np.zeros((16, 16))
    image[0, 0] = 1
    template = np.zeros((4, 4))
    template[3, 3] = 1
    assert best_shift(cross_correlation(image, template), template.shape).tolist() == [-3, -3]
