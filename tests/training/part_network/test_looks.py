import numpy as np
import pytest

from training.drawing.drawn_parts import PARTS
from training.part_network.looks import drawn_looks, photograph_looks
from training.photo.segmenter import shipped


@pytest.fixture(scope="module")
def drawn():
    return drawn_looks(8, segmenter=shipped(), processes=1)


def test_two_looks_of_a_garment_have_one_shape_and_their_own_edges(drawn):
    assert len(drawn) == len(drawn.shapes) <= 8
    assert drawn.cells.shape[1:] == (2, 30, 30, 8)
    assert (drawn.cells[:, 0] != drawn.cells[:, 1]).any(axis=(1, 2, 3)).all()
    assert len(set(drawn.shapes)) == len(drawn)


def test_parts_are_framed_in_garments_that_can_ask_by_them_and_in_no_others(drawn):
    for shape, frames in zip(drawn.shapes, drawn.frames, strict=True):
        for part, framed in zip(PARTS.values(), np.moveaxis(frames, 1, 0), strict=True):
            assert np.isnan(framed).all() != part.asked_by(shape)
            if part.asked_by(shape):
                assert (framed[:, :2] < framed[:, 2:]).all()
    assert any(PARTS["neckline"].asked_by(shape) for shape in drawn.shapes)
    assert not all(PARTS["neckline"].asked_by(shape) for shape in drawn.shapes)


def test_looks_are_drawn_alike_every_time(drawn):
    again = drawn_looks(2, segmenter=shipped(), processes=1)
    np.testing.assert_array_equal(again.cells, drawn.cells[:2])


def test_a_mirrored_view_of_a_photograph_is_turned_back():
    cutout = np.zeros((128, 128, 4), np.uint8)
    cutout[20:110, 30:60], cutout[20:50, 60:110] = 255, 255  # an L
    looks = photograph_looks(np.stack([[cutout, cutout[:, ::-1], cutout]]), processes=1)
    np.testing.assert_array_equal(looks.cells[0, 1], looks.cells[0, 0])
    np.testing.assert_allclose(looks.bounds[0], looks.bounds[0, :1].repeat(3, axis=0))
