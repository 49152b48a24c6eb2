import numpy as np
import pytest

from training.catalogue.drawn import draw
from training.parts.part_maps import FEATURES, PART_MAP, ZERO, edge_cells, part_map
from training.photo.garment import Garment, isolate

GOLDEN = [[211, 61, 81], [252, 230, 221], [248, 251, 250]]


def garment(mask: np.ndarray, rgb: np.ndarray | None = None, **fields) -> Garment:
    """Make a garment of a mask, bool (128, 128), of one colour unless told."""
    colour = np.full((128, 128, 3), 90, np.uint8) if rgb is None else rgb
    box = fields.pop("box", (0.25, 0.1, 0.75, 0.9))
    return Garment(colour, (mask * 255).astype(np.uint8), box, confidence=1.0, **fields)


def block(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((128, 128), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_record_takes_less_than_two_kilobytes():
    assert PART_MAP.itemsize == 1824
    assert part_map(garment(block(30, 10, 98, 118))).nbytes == 1824


def edges(mask: np.ndarray, rgb: np.ndarray | None = None) -> np.ndarray:
    return edge_cells(garment(mask, rgb).cutout).astype(int)


def test_an_upright_outline_and_a_level_one_are_in_different_channels():
    cells = edges(block(30, 12, 98, 116))
    side, hem = cells[14, 6], cells[27, 14]  # the garment's left side, and its bottom
    assert side.argmax() != hem.argmax()
    assert side[hem.argmax()] == 0 and hem[side.argmax()] == 0
    assert cells[14, 14].sum() == 0, "nothing in the middle of a plain garment"


def test_lines_count_as_much_on_faint_cloth_as_on_contrasting_cloth():
    mask, strong, faint = block(30, 12, 98, 116), *(np.full((128, 128, 3), 120, np.uint8) for _ in range(2))
    strong[64:], faint[64:] = 220, 160
    cells = [edges(mask, rgb) for rgb in (strong, faint)]
    assert np.abs(cells[0] - cells[1]).max() <= 3
    assert cells[0][14, 14, 4:].max() == 128  # of four rows of pixels, one is as strong as can be


def test_the_colour_of_the_background_is_no_edge():
    mask, light = block(30, 12, 98, 116), np.full((128, 128, 3), 90, np.uint8)
    light[~mask] = 255
    plain, bordered = (edges(mask, rgb)[14, 14].sum() for rgb in (None, light))
    assert plain == bordered == 0


def test_features_are_those_that_the_version_stands_for():
    features = part_map(isolate(draw(3, seed=7)[2]))[FEATURES].astype(int)
    assert np.abs(features[2:13:5, 2:13:5, 0] - GOLDEN).max() <= 4, "another network needs another VERSION"
    assert features.std() > 40 and abs(features.mean() - ZERO) < 40


def test_a_record_says_where_the_garment_lies_and_how_its_photograph_was_turned():
    record = part_map(garment(block(30, 12, 98, 116), box=(0.25, 0.125, 0.75, 0.5), turned=270))
    assert record["box"].tolist() == [0.25, 0.125, 0.75, 0.5]
    assert record["inner"].tolist() == [30, 12, 98, 116]
    assert record["turned"] == 3


@pytest.mark.parametrize("filled", [False, True])
def test_a_cut_out_without_an_outline_has_no_edges_and_is_bounded_by_itself(filled):
    record = part_map(garment(np.full((128, 128), filled)))
    assert not edges(np.full((128, 128), filled)).any()
    assert record["inner"].tolist() == [0, 0, 128, 128]
