import numpy as np
import pytest

from training.photo.garment_types import TYPES
from training.photo.regions import find, main_parts
from training.photo.segmenter import Parse

SIDE = 128


def _parse(*parts, person=()):
    """A parse that is sure: a type in each box of top, left, bottom, right, and a person in other boxes."""
    garment, skin = np.zeros((SIDE, SIDE), np.float32), np.zeros((SIDE, SIDE), np.float32)
    types = np.full((SIDE // 2, SIDE // 2, len(TYPES)), 0.02, np.float32)
    for kind, (top, left, bottom, right) in parts:
        garment[top:bottom, left:right] = 0.98
        types[top // 2 : bottom // 2, left // 2 : right // 2] = 0.02
        types[top // 2 : bottom // 2, left // 2 : right // 2, TYPES.index(kind)] = 0.9
    for top, left, bottom, right in person:
        skin[top:bottom, left:right] = 0.95
    return Parse(skin, garment, types)


HEAD = (4, 56, 24, 72)


def _boxes(regions):
    found = {}
    for region in regions:
        rows, columns = np.nonzero(region.mask)
        found[region.type] = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    return found


def test_a_picture_without_garments_has_none():
    assert find(_parse()) == []
    assert find(_parse(person=[HEAD])) == []


@pytest.mark.parametrize("kind", TYPES)
def test_one_garment_laid_out_is_one_of_its_type(kind):
    [region] = find(_parse((kind, (30, 40, 100, 90))))
    assert (region.type, region.worn) == (kind, False)
    assert _boxes([region])[kind] == (30, 40, 100, 90)
    assert region.confidence > 0.95


def test_two_garments_apart_are_two_even_of_one_type():
    regions = find(_parse(("upper", (30, 10, 90, 58)), ("upper", (30, 70, 90, 118))))
    assert [region.type for region in regions] == ["upper", "upper"]
    assert sorted(np.nonzero(region.mask)[1].min() for region in regions) == [10, 70]
    assert min(region.confidence for region in regions) > 0.9  # each beside the other, not against it


@pytest.mark.parametrize(("top", "bottom"), [("upper", "trousers"), ("outer", "skirt")])
def test_a_top_laid_out_above_what_goes_with_it_is_two_garments(top, bottom):
    regions = find(_parse((top, (10, 40, 60, 90)), (bottom, (60, 44, 120, 86))))
    assert _boxes(regions) == {top: (10, 40, 60, 90), bottom: (60, 44, 120, 86)}
    assert min(region.confidence for region in regions) > 0.9


@pytest.mark.parametrize(
    ("above", "below"),
    [
        (("upper", (10, 40, 90, 90)), ("trousers", (90, 40, 110, 90))),  # too little of the other
        (("upper", (10, 40, 60, 90)), ("outer", (60, 40, 110, 90))),
        (("trousers", (10, 40, 60, 90)), ("upper", (60, 40, 110, 90))),  # folded legs
        (("dress", (10, 40, 60, 90)), ("skirt", (60, 40, 110, 90))),
    ],
)
def test_a_garment_of_which_a_part_is_taken_for_another_type_is_one(above, below):
    assert len(find(_parse(above, below))) == 1


def test_a_garment_that_may_be_of_either_half_is_one():
    parse = _parse(("upper", (10, 40, 60, 90)), ("trousers", (60, 40, 110, 90)))
    garment = parse.types.max(axis=-1) > 0.5
    parse.types[garment] = 0.1
    parse.types[garment, TYPES.index("dress")] = 0.5
    assert len(find(parse)) == 1


def test_a_pair_of_shoes_is_one_garment():
    [region] = find(_parse(("shoes", (40, 10, 90, 50)), ("shoes", (40, 70, 90, 110))))
    assert region.type == "shoes" and region.mask.sum() == 2 * 50 * 40


def test_a_part_within_another_s_bounds_belongs_to_it():
    """A pocket beside the slit of an open coat: two components, one box in the other."""
    parse = _parse(("outer", (20, 20, 110, 60)), ("outer", (30, 64, 100, 100)))
    parse.garment[20:30, 20:100] = 0.98  # a collar over both
    parse.garment[30:34, 60:64] = 0
    assert len(find(parse)) == 1


def test_doubt_between_a_coat_and_a_shirt_does_not_split_a_garment():
    [region] = find(_parse(("upper", (10, 30, 62, 100)), ("outer", (62, 30, 120, 100))))
    assert region.mask.sum() == 110 * 70


def test_the_clothes_of_a_person_are_found_by_type_and_say_that_they_are_worn():
    regions = find(
        _parse(
            ("upper", (24, 44, 60, 84)),
            ("trousers", (60, 48, 112, 80)),
            ("shoes", (112, 48, 120, 60)),
            person=[HEAD],
        )
    )
    assert {region.type for region in regions} == {"upper", "trousers", "shoes"}
    assert all(region.worn for region in regions)
    assert _boxes(regions)["trousers"] == (60, 48, 112, 80)
    assert regions[0].type == "trousers"  # the largest


def test_a_hand_beside_a_garment_makes_nobody_wear_it():
    [region] = find(_parse(("dress", (20, 30, 110, 100)), person=[(20, 100, 30, 112)]))
    assert not region.worn


def test_a_patch_that_is_taken_for_another_type_joins_its_garment():
    parse = _parse(("outer", (24, 40, 100, 90)), ("upper", (40, 60, 50, 70)), person=[HEAD])
    [region] = find(parse)
    assert region.type == "outer" and region.mask.sum() == 76 * 50


def test_a_dress_whose_parts_look_like_a_shirt_and_trousers_is_a_dress():
    parse = _parse(("dress", (24, 40, 70, 90)), ("trousers", (70, 40, 100, 90)), person=[HEAD])
    parse.types[35:50, 20:45, TYPES.index("dress")] = 0.4  # likely here, too
    [region] = find(parse)
    assert region.type == "dress" and region.mask.sum() == 76 * 50


def test_a_coat_over_a_dress_is_an_outfit():
    parse = _parse(("outer", (24, 30, 90, 60)), ("dress", (24, 60, 110, 90)), person=[HEAD])
    assert {region.type for region in find(parse)} == {"outer", "dress"}


def test_the_main_garment_is_large_and_near_the_middle():
    regions = find(_parse(("upper", (40, 4, 80, 40)), ("dress", (40, 50, 84, 86))))
    assert regions[0].type == "dress"
    regions = find(_parse(("bag", (60, 40, 100, 80)), ("skirt", (30, 84, 60, 120)), person=[HEAD]))
    assert regions[0].type == "skirt"  # of a person, clothes come before what is held


def test_specks_are_no_garments():
    assert find(_parse(("upper", (60, 60, 66, 66)))) == []
    [region] = find(_parse(("dress", (30, 44, 100, 84)), ("hat", (4, 4, 8, 8)), person=[HEAD]))
    assert region.type == "dress"


def test_doubtful_masks_have_little_confidence():
    sure, doubtful = (_parse(("dress", (30, 44, 100, 84))) for _ in range(2))
    doubtful.garment[doubtful.garment > 0] = 0.55
    assert find(sure)[0].confidence > 0.9 > 0.6 > find(doubtful)[0].confidence


def test_small_components_are_dropped_and_large_ones_kept():
    mask = np.zeros((20, 20), bool)
    mask[:10, :10] = mask[12:17, 12:17] = mask[0, 19] = True
    kept = main_parts(mask)
    assert kept[:10, :10].all() and kept[12:17, 12:17].all() and not kept[0, 19]
