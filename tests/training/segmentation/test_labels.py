from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from training.catalogue.parsed import UNKNOWN
from training.catalogue.reader import Item
from training.photo.garment_types import CLASSES
from training.photo.images import decode
from training.photo.segmenter import Parse, Segmenter, shipped
from training.segmentation.labels import (
    WORN_SIDE,
    Label,
    agreed_mask,
    iou,
    labelled,
    laid_out,
    parsed,
    photographed,
)
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


OUTFIT = {"person": (105, 5, 155, 60), "upper": (80, 62, 160, 132), "trousers": (90, 140, 150, 360)}


@pytest.fixture
def dressed(wearing, tmp_path, monkeypatch):
    """A photograph of somebody in a shirt and trousers, who is seen without colours, too, and mirrored."""
    photo = np.array(wearing.photo(**OUTFIT))
    seen = wearing.parse(photo)
    mirrored = Parse(*(layer[:, ::-1] for layer in seen.maps))

    def parse(_, view):
        return seen if np.abs(view.mean(axis=-1) - photo.mean(axis=-1)).max() < 2 else mirrored

    def item(category):
        Image.fromarray(photo).save(tmp_path / "dressed.png")
        return Item("dressed", tmp_path / "dressed.png", {"category": category})

    monkeypatch.setattr(Segmenter, "parse", parse)
    return item


@pytest.mark.parametrize("category", ["jeans", "shirts", None])
def test_what_somebody_wears_is_labelled_by_types_and_beside_it_the_person(dressed, category):
    label = photographed(dressed(category), shipped())
    assert label.photo.shape[:2] == label.classes.shape == (380, 240)  # in its proportions
    for name, (left, top, right, bottom) in OUTFIT.items():
        inside = label.classes[top + 8 : bottom - 8, left + 8 : right - 8]
        assert (inside == CLASSES.index(name)).all()
    assert (label.classes[:, :60] == 0).all() and not label.alone


def test_where_the_category_is_not_seen_the_garments_are_of_any_type(dressed):
    label = photographed(dressed("skirts"), shipped())
    assert set(np.unique(label.classes[label.garment])) == {ANY_TYPE}
    assert (label.classes == CLASSES.index("person")).any()


def test_a_person_who_is_seen_otherwise_in_the_mirror_is_left_out(dressed, monkeypatch):
    item, parse = dressed("jeans"), Segmenter.parse
    photo = decode(item.path, size=WORN_SIDE)

    def unsure(segmenter, view):
        seen = parse(segmenter, view)
        same = view.shape == photo.shape and np.array_equal(view, photo)
        return seen if same else replace(seen, types=np.roll(seen.types, 1, axis=-1))

    monkeypatch.setattr(Segmenter, "parse", unsure)
    assert photographed(item, shipped()) is None


def test_a_garment_alone_is_labelled_as_before(item):
    label = photographed(item, shipped())
    before = laid_out(item, lambda view: shipped().parse(view).garment)
    assert label.alone and np.array_equal(label.classes, before.classes)
    assert label.photo.shape == (256, 256, 3)


def test_a_picture_of_labels_is_taken_where_there_is_one(dressed, tmp_path):
    Image.fromarray(np.full((380, 240), 7, np.uint8)).save(tmp_path / "labels.png")
    table = np.full(256, UNKNOWN, np.uint8)
    table[7] = CLASSES.index("outer")
    place = {"segmenter": shipped(), "table": table, "root": tmp_path}
    item = dressed("jeans")
    by_hand = Item(item.item_id, item.path, {**item.metadata, "mask": "labels.png"})
    assert set(np.unique(labelled(by_hand, **place).classes)) == {CLASSES.index("outer")}
    assert CLASSES.index("trousers") in labelled(item, **place).classes
