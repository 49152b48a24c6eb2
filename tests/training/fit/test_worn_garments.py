from dataclasses import replace

import numpy as np
import pytest

from training.catalogue.parsed import is_held_out
from training.catalogue.reader import read_catalogue
from training.fit import worn_garments as module
from training.fit.worn_garments import category_of, prepare_worn, worn_garments

NAMES = ("background", "skin", "jeans", "blouse", "bag", "hat", "scarf")


@pytest.fixture
def people(tmp_path, make_photo, parsed_catalogue):
    """Two parsed photographs, one held out, of large jeans, a small blouse, a bag and a tiny hat."""
    labels = np.zeros((100, 100), np.uint8)
    labels[50:90, 30:70], labels[30:50, 40:50], labels[:20, 60:], labels[0, :9] = 2, 3, 4, 5
    held_out = next(name for name in map(str, range(99)) if is_held_out(_Named(name)))
    kept = next(name for name in map(str, range(99)) if not is_held_out(_Named(name)))
    pictures = {name: (make_photo(), labels) for name in (held_out, kept)}
    return read_catalogue(str(parsed_catalogue(tmp_path, pictures, NAMES))), held_out, kept


class _Named:
    def __init__(self, item_id):
        self.item_id = item_id


@pytest.mark.parametrize(
    ("label", "categories", "category"),
    [
        ("skirt", {"skirt", "dress"}, "skirt"),
        ("leggings", {"pants", "shorts"}, "pants"),
        ("sweatshirt", {"t-shirt", "longsleeve", "shirt"}, "longsleeve"),
        ("parka", {"outwear", "t-shirt"}, "outwear"),  # the only category of its type
        ("vest", {"t-shirt", "longsleeve"}, None),
        ("coat", {"coat", "jacket"}, "coat"),
        ("blazer", {"coat", "jacket"}, None),
        ("scarf", {"accessories", "dress"}, None),
    ],
)
def test_a_label_means_the_category_of_its_name_its_cut_or_its_type(label, categories, category):
    assert category_of(label, categories) == category


@pytest.mark.parametrize("held_out", [True, False])
def test_garments_that_are_large_enough_are_taken_with_their_category_and_label(people, held_out):
    catalogue, apart, kept = people
    found, _ = worn_garments(catalogue, {"pants", "shorts", "hat"}, held_out=held_out)
    name = apart if held_out else kept
    assert [(item.item_id, item.category, number) for item, number in found] == [
        (f"{name} jeans", "pants", 2),
        (f"{name} blouse", None, 3),
    ]


def test_all_photographs_are_taken_where_it_is_not_asked_for_what_is_held_out(people):
    catalogue, apart, kept = people
    found = [item.item_id for item, _ in worn_garments(catalogue, {"pants"}, held_out=None)[0]]
    assert found == [f"{name} {label}" for name in (apart, kept) for label in ("jeans", "blouse")]


def test_photographs_without_a_picture_of_labels_are_left_out(people):
    catalogue, _, kept = people
    plain = [replace(item, item_id=f"plain {item.item_id}", metadata={}) for item in catalogue.items]
    mixed = replace(catalogue, items=(*plain, *catalogue.items))
    found, _ = worn_garments(mixed, {"pants"}, held_out=False)
    assert [item.item_id for item, _ in found] == [f"{kept} jeans", f"{kept} blouse"]


def test_a_garment_of_any_size_counts_that_covers_its_share(people, monkeypatch):
    monkeypatch.setitem(module.LEAST_SHARE, "hat", 0.0009)
    catalogue, _, kept = people
    found, _ = worn_garments(catalogue, {"hat"}, held_out=False)
    assert f"{kept} hat" in [item.item_id for item, _ in found]


def test_the_garments_of_one_photograph_are_cut_out_and_kept_apart(people, tmp_path):
    options = {"views": 1, "cache": tmp_path / "cache", "processes": 1}
    first, again = (prepare_worn(people[0], {"pants"}, **options) for _ in range(2))
    assert first.views.shape == (2, 2, 128, 128, 4) and np.array_equal(first.views, again.views)
    jeans, blouse = first.cutouts[..., 3] > 127
    assert jeans.mean() > 0.5 and 0.2 < blouse.mean() < 0.5  # a square, and a rectangle of half its width


def test_photographs_whose_labels_or_pixels_cannot_be_read_are_left_out_and_told(people, tmp_path):
    catalogue, apart, kept = people
    (tmp_path / f"{kept}.png").write_bytes(b"no picture")
    garments, bad = worn_garments(catalogue, {"pants"}, held_out=None)
    assert [item.item_id for item, _ in garments] == [f"{apart} jeans", f"{apart} blouse"]
    assert [(item.item_id, "can't be read" in item.reason) for item in bad] == [(kept, True)]

    more = replace(catalogue.items[1], item_id="broken", path=tmp_path / "broken.jpg")
    more.path.write_bytes(b"no photograph")
    labels = {"mask": f"{apart}.png"}  # those of another photograph
    mixed = replace(catalogue, items=(*catalogue.items, replace(more, metadata=labels)))
    data = prepare_worn(mixed, {"pants"}, views=0, cache=tmp_path / "cache", processes=1)
    assert [item.item_id for item in data.bad] == [kept, "broken jeans", "broken blouse"]
