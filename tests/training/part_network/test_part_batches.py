import numpy as np
import pytest

from training.drawing.drawn_parts import PARTS
from training.drawing.shape import sample_shape
from training.part_network import part_batches
from training.part_network.looks import Looks
from training.part_network.part_batches import PartBatches


def looks(count: int, views: int, *, drawn: bool) -> Looks:
    """Looks of garments, each with its number in every cell."""
    rng = np.random.default_rng(1)
    cells = np.arange(count, dtype=np.uint8)[:, None, None, None, None] * np.ones(
        (1, views, 30, 30, 8), np.uint8
    )
    bounds = np.tile(np.array([1, 1, 14, 14], np.float32), (count, views, 1))
    frames = np.full((count, views, 3 if drawn else 0, 4), 0.25, np.float32)
    frames[..., 2:] = 0.75
    return Looks(cells, bounds, frames, tuple(sample_shape(rng) for _ in range(count)) if drawn else ())


@pytest.fixture(scope="module")
def batches():
    return PartBatches(looks(60, 2, drawn=True), looks(20, 4, drawn=False), steps=3, seed=5)


def test_a_batch_has_two_looks_of_each_garment_side_by_side(batches):
    (cells, windows), gains = batches[0]
    assert len(batches) == 3
    assert cells.shape == (128, 30, 30, 8) and windows.shape == (128, 15, 15) and gains.shape == (128, 128)
    np.testing.assert_array_equal(cells[::2, 0, 0, 0], cells[1::2, 0, 0, 0])
    assert np.isnan(np.diag(gains)).all()
    assert (windows.sum(axis=(1, 2)) > 1).all()


def test_a_known_part_is_worth_what_its_parameters_say_and_is_compared_with_no_photograph(batches):
    (cells, _), gains = batches[0]
    known = np.flatnonzero(np.isnan(gains[:96, 96:]).all(axis=1))
    assert 20 < len(known) < 90
    for row in known:
        shape = batches.drawn.shapes[cells[row, 0, 0, 0]]
        others = np.flatnonzero(~np.isnan(gains[row]))
        assert row not in others and row ^ 1 not in others and len(others) == 94
        worth = [
            [part.gain(shape, batches.drawn.shapes[cells[other, 0, 0, 0]]) for other in others]
            for part in PARTS.values()
            if part.asked_by(shape)
        ]
        assert any(np.allclose(gains[row, others], each) for each in worth)


def test_any_other_part_is_to_be_found_in_the_other_look_alone(batches):
    _, gains = batches[0]
    for row in np.flatnonzero(~np.isnan(gains[:, 127])):
        assert np.flatnonzero(gains[row] == 1).tolist() == [row ^ 1]
        assert np.nansum(gains[row]) == 1


def test_batches_are_the_same_every_time_and_others_in_the_next_epoch(monkeypatch):
    monkeypatch.setattr(part_batches, "DRAWN", 4)
    first, second = (
        PartBatches(looks(60, 2, drawn=True), looks(20, 4, drawn=False), steps=3, seed=5) for _ in range(2)
    )
    np.testing.assert_array_equal(first[1][0][1], second[1][0][1])
    second.on_epoch_end()
    assert (first[1][0][1] != second[1][0][1]).any()
