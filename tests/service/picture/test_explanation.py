import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from service.picture.explanation import draw, sentence
from training.alignment.agreement import PARTS, Agreement, PartAgreement
from training.alignment.registration import Similarity

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def same():
    """Two garments that agree in all but have no inner lines."""
    parts = dict.fromkeys(PARTS, PartAgreement(0.95, 0.0))
    return Agreement(Similarity(), 0.95, parts, (), None, np.zeros((96, 96), np.float32))


def rectangle(top, bottom, left, right):
    mask = np.zeros((128, 128), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def extents(svg):
    """The leftmost, topmost, rightmost and lowest point of each path with a name."""
    found = {}
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("id"):
            numbers = np.array(re.findall(r"-?[\d.]+", path.get("d")), float).reshape(-1, 2)
            found[path.get("id")] = (*numbers.min(axis=0), *numbers.max(axis=0))
    return found


def test_the_query_stays_where_it_is_and_the_result_is_laid_on_it(same):
    masks = rectangle(10, 50, 20, 100), rectangle(30, 90, 40, 60)
    moved = replace(same, transform=Similarity(scale=0.5, down=3, right=-5))
    paths = extents(draw(*masks, moved))
    assert paths["query"] == pytest.approx((52, 42, 132, 82), abs=0.1)  # with 32 of room around
    assert paths["result"] == pytest.approx((79, 82, 89, 112), abs=0.1)


def test_all_of_both_is_in_the_view(same):
    mask = rectangle(2, 126, 2, 126)
    svg = draw(mask, mask, replace(same, transform=Similarity(scale=1.4, down=20)))
    left, top, width, height = map(float, re.search(r'viewBox="([^"]+)"', svg)[1].split())
    for box in extents(svg).values():
        assert left < box[0] and top < box[1] and box[2] < left + width and box[3] < top + height


def test_where_inner_lines_agree_is_filled_the_more_the_surer(same):
    heat = np.zeros((96, 96), np.float32)
    heat[40:60, 40:60] = 0.2
    heat[45:50, 45:50] = 0.9
    (lines,) = ElementTree.fromstring(
        draw(rectangle(10, 120, 10, 120), rectangle(10, 120, 10, 120), replace(same, heat=heat))
    ).iter(f"{SVG}g")
    assert len(list(lines)) == 3
    assert not re.search("<g[^>]*><path", draw(rectangle(9, 99, 9, 99), rectangle(9, 99, 9, 99), same))


def test_a_drawing_has_the_sentence_for_those_who_do_not_see_it(same):
    root = ElementTree.fromstring(draw(rectangle(9, 99, 9, 99), rectangle(9, 99, 9, 99), same))
    assert root.find(f"{SVG}title").text == "Same outline"
    assert "solid" in root.find(f"{SVG}desc").text


def test_nothing_in_a_drawing_is_executed_or_styled(same):
    svg = draw(rectangle(9, 99, 9, 99), rectangle(9, 99, 9, 99), same)
    assert "script" not in svg and "style=" not in svg


def test_an_empty_mask_is_drawn_as_nothing(same):
    paths = ElementTree.fromstring(draw(np.zeros((128, 128), np.uint8), rectangle(9, 99, 9, 99), same))
    assert [path.get("d") for path in paths.iter(f"{SVG}path") if path.get("id") == "query"] == [""]


@pytest.mark.parametrize(
    ("overlap", "lead"),
    [
        (1.0, "Same outline"),
        (0.92, "Same outline"),
        (0.919, "Nearly the same outline"),
        (0.85, "Nearly the same outline"),
        (0.849, "Similar outline"),
        (0.75, "Similar outline"),
        (0.749, "Different outline"),
        (0.0, "Different outline"),
    ],
)
def test_the_overlap_is_called_by_its_name(same, overlap, lead):
    assert sentence(replace(same, overlap=overlap)) == lead


def test_measured_differences_follow_in_their_order(same):
    found = replace(same, overlap=0.86, differences=("sleeves_longer", "hem_narrower"))
    assert sentence(found) == "Nearly the same outline; sleeves longer; hem narrower"


@pytest.mark.parametrize(
    ("lines", "said"),
    [(0.5, "; inner lines agree"), (0.49, ""), (0.1, ""), (0.09, "; inner lines differ"), (None, "")],
)
def test_inner_lines_are_told_of_where_they_clearly_agree_or_differ(same, lines, said):
    assert sentence(replace(same, lines=lines)) == f"Same outline{said}"


def test_a_part_is_named_that_agrees_far_less_than_all_unless_a_difference_says_more(same):
    parts = same.parts | {"left": PartAgreement(0.84, 0.1), "upper": PartAgreement(0.86, 0.0)}
    assert sentence(replace(same, parts=parts)) == "Same outline; differs most on the left"
    assert sentence(replace(same, parts=same.parts | {"left": PartAgreement(0.86, 0.1)})) == "Same outline"
    known = replace(same, parts=parts, differences=("longer",))
    assert sentence(known) == "Same outline; longer"
