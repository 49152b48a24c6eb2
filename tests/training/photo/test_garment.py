import numpy as np
import pytest

from training.catalogue.drawn import render, render_mask
from training.catalogue.reader import read_catalogue
from training.drawing.appearance import sample_appearance
from training.drawing.shape import sample_shape
from training.errors import UnreadableImage
from training.parallel import in_order
from training.photo import garment, regions
from training.photo.boxes import WHOLE
from training.photo.garment import MIN_CONFIDENCE, SIDE, Garment, encoder_input, isolate, read_garment
from training.photo.garment_types import TYPES
from training.photo.segmenter import shipped


def _overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_a_plain_garment_is_found_where_it_is(photo):
    garment = isolate(photo)
    assert garment.found and garment.confidence > 0.5
    assert garment.box == pytest.approx((0.2, 0.25, 0.8, 0.8125), abs=0.02)


def test_the_cut_out_is_square_centred_and_fills_all_but_a_margin(photo):
    garment = isolate(photo)
    assert garment.rgb.shape == (SIDE, SIDE, 3) and garment.mask.shape == (SIDE, SIDE)
    rows, columns = (np.flatnonzero((garment.mask > 127).any(axis)) for axis in (1, 0))
    assert (rows[0] + rows[-1]) / 2 == pytest.approx((SIDE - 1) / 2, abs=2)
    assert (columns[0] + columns[-1]) / 2 == pytest.approx((SIDE - 1) / 2, abs=2)
    assert columns[-1] - columns[0] + 1 == pytest.approx(SIDE / 1.12, abs=3)


def test_the_cut_out_does_not_depend_on_where_the_garment_lies(photo, make_photo):
    moved = np.full((300, 300, 3), (225, 225, 220), np.uint8)
    moved[55:295, 10:250] = photo
    assert _overlap(*(isolate(picture).mask > 127 for picture in (photo, moved))) > 0.9


def test_a_recoloured_garment_has_the_same_mask(make_photo):
    red, *others = (
        isolate(make_photo(colour=colour)).mask > 127 for colour in ((200, 30, 40), (20, 60, 160), (9, 9, 9))
    )
    assert min(_overlap(red, other) for other in others) > 0.9


