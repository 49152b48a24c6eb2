import numpy as np
import pytest

from training.segmentation.labels import MIN_AGREEMENT, Label, cut, first_label, iou, next_label


def _box(top, left, bottom, right, *, side=128):
    mask = np.zeros((side, side), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def shirt(make_photo):
    """A shirt, uint8 (128, 128, 3), and where it is."""
    photo = make_photo(side=128)
    return photo, photo[..., 0] < 210


def test_the_overlap_of_two_boxes_is_their_common_area_over_both():
    """Two by two boxes that share one of their seven pixels."""
    assert iou(_box(0, 0, 2, 2, side=4), _box(1, 1, 3, 3, side=4)) == pytest.approx(1 / 7)
    assert iou(_box(0, 0, 2, 2), _box(0, 0, 2, 2)) == 1.0
    assert iou(_box(0, 0, 2, 2), _box(2, 2, 4, 4)) == 0.0
    assert iou(_box(0, 0, 0, 0), _box(0, 0, 0, 0)) == 0.0


@pytest.mark.parametrize(
    ("agreement", "mask", "reliable"),
    [
        (1.0, _box(32, 32, 96, 96), True),
        (MIN_AGREEMENT, _box(32, 32, 96, 96), True),
        (MIN_AGREEMENT - 0.01, _box(32, 32, 96, 96), False),
        (1.0, _box(60, 60, 68, 68), False),  # a speck
        (1.0, _box(2, 2, 126, 126), False),  # nearly the whole picture
    ],
)
def test_a_label_is_reliable_where_two_cuts_agree_on_a_garment_of_some_size(agreement, mask, reliable):
    assert Label(np.zeros((128, 128, 3), np.uint8), mask, agreement).reliable is reliable


@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 60, 160), (30, 30, 30)])
def test_a_plain_shirt_is_found_from_the_middle(make_photo, shirt, colour):
    photo, truth = make_photo(side=128, colour=colour), shirt[1]
    label = first_label(photo)
    assert label.reliable
    assert label.mask.dtype == bool and label.mask.shape == (128, 128)
    assert iou(label.mask, truth) > 0.97
    assert label.photo is photo


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_no_sure_label(value):
    assert not first_label(np.full((128, 128, 3), value, np.uint8)).reliable


def test_noise_has_no_sure_label():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert not first_label(noise).reliable


def test_a_cut_corrects_a_rough_start(shirt):
    photo, truth = shirt
    rough = _box(24, 36, 112, 92)
    assert iou(rough, truth) < 0.7
    assert iou(cut(photo, rough), truth) > 0.97


def test_a_cut_is_repeatable_and_leaves_its_inputs_alone(shirt):
    photo, _ = shirt
    noisy = np.clip(photo + np.random.default_rng(1).normal(0, 12, photo.shape), 0, 255).astype(np.uint8)
    start = _box(24, 36, 112, 92)
    kept = noisy.copy(), start.copy()
    assert np.array_equal(cut(noisy, start), cut(noisy, start))
    assert np.array_equal(noisy, kept[0]) and np.array_equal(start, kept[1])


@pytest.mark.parametrize("share", [False, True])
def test_nothing_and_everything_are_left_as_they_are(shirt, share):
    start = np.full((128, 128), share)
    assert np.array_equal(cut(shirt[0], start), start)


def test_a_second_garment_at_the_edge_is_left_out(shirt):
    photo, truth = shirt
    beside = photo.copy()
    beside[90:126, 4:14] = (200, 30, 40)
    assert iou(first_label(beside).mask, truth) > 0.97


def test_what_a_network_believes_is_improved_and_agreement_says_how_far(shirt):
    photo, truth = shirt
    right = next_label(photo, truth * 0.9 + 0.05)
    assert right.reliable and right.agreement > 0.97 and iou(right.mask, truth) > 0.97
    rough = _box(24, 36, 112, 92)
    improved = next_label(photo, rough.astype(np.float32))
    assert iou(improved.mask, truth) > 0.97
    assert improved.agreement == pytest.approx(iou(rough, truth), abs=0.05)
    assert not improved.reliable


def test_a_network_that_believes_in_nothing_gives_no_sure_label(shirt):
    label = next_label(shirt[0], np.zeros((128, 128), np.float32))
    assert not label.mask.any() and not label.reliable
