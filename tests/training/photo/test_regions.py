from dataclasses import replace

import numpy as np
import pytest

from training.photo.garment_types import TYPES
from training.photo.regions import Region, _weight, find, find_upright, turn_log_odds
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


def test_two_thin_things_beside_each_other_are_two():
    assert len(find(_parse(("bag", (8, 20, 118, 23)), ("bag", (8, 60, 118, 63))))) == 2


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


def test_a_part_within_the_bounds_of_another_than_the_first_belongs_to_that():
    frame = [(10, 60, 20, 124), (60, 60, 70, 124), (20, 60, 60, 70), (20, 114, 60, 124)]
    within, apart = (30, 80, 50, 104), (4, 4, 40, 40)
    found = find(_parse(*(("upper", box) for box in (*frame, within)), ("trousers", apart)))
    assert sorted(region.type for region in found) == ["trousers", "upper"]
    assert _boxes(found)["upper"] == (10, 60, 70, 124) and _boxes(found)["trousers"] == apart


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


@pytest.mark.parametrize("pair", [("upper", "outer"), ("outer", "upper")])
@pytest.mark.parametrize(("less", "worn"), [(0.1, 2), (0.21, 2), (0.22, 1), (0.4, 1)])
def test_a_shirt_and_a_coat_are_one_garment_where_they_are_hardly_told_apart(pair, less, worn):
    """The right half: the second type by `1 - less` to `less` of them; the left half: the first, by 0.77."""
    first, second = pair
    parse = _parse((first, (24, 40, 100, 90)), (second, (24, 66, 100, 90)), person=[HEAD])
    left, right = parse.types[12:50, 20:33], parse.types[12:50, 33:45]
    for there, chances in ((left, (0.72, 0.22)), (right, (0.0, 0.0))):
        there[..., [TYPES.index(first), TYPES.index(second)]] = chances
    right[..., [TYPES.index(first), TYPES.index(second)]] = (0.94 * less, 0.94 * (1 - less))
    regions = find(parse)
    difference = (13 * 0.5 / 0.94 + 12 * (1 - 2 * less)) / 25
    assert (difference < 0.55) == (worn == 1)
    assert len(regions) == worn and sum(region.mask.sum() for region in regions) == 76 * 50
    if worn == 1:
        assert regions[0].type == first


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


def test_the_confidence_is_the_expected_overlap_with_the_true_mask():
    parse = _parse(("dress", (30, 44, 100, 84)))
    parse.garment[30:100, 44:84] = 0.8
    parse.garment[100:120, 44:84] = 0.3  # it may go on here
    assert find(parse)[0].confidence == pytest.approx(0.8 * 70 / (70 + 0.3 * 20), abs=1e-4)


def test_of_what_a_person_wears_only_what_may_be_of_a_garment_bears_on_its_confidence():
    parse = _parse(("upper", (24, 44, 60, 84)), ("trousers", (60, 44, 110, 84)), person=[HEAD])
    parse.garment[24:60, 44:84] = 0.75
    parse.garment[110:120, 44:84] = 0.4
    parse.types[55:60, 22:42, TYPES.index("trousers")] = 0.9  # a hem that is hardly to be seen
    confidence = {region.type: region.confidence for region in find(parse)}
    assert confidence["upper"] == pytest.approx(0.75, abs=1e-4)
    assert confidence["trousers"] == pytest.approx(0.98 * 50 / (50 + 0.4 * 10), abs=1e-4)


def _corner(*boxes):
    """A garment of the shape of an L, and others in some boxes."""
    return _parse(*(("upper", box) for box in ((20, 20, 110, 40), (90, 20, 110, 100), *boxes)))


def _transposed(parse):
    return Parse(*(plane.swapaxes(0, 1) for plane in parse.maps))


@pytest.mark.parametrize("way", [lambda parse: parse, _transposed], ids=["across", "down"])
@pytest.mark.parametrize(
    ("boxes", "count"),
    [
        ([(30, 92, 70, 122)], 1),  # 8 of its 30 columns are within the bounds of the L
        ([(30, 92, 70, 124)], 2),  # 8 of 32
        ([(30, 92, 70, 122), (80, 104, 108, 122)], 1),  # within the bounds of the first two together
        ([(80, 104, 108, 122)], 2),
    ],
)
def test_garments_belong_together_whose_bounds_share_more_than_a_quarter_of_the_smaller(boxes, count, way):
    assert len(find(way(_corner(*boxes)))) == count


@pytest.mark.parametrize(
    ("kind", "share", "count"), [("shoes", 0.85, 1), ("shoes", 0.75, 2), ("bag", 0.95, 2), ("hat", 0.95, 2)]
)
def test_two_things_are_a_pair_where_they_are_shoes_by_more_than_four_fifths(kind, share, count):
    parse = _parse((kind, (40, 10, 90, 50)), (kind, (40, 70, 90, 110)))
    parse.types[...] = 0
    parse.types[..., TYPES.index(kind)], parse.types[..., TYPES.index("upper")] = share, 1 - share
    assert len(find(parse)) == count


def test_shoes_with_some_doubt_between_all_other_types_are_a_pair():
    """The doubt is summed by where garments are worn, not by type."""
    parse = _parse(("shoes", (40, 10, 90, 50)), ("shoes", (40, 70, 90, 110)))
    parse.types[...] = 0.3 / 7
    parse.types[..., TYPES.index("shoes")] = 0.7
    assert len(find(parse)) == 2


def test_a_part_that_can_be_of_no_dress_rules_a_dress_out():
    """One garment of which three fifths look like a dress, and no dress looks like the rest."""
    parse = _parse(("upper", (20, 40, 120, 90)), person=[HEAD])
    parse.types[...] = 0
    parse.types[:40, :, TYPES.index("dress")], parse.types[:40, :, TYPES.index("upper")] = 0.75, 0.2
    parse.types[40:, :, TYPES.index("upper")] = 0.5
    assert [region.type for region in find(parse)] == ["upper"]