def test_the_input_is_not_modified(photo):
    before = photo.copy()
    isolate(photo)
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_has_no_garment_and_is_taken_whole(value):
    garment = isolate(np.full((90, 60, 3), value, np.uint8))
    assert not garment.found
    assert garment.confidence == 0.0
    assert garment.box == (0.0, 0.0, 1.0, 1.0)
    assert garment.mask[SIDE // 2, SIDE // 2] == 255


@pytest.mark.parametrize("seed", range(4))
def test_pure_noise_is_less_sure_than_99_of_100_photographs(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (120, 120, 3), np.uint8)
    assert isolate(noise).confidence < 0.71


def test_drawn_garments_are_cut_out_along_their_true_outline():
    overlaps = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shape, appearance = sample_shape(rng), sample_appearance(rng)
        truth = render_mask(shape, appearance)
        garment = isolate(render(shape, appearance))
        height, width = truth.shape
        left, top, right, bottom = (
            edge * side for edge, side in zip(garment.box, (width, height) * 2, strict=True)
        )
        rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
        found = np.zeros_like(truth)
        found[round(top) : round(bottom), round(left) : round(right)] = True
        box = np.zeros_like(truth)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        overlaps.append(_overlap(found, box))
    assert np.median(overlaps) > 0.9


def test_the_encoder_sees_rounded_luminance_and_mask():
    cutout = np.zeros((1, SIDE, SIDE, 4), np.uint8)
    cutout[0, 0, 0] = (255, 0, 0, 7)
    cutout[0, 0, 1] = (255, 255, 255, 255)
    seen = encoder_input(cutout)
    assert seen.dtype == np.uint8 and seen.shape == (1, SIDE, SIDE, 2)
    assert seen[0, 0, 0].tolist() == [54, 7]  # 0.2125 * 255
    assert seen[0, 0, 1].tolist() == [255, 255]


def test_many_photographs_come_back_in_order_with_their_errors(tmp_path, photo, make_photo, encode_image):
    paths = [tmp_path / name for name in ("a.png", "b.jpg", "c.png", "gone.png")]
    paths[0].write_bytes(encode_image(photo))
    paths[1].write_text("text")
    paths[2].write_bytes(encode_image(make_photo(side=160)))
    for processes in (1, 2):
        results = list(in_order(read_garment, paths, processes=processes))
        assert [type(r) is Garment for r in results] == [True, False, True, False]
        assert all(isinstance(results[i], UnreadableImage) for i in (1, 3))
        assert np.array_equal(results[0].mask, read_garment(paths[0]).mask)
        assert results[0].cutout.shape == (SIDE, SIDE, 4)


def test_most_real_photographs_show_a_garment(clothing):
    items = read_catalogue(f"{clothing}?split=validation").items[::16]
    garments = list(in_order(read_garment, [item.path for item in items]))
    assert np.mean([garment.found for garment in garments]) > 0.9


def test_the_cut_out_of_a_known_picture_is_the_known_one():
    """Vectors outlive a release: a cut-out that comes out otherwise wants another preprocessing version."""
    photo = np.full((300, 240, 3), 235, np.uint8)
    photo[60:240, 70:170] = photo[60:110, 40:200] = (40, 70, 120)
    garment = isolate(photo)
    assert garment.box == pytest.approx((0.164, 0.195, 0.836, 0.803), abs=0.006)
    fields = (garment.mask / 255).reshape(8, 16, 8, 16).mean((1, 3))
    rows = ["-+++++++", "-#######", "-+####+-", "--####--", "--####--", "--####--", "--####--", "--++++--"]
    level = {"-": 0.0, "+": 0.51, "#": 0.97}
    expected = np.array([[level[sign] for sign in row] for row in rows])
    expected[0, 7], expected[1, 7], expected[1, 0] = 0.04, 0.12, 0.1
    assert np.abs(fields - expected).max() < 0.1


def test_a_mask_is_softened_alike_in_both_directions():
    mask = np.zeros((64, 64), bool)
    mask[10:30, 20:50] = True
    soft = garment._softened(mask)
    assert np.array_equal(garment._softened(mask.T), soft.T)
    assert 0 < soft[9, 35] < 128 < soft[10, 35] < 255 and 0 < soft[20, 19] < 128 < soft[20, 20] < 255


@pytest.mark.parametrize(("confidence", "found"), [(MIN_CONFIDENCE, True), (MIN_CONFIDENCE - 1e-6, False)])
def test_from_the_least_confidence_on_a_garment_counts_as_found(monkeypatch, photo, confidence, found):
    monkeypatch.setattr(regions, "_expected_iou", lambda *_: confidence)
    cut = isolate(photo)
    assert cut.found is found and (cut.box != WHOLE) is found


def region(box, confidence=0.9, kind="dress", worn=False):
    """A garment in a box of top, left, bottom, right of a mask of side 128."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return regions.Region(kind, mask, confidence, worn)


@pytest.mark.parametrize("confidence", [0.0, 0.499, 0.5, 0.699, 0.7, 1.0])
def test_a_garment_is_found_from_one_half_on_and_uncertain_below_seven_tenths(confidence):
    empty = np.zeros((SIDE, SIDE), np.uint8)
    cut = Garment(np.dstack([empty] * 3), empty, WHOLE, confidence)
    assert (cut.found, cut.uncertain) == (confidence >= 0.5, 0.5 <= confidence < 0.7)
    assert (cut.type, cut.worn, cut.turned) == ("", False, 0)


def test_the_cut_out_has_the_type_of_its_region_and_its_mask_soft_at_the_outline_alone():
    photo = np.full((200, 200, 3), 90, np.uint8)
    cut = garment.cut_out(photo, region((32, 32, 96, 96), 0.9, "hat", worn=True), 0)
    assert (cut.type, cut.worn, cut.confidence, cut.box) == ("hat", True, 0.9, (0.25, 0.25, 0.75, 0.75))
    edge = SIDE * 0.06 / 1.12  # and the mask is soft over three of its own pixels
    assert (cut.mask[round(edge) + 6 : -round(edge) - 6, 64] == 255).all()
    assert not cut.mask[0].any() and cut.rgb[64, 64].tolist() == [90, 90, 90]
    unsure = garment.cut_out(photo, region((32, 32, 96, 96), 0.4, "hat"), 0)
    assert (unsure.box, unsure.type, unsure.confidence) == (WHOLE, "hat", 0.4)
    assert (unsure.mask[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4] == 255).all()


def test_where_no_garment_is_found_all_types_are_as_likely():
    shares = garment.cut_out(np.full((200, 200, 3), 90, np.uint8), None).type_shares
    assert len(shares) == len(TYPES) and sum(shares) == pytest.approx(1.0) and len(set(shares)) == 1


def test_an_item_s_garments_are_those_that_are_sure_enough_first_the_one_of_its_type(monkeypatch):
    found = [region((10, 10, 90, 60), 0.9, "upper"), region((20, 70, 90, 110), 0.49, "outer"),
             region((20, 70, 90, 110), 0.5, "skirt"), region((20, 70, 60, 110), 0.8, "skirt")]  # fmt: skip
    monkeypatch.setattr(garment, "find_upright", lambda *_: (list(found), 0))
    photo = np.zeros((64, 64, 3), np.uint8)
    cuts = {
        kind: [(cut.type, cut.confidence) for cut in garment.item_garments(photo, kind, shipped())]
        for kind in (None, "skirt", "hat", "outer")
    }
    upper, skirts = [("upper", 0.9)], [("skirt", 0.5), ("skirt", 0.8)]
    assert cuts == {
        None: upper + skirts,
        "skirt": [skirts[0], *upper, skirts[1]],
        "hat": upper + skirts,
        "outer": upper + skirts,
    }
    for kind, expected in cuts.items():
        assert (isolate(photo, kind).type, isolate(photo, kind).confidence) == expected[0]


def test_luminance_is_rounded_and_not_cut_off():
    cutout = np.zeros((1, SIDE, SIDE, 4), np.uint8)
    cutout[0, 0, :3, :3] = (0, 1, 0), (1, 0, 0), (3, 0, 0)  # 0.7154, 0.2125 and 0.6375
    assert encoder_input(cutout)[0, 0, :3, 0].tolist() == [1, 0, 1]
