from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.views import ALL, ITEM, Views, arranged, followed_by, view_numbers, without
from training.parts.part_maps import FEATURES, PART_MAP


def made(*counts: int, seed: int = 0) -> Views:
    """Views of photographs with so many garments each."""
    rng = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(len(counts)), counts)
    shapes = [(len(numbers), width) for width in (6, 4)]
    return Views(*(rng.random(shape, np.float32) for shape in shapes), numbers)


def same(one: Views, other: Views) -> None:
    for name in ("vectors", "boxes", "photographs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@given(counts=st.lists(st.integers(1, 3), min_size=1, max_size=20))
def test_views_of_any_number_of_photographs_are_unpacked_as_they_were_packed(counts):
    same(Views.from_bytes(made(*counts).to_bytes(), 6), made(*counts))


def mapped(views: Views, seed: int = 3) -> Views:
    """The same views with part maps of any content."""
    maps = np.random.default_rng(seed).bytes(len(views) * PART_MAP.itemsize)
    return replace(views, maps=np.frombuffer(maps, PART_MAP))


@given(counts=st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_views_with_part_maps_are_unpacked_as_they_were_packed(counts):
    views = mapped(made(*counts))
    unpacked = Views.from_bytes(views.to_bytes(), 6)
    same(unpacked, views)
    np.testing.assert_array_equal(unpacked.maps[FEATURES], views.maps[FEATURES])
    np.testing.assert_array_equal(unpacked.maps["inner"], views.maps["inner"])


@pytest.mark.parametrize("head", [b"\x01\x02", b"\x01\x03"])
def test_part_maps_of_an_earlier_release_are_left_out(head):
    views = made(2, 1)
    packed = mapped(views).to_bytes()
    assert packed[:2] == b"\x01\x04"
    same(Views.from_bytes(head + packed[2:], 6), views)


def test_joined_with_views_of_an_earlier_release_a_map_stays_known_and_theirs_is_zero():
    both = Views.joined([made(1), mapped(made(1))])
    assert not both.maps[0]["inner"].any() and both.maps[1]["inner"].any()
    assert Views.joined([made(1), made(2)]).maps is None
    assert both.take(slice(1, 2)).maps["turned"] == mapped(made(1)).maps["turned"]


def test_views_of_one_photograph_are_packed_as_the_releases_before_have_read_them():
    views = made(2)
    assert views.to_bytes() == np.hstack([views.boxes, views.vectors]).astype("<f4").tobytes()


@pytest.mark.parametrize(
    "packed", [b"", b"\x01", b"\x02" + bytes(44), bytes(39), b"\x01" + bytes(40), b"\x01\x05" + bytes(1868)]
)
def test_what_are_no_views_is_refused(packed):
    with pytest.raises(ValueError):
        Views.from_bytes(packed, 6)


def test_the_views_of_photographs_are_joined_in_their_order():
    front, back = made(2, seed=1), made(1, seed=2)
    both = Views.joined([front, back])
    assert both.photographs.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(both.vectors, np.concatenate([front.vectors, back.vectors]))
    np.testing.assert_array_equal(both.boxes, np.concatenate([front.boxes, back.boxes]))


def test_of_each_photograph_the_first_garment_is_chosen_or_all():
    views = made(3, 1, 2)
    same(views.chosen(ALL), views)
    same(views.chosen(ITEM), views.take(np.array([0, 3, 4])))


@given(sizes=st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=6))
def test_the_first_view_of_each_item_comes_first_then_all_others_in_their_order(sizes):
    items = [made(*counts, seed=number) for number, counts in enumerate(sizes)]
    owners, rows = arranged(items)
    assert owners[: len(items)].tolist() == list(range(len(items)))
    for number, views in enumerate(items):
        same(rows.take(owners == number), views)
    numbers = [view_numbers(owners, items=len(items), at=at, end=at + 2) for at in range(0, len(owners), 2)]
    expected = [int((owners[:row] == owner).sum()) for row, owner in enumerate(owners)]
    assert np.concatenate(numbers).tolist() == expected


ITEMS = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), max_size=4)


@given(sizes=ITEMS, further=ITEMS, gone=st.sets(st.integers(0, 3)), with_maps=st.booleans())
def test_rows_without_some_items_and_followed_by_others_are_those_of_all_that_are_left(
    sizes, further, gone, with_maps
):
    first, *others = [made(*counts, seed=number) for number, counts in enumerate([[1], *sizes, *further])]
    if with_maps:
        others = list(map(mapped, others))
    items, more = [first, *others[: len(sizes)]], others[len(sizes) :]
    left = [views for number, views in enumerate(items) if number not in gone]
    rows = without(arranged(items), np.isin(np.arange(len(items)), list(gone)))
    found = followed_by(rows, arranged(more)) if more else rows
    if left or more:
        owners, views = arranged([*left, *more])
        np.testing.assert_array_equal(found[0], owners)
        same(found[1], views)
        np.testing.assert_array_equal(found[1].known_maps, views.known_maps)
    else:
        assert len(found[0]) == len(found[1]) == 0
