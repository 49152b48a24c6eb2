"""Where parts are found, by features that are the edges themselves: whatever the network has learned."""

import numpy as np
import pytest

from tests.training.parts.test_part_maps import block, garment
from training.errors import PartEmpty
from training.parts import part_maps
from training.parts.part_maps import CELLS, CHANNELS, PART_MAP, part_map
from training.parts.part_matching import Part, mixed
from training.photo.garment import Garment


def notched(x: int, depth: int) -> np.ndarray:
    """Return a block with a notch in its upper side, 16 wide around `x`."""
    mask = block(16, 8, 112, 120)
    mask[8 : 8 + depth, x - 8 : x + 8] = False
    return mask


class Edges:
    """In place of the network: the edges of two by two cells, as features."""

    def run(self, cells: np.ndarray) -> np.ndarray:
        return (cells / np.float32(255)).reshape(-1, CELLS, 2, CELLS, 2, CHANNELS).mean(axis=(2, 4))


@pytest.fixture(autouse=True)
def edges(monkeypatch):
    monkeypatch.setattr(part_maps, "_network", Edges)


def maps(*garments: Garment) -> np.ndarray:
    return np.array([part_map(each) for each in garments])


NOTCH = (0.3, 0.0, 0.7, 0.35)


def test_a_part_is_found_in_its_own_garment_where_it_was_marked():
    whole = garment(notched(64, 24), box=(0.0, 0.0, 1.0, 1.0))
    match = Part(whole, NOTCH).find(maps(whole))
    assert match.scores[0] == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(match.boxes()[0], NOTCH, atol=0.02)


def test_a_garment_without_the_part_scores_less_than_one_that_has_it_elsewhere():
    asked = Part(garment(notched(64, 24)), NOTCH)
    moved, missing = asked.find(maps(garment(notched(80, 24)), garment(notched(64, 0)))).scores
    assert moved > missing + 0.2


def test_a_part_is_found_where_it_has_moved_to():
    frame = (0.0, 0.0, 1.0, 1.0)
    match = Part(garment(notched(64, 24), box=frame), NOTCH).find(maps(garment(notched(80, 24), box=frame)))
    left, top, right, bottom = match.boxes()[0]
    assert (left + right) / 2 == pytest.approx((80 - 16) / 96, abs=0.03)
    assert (top + bottom) / 2 == pytest.approx(0.175, abs=0.03)


def test_a_deeper_notch_is_less_alike_than_an_equal_one():
    asked = Part(garment(notched(64, 24)), NOTCH)
    equal, deeper = asked.find(maps(garment(notched(64, 24)), garment(notched(64, 48)))).scores
    assert equal > deeper + 0.1


def test_boxes_are_fractions_of_the_photograph():
    match = Part(garment(notched(64, 24)), NOTCH).find(
        maps(garment(notched(64, 24), box=(0.5, 0.2, 0.9, 0.6)))
    )
    np.testing.assert_allclose(match.boxes()[0], [0.62, 0.2, 0.78, 0.34], atol=0.02)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_part_is_told_in_the_photograph_as_it_was_before_it_was_turned(turned):
    lying = garment(notched(64, 24), box=(0.0, 0.0, 1.0, 1.0), turned=turned)
    as_it_lies = {
        0: (0.3, 0.0, 0.7, 0.35),
        90: (0.0, 0.3, 0.35, 0.7),
        180: (0.3, 0.65, 0.7, 1.0),
        270: (0.65, 0.3, 1.0, 0.7),
    }[turned]
    upright = garment(notched(64, 24), box=(0.0, 0.0, 1.0, 1.0))
    match = Part(lying, as_it_lies).find(maps(lying, upright))
    np.testing.assert_allclose(match.boxes(), [as_it_lies, NOTCH], atol=0.02)
    np.testing.assert_allclose(match.scores, 1, atol=1e-3)


def test_a_garment_without_a_map_scores_nothing_and_has_no_box():
    match = Part(garment(notched(64, 24)), NOTCH).find(np.zeros(1, PART_MAP))
    assert match.scores.tolist() == [0]
    assert np.isnan(match.boxes()).all()


def test_where_nothing_of_a_part_is_there_is_no_box():
    match = Part(garment(notched(64, 24)), NOTCH).find(maps(garment(block(16, 100, 112, 120))))
    assert match.scores.tolist() == [0]
    assert np.isnan(match.boxes()).all()


def test_of_no_garments_there_are_no_scores():
    match = Part(garment(notched(64, 24)), NOTCH).find(np.zeros(0, PART_MAP))
    assert match.scores.shape == (0,) and match.boxes().shape == (0, 4)


def test_among_garments_that_are_alike_enough_the_part_decides_alone():
    whole, part = np.array([0.95, 0.61, 0.60, 0.59]), np.array([0.5, 0.6, 0.7, 0.7])
    assert mixed(whole, part, 0.6) == pytest.approx([0.54, 0.60, 0.66, 0.656])
    assert mixed(whole, part, 1.0).tolist() == part.tolist()


def test_a_part_without_edges_is_refused():
    with pytest.raises(PartEmpty, match="no edge in the part"):
        Part(garment(notched(64, 24)), (0.4, 0.5, 0.6, 0.7))


def test_what_is_asked_and_searched_stays_as_it_is():
    whole = garment(notched(64, 24))
    stored = maps(whole)
    before = stored.copy()
    Part(whole, NOTCH).find(stored)
    assert stored.tobytes() == before.tobytes()
