import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import sobel as reference

from training.model.edges import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN, SobelEdges, edge_maps, sobel


def _sobel(image):
    return np.asarray(sobel(image[None, ..., None].astype(np.float32)))[0, ..., 0]


def test_a_flat_image_has_no_edges():
    assert np.abs(_sobel(np.full((9, 7), 0.7))).max() < 1e-6


def test_a_horizontal_step_gives_a_horizontal_line():
    image = np.zeros((8, 6))
    image[4:] = 1.0
    expected = np.zeros((8, 6))
    expected[3:5] = 1 / np.sqrt(2)  # 4 / (4 sqrt 2)
    assert _sobel(image) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(3, 40), width=st.integers(3, 40))
def test_the_layer_equals_scikit_image_up_to_the_border(seed, height, width):
    image = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    assert np.abs(_sobel(image) - reference(image)).max() < 1e-5


def test_channels_do_not_mix():
    images = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
    together = np.asarray(sobel(images))
    for n in range(2):
        for c in range(3):
            assert np.abs(together[n, ..., c] - reference(images[n, ..., c])).max() < 1e-5


def _scene(tone):
    mask = np.zeros((1, 32, 32, 1), np.float32)
    mask[:, 8:24, 8:24] = 1
    luminance = np.zeros((1, 32, 32, 1), np.float32)
    luminance[:, :, :16] = tone
    return luminance, mask


def test_outline_and_inner_lines_are_what_the_formulas_say():
    luminance, mask = _scene(0.5)
    edges = np.asarray(edge_maps(luminance, mask))[0]
    assert np.allclose(edges[..., 0], np.minimum(OUTLINE_GAIN * reference(mask[0, ..., 0]), 1), atol=1e-5)
    lines = reference(luminance[0, ..., 0]) * mask[0, ..., 0]
    mean = lines.sum() / (mask.sum() + 1)
    expected = np.minimum(lines / (LINES_SPREAD * max(mean, LINES_FLOOR)), 1)
    assert np.allclose(edges[..., 1], expected, atol=1e-5)


def test_inner_lines_do_not_depend_on_contrast_or_on_the_ground():
    strong, mask = _scene(0.9)
    weak, _ = _scene(0.45)
    weak[:, :5] = 1.0  # outside the mask
    assert np.allclose(edge_maps(strong, mask)[..., 1], edge_maps(weak, mask)[..., 1], atol=1e-5)


def test_inverting_the_luminance_changes_nothing():
    luminance, mask = _scene(0.8)
    assert np.allclose(edge_maps(luminance, mask), edge_maps(1 - luminance, mask), atol=1e-5)


def test_the_layer_takes_bytes_and_gives_edges_between_0_and_1():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 2), np.uint8)
    edges = np.asarray(SobelEdges()(keras.ops.convert_to_tensor(pixels)))
    assert edges.shape == (2, 24, 24, 2) and edges.dtype == np.float32
    assert edges.min() >= 0 and edges.max() <= 1
    scaled = pixels.astype(np.float32) / 255
    assert np.allclose(edges, edge_maps(scaled[..., :1], scaled[..., 1:]), atol=1e-6)


def test_a_plain_garment_has_weak_lines_and_not_those_of_its_noise():
    """Mean edges below the floor are divided by the floor, and not by themselves."""
    luminance, mask = _scene(0.04)
    raw = reference(luminance[0, ..., 0]) * mask[0, ..., 0]
    assert 0 < raw.sum() / (mask.sum() + 1) < LINES_FLOOR
    lines = np.asarray(edge_maps(luminance, mask))[0, ..., 1]
    assert np.allclose(lines, raw / (LINES_SPREAD * LINES_FLOOR), atol=1e-5) and lines.max() < 1


def test_a_cut_out_without_a_garment_has_no_lines_and_no_division_by_zero():
    luminance, mask = _scene(0.5)
    edges = np.asarray(edge_maps(luminance, np.zeros_like(mask)))
    assert np.isfinite(edges).all() and edges.max() == 0
