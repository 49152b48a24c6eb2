import numpy as np
import pytest

from training.parts.part_maps import CELLS, CHANNELS
from training.parts.whitening import FILE, SPAN, Whitening, learned, shipped, write

MIDDLE = SPAN * SPAN // 2


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 20, (count, CELLS, CELLS, CHANNELS))


def test_of_edges_that_say_nothing_of_each_other_only_the_mean_is_taken_off():
    found = learned(noise(40))
    assert found.mean == pytest.approx(100, abs=1)
    kernel = found.kernel.reshape(SPAN, SPAN, CHANNELS, CHANNELS)
    np.testing.assert_allclose(kernel[2, 2], np.eye(CHANNELS) / 2, atol=0.05)  # half of it is regularisation
    kernel[2, 2] = 0
    assert np.abs(kernel).max() < 0.05


def test_what_neighbours_share_counts_less_than_what_one_has_alone():
    edges = noise(60)
    shared = np.random.default_rng(1).normal(0, 60, (60, CELLS, 1, 1))
    found = learned(edges + shared)  # a row is bright or dark as a whole
    row, point = (np.full((CELLS, CELLS, CHANNELS), found.mean, np.float32) for _ in range(2))
    row[7] += 50
    point[7, 7, 0] += 50
    assert np.abs(found.of(row)[7, 7]).max() < 0.2 * found.of(point)[7, 7, 0]


def test_a_kernel_is_laid_on_each_cell_with_the_mean_beyond_the_grid():
    kernel = np.zeros((SPAN * SPAN, CHANNELS, CHANNELS), np.float32)
    kernel[MIDDLE + 1] = np.eye(CHANNELS)  # the right neighbour
    whitening = Whitening(np.full(CHANNELS, 10, np.float32), kernel.reshape(-1, CHANNELS))
    edges = noise(1)[0].astype(np.float32)
    before = edges.copy()
    found = whitening.of(edges)
    np.testing.assert_allclose(found[:, :-1], edges[:, 1:] - 10, rtol=1e-5)
    assert not found[:, -1].any()
    np.testing.assert_array_equal(edges, before)


def test_what_is_written_is_read_as_it_was(tmp_path):
    found = learned(noise(10))
    write(found, tmp_path / FILE.name)
    with np.load(tmp_path / FILE.name) as stored:
        np.testing.assert_array_equal(stored["mean"], found.mean)
        np.testing.assert_array_equal(stored["kernel"], found.kernel)


def test_the_one_that_ships_is_of_whole_garments_whose_mirror_image_is_as_likely():
    """The third and eighth directions run upwards to the right, the first and fifth along a side."""
    assert shipped().kernel.shape == (SPAN * SPAN * CHANNELS, CHANNELS)
    kernel = shipped().kernel.reshape(SPAN, SPAN, CHANNELS, CHANNELS)
    mirrored = kernel[:, ::-1][:, :, [0, 3, 2, 1, 4, 7, 6, 5]][..., [0, 3, 2, 1, 4, 7, 6, 5]]
    assert np.abs(kernel - mirrored).max() < 0.1 * np.abs(kernel).max()
    assert FILE.stat().st_size < 8_000
