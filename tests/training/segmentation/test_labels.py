import numpy as np
import pytest
from PIL import Image

from training.catalogue.parsed import UNKNOWN
from training.catalogue.reader import Item
from training.photo.garment_types import CLASSES
from training.segmentation.labels import Label, agreed_mask, iou, laid_out, parsed
from training.segmentation.network import ANY_TYPE


def _box(top, left, bottom, right, *, side=128):
    mask = np.zeros((side, side), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_the_overlap_of_two_boxes_is_their_common_area_over_both():
    """Two by two boxes that share one of their seven pixels."""
    assert iou(_box(0, 0, 2, 2, side=4), _box(1, 1, 3, 3, side=4)) == pytest.approx(1 / 7)
    assert iou(_box(0, 0, 2, 2), _box(0, 0, 2, 2)) == 1.0
    assert iou(_box(0, 0, 2, 2), _box(2, 2, 4, 4)) == 0.0
    assert iou(_box(0, 0, 0, 0), _box(0, 0, 0, 0)) == 0.0


def test_what_counts_as_garment_is_neither_person_nor_ground_nor_unknown():
    classes = np.array([[0, 1, 2, 9, ANY_TYPE, UNKNOWN]], np.uint8)
    label = Label(np.zeros((1, 6, 3), np.uint8), classes)
    assert label.garment.tolist() == [[False, False, True, True, True, False]]


def _by_tone(photo):
    """A teacher that sees a small garment in a bright picture, and a larger one in any other."""
    mask = _box(40, 40, 88, 88) if photo.mean() > 150 else _box(40, 40, 88, 100)
    return mask.astype(np.float32)


def test_the_mask_is_the_one_that_most_views_agree_with():
    bright = np.full((128, 128, 3), 200, np.uint8)  # its negative is dark, grey and mirrored it is bright
    mask, agreement = agreed_mask(bright, _by_tone)
    assert np.array_equal(mask, _box(40, 40, 88, 88))
    assert agreement == pytest.approx((1 + 0.8) / 2, abs=0.12)


def test_a_mirrored_view_is_compared_where_it_belongs():
    """The teacher finds the left half of what it is shown, so that the mirrored view disagrees with all."""
    left = np.zeros((128, 128), np.float32)
    left[30:90, 10:60] = 1
    mask, agreement = agreed_mask(np.zeros((128, 128, 3), np.uint8), lambda photo: left)
    assert np.array_equal(mask, left > 0)
    assert agreement == pytest.approx(2 / 3)


@pytest.fixture
def item(tmp_path, make_photo):
    Image.fromarray(make_photo(side=300)).save(tmp_path / "shirt.png")
    return Item("shirt", tmp_path / "shirt.png", {"category": "T-shirts"})


def test_a_teacher_whose_views_agree_labels_a_photograph(item):
    middle = _box(30, 34, 100, 94).astype(np.float32)  # the same in the mirror
    label = laid_out(item, lambda photo: middle)
    rows, columns = np.nonzero(label.garment)
    assert (rows.min(), rows.max() + 1) == (60, 200) and (columns.min(), columns.max() + 1) == (68, 188)
    assert set(np.unique(label.classes)) == {0, CLASSES.index("upper")}


@pytest.mark.parametrize("category", [None, "", "sale"])
def test_a_garment_of_an_unknown_category_is_a_garment_of_any_type(item, category):
    other = Item(item.item_id, item.path, {"category": category})
    label = laid_out(other, lambda photo: _box(30, 34, 100, 94).astype(np.float32))
    assert set(np.unique(label.classes)) == {0, ANY_TYPE}


@pytest.mark.parametrize(
    "box", [(60, 60, 68, 68), (1, 1, 127, 127), (0, 0, 0, 0)], ids=["a speck", "nearly all", "nothing"]
)
def test_a_garment_of_no_likely_size_is_left_out(item, box):
    assert laid_out(item, lambda photo: _box(*box).astype(np.float32)) is None


def test_a_photograph_whose_views_do_not_agree_is_left_out(item):
    left = _box(20, 10, 100, 60).astype(np.float32)
    assert laid_out(item, lambda photo: left) is None


def test_a_parsed_photograph_keeps_its_proportions_and_its_classes(tmp_path):
    table = np.full(256, UNKNOWN, np.uint8)
    table[[0, 7, 9]] = 0, 1, 5
    labels = np.zeros((600, 400), np.uint8)
    labels[100:500, 100:300] = 9
    labels[:100, 150:250] = 7
    labels[550:] = 33
    Image.fromarray(labels).save(tmp_path / "1.png")
    Image.fromarray(np.zeros((600, 400, 3), np.uint8)).save(tmp_path / "1.jpg")
    label = parsed(Item("1", tmp_path / "1.jpg", {"mask": "1.png"}), table, tmp_path)
    assert label.photo.shape[:2] == label.classes.shape
    assert max(label.classes.shape) <= 400 and label.classes.shape[0] / label.classes.shape[1] == 1.5
    shares = [(label.classes == value).mean() for value in (1, 5, UNKNOWN)]
    assert shares == pytest.approx([1 / 24, 1 / 3, 1 / 12], abs=0.01)
