import numpy as np
import pytest

from training.photo.boxes import WHOLE, bounds, widened


@pytest.mark.parametrize("size", [(128, 128), (64, 256), (300, 150)])
def test_bounds_are_fractions_of_the_picture_with_its_last_pixels(size):
    height, width = size
    mask = np.zeros(size, bool)
    mask[10:31, 20:45] = mask[50, 60] = True
    assert bounds(mask) == pytest.approx((20 / width, 10 / height, 61 / width, 51 / height))


@pytest.mark.parametrize(
    ("box", "share", "wider"),
    [
        ((0.4, 0.2, 0.6, 0.7), 0.1, (0.38, 0.15, 0.62, 0.75)),
        ((0.1, 0.2, 0.9, 1.0), 0.5, (0, 0, 1, 1)),
        (WHOLE, 0.3, WHOLE),
    ],
)
def test_a_margin_is_a_share_of_the_box_and_ends_with_the_picture(box, share, wider):
    assert widened(box, share) == pytest.approx(wider)
