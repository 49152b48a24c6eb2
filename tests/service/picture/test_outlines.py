import numpy as np
import pytest
from skimage.measure import approximate_polygon, find_contours

from service.picture.outlines import _TOLERANCE, _simplified, outlines


def rectangle(top, bottom, left, right):
    mask = np.zeros((128, 128), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def test_the_outline_of_a_rectangle_runs_along_its_edges():
    (line,) = outlines(rectangle(10, 50, 20, 100))
    assert np.allclose(line.min(axis=0), [20, 10], atol=0.01)
    assert np.allclose(line.max(axis=0), [100, 50], atol=0.01)
    assert np.array_equal(line[0], line[-1])
    assert len(line) <= 9  # the corners, cut off by half a pixel


def test_a_mask_that_fills_the_square_has_a_closed_outline():
    (line,) = outlines(np.full((128, 128), 255, np.uint8))
    assert np.allclose([line.min(), line.max()], [0, 128], atol=0.01)


def test_a_hole_is_a_line_of_its_own_and_a_speck_is_none():
    mask = rectangle(10, 100, 10, 100)
    mask[40:60, 40:60] = 0
    mask[120, 120] = 255
    assert len(outlines(mask)) == 2


def test_an_empty_mask_has_no_outline():
    assert outlines(np.zeros((128, 128), np.uint8)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_line_keeps_the_points_that_scikit_image_would_keep(seed):
    rows, columns = np.mgrid[:128, :128]
    waves = np.sin(rows / 7 + seed) + np.cos(columns / (5 + seed))
    for line in find_contours(waves, 0.3):
        assert np.array_equal(_simplified(line), approximate_polygon(line, _TOLERANCE))