@pytest.mark.parametrize(
    ("kind", "box", "found"),
    [
        ("shoes", (112, 48, 118, 56), False),  # 48 pixels, less than 3 in 1000
        ("shoes", (112, 48, 122, 54), True),
        ("bag", (100, 10, 106, 18), False),
        ("bag", (100, 10, 110, 16), True),
        ("hat", (0, 60, 6, 68), False),
        ("hat", (0, 60, 6, 70), True),
        ("upper", (40, 100, 50, 116), False),  # 160, less than 1 in 100
        ("upper", (40, 100, 52, 114), True),
    ],
)
def test_on_a_person_small_things_count_from_3_in_1000_pixels_and_clothes_from_1_in_100(kind, box, found):
    parse = _parse(("trousers", (60, 48, 98, 80)), (kind, box), person=[HEAD])
    assert {region.type for region in find(parse)} == ({"trousers", kind} if found else {"trousers"})


@pytest.mark.parametrize(("side", "found"), [(18, False), (20, True)])
def test_what_is_laid_out_counts_from_2_in_100_pixels_on(side, found):
    assert bool(find(_parse(("upper", (40, 40, 58, 40 + side))))) is found


@pytest.mark.parametrize(("width", "types"), [(30, {"outer", "upper"}), (28, {"outer"})])
def test_a_shirt_under_a_coat_is_one_from_15_of_100_of_its_pixels_on(width, types):
    """Of 2300 pixels, 300 or 280 are the shirt's."""
    parse = _parse(("outer", (24, 40, 74, 86)), ("upper", (40, 50, 50, 50 + width)), person=[HEAD])
    assert {region.type for region in find(parse)} == types


@pytest.mark.parametrize(("columns", "worn"), [(30, True), (29, False)])
def test_garments_are_worn_from_6_pixels_of_skin_to_100_of_theirs_on(columns, worn):
    skin = (0, 10, 10, 10 + columns)
    [region] = find(_parse(("dress", (20, 10, 70, 110)), person=[skin]))
    assert region.worn is worn


@pytest.mark.parametrize("person", [(), (HEAD,)], ids=["laid out", "worn"])
def test_a_net_so_thin_that_no_type_is_told_for_its_own_pixels_has_a_type(person):
    """Types are told for every second row and column; a net may lie between them."""
    parse = _parse(("bag", (30, 30, 100, 90)), person=person)
    parse.garment[::2, ::2] = 0
    [region] = find(parse)
    assert region.worn is bool(person) and region.mask.sum() == 70 * 60 * 3 / 4


@pytest.mark.parametrize(
    ("kind", "worn", "share"), [("dress", True, 1), ("bag", False, 1), ("bag", True, 0.4)]
)
def test_a_garment_weighs_its_area_less_what_it_lies_off_the_middle(kind, worn, share):
    mask = np.zeros((64, 128), bool)
    mask[10:30, 90:100] = True  # the middle of its rows is 19.5, of its columns 94.5
    off = (94.5 / 128 - 0.5) + (0.5 - 19.5 / 64) / 2
    weight = _weight(Region(kind, mask, 1.0, worn))
    assert weight == pytest.approx(200 * (1 - 0.8 * off) * share)


@pytest.mark.parametrize(
    ("quarters", "odds"), [(1, -2 + 1 - 16 + 128), (2, -4 + 1 - 16 + 64), (3, -8 + 1 - 16 + 32)]
)
def test_both_looks_bear_on_a_turn(quarters, odds):
    before, after = np.array([-1.0, -2, -4, -8]), np.array([-16.0, -32, -64, -128])
    assert turn_log_odds(before, after, quarters) == odds


@pytest.mark.parametrize(("odds", "turned"), [(5.999, 0), (6.0, 90)])
def test_a_photograph_is_turned_from_the_log_odds_that_are_set_on(monkeypatch, odds, turned):
    monkeypatch.setattr("training.photo.regions.turn_log_odds", lambda *_: odds)
    lying = replace(_parse(("dress", (30, 44, 100, 84))), turns=(0.1, 0.9, 0.0, 0.0))
    assert find_upright(np.zeros((8, 8, 3), np.uint8), lambda _: lying)[1] == turned


def test_a_turn_of_which_the_network_is_certain_is_believed():
    """The chance of another turn is 0, whose logarithm would be none."""
    looks = iter(replace(_parse(), turns=turns) for turns in [(0.0, 0.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0)])
    assert find_upright(np.zeros((8, 8, 3), np.uint8), lambda _: next(looks))[1] == 180


def test_a_garment_keeps_how_probable_each_type_is_in_it():
    regions = find(_parse(("bag", (30, 10, 90, 50)), ("skirt", (30, 70, 90, 118))))
    assert {region.type for region in regions} == {"bag", "skirt"}
    for region in regions:
        shares = dict(zip(TYPES, region.type_shares, strict=True))
        assert shares.pop(region.type) == pytest.approx(0.9, abs=1e-4)
        assert [*shares.values()] == pytest.approx([0.02] * 7, abs=1e-4)


def test_on_a_person_each_garment_has_the_probabilities_of_its_own_place():
    regions = find(
        _parse(("upper", (24, 40, 64, 88)), ("trousers", (64, 44, 124, 84)), person=[HEAD, (30, 28, 60, 40)])
    )
    assert {region.type: TYPES[int(np.argmax(region.type_shares))] for region in regions} == {
        "upper": "upper",
        "trousers": "trousers",
    }
