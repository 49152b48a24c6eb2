import pytest

from training.photo.garment_types import CLASSES, NAMES, TYPES, type_of


def test_classes_are_ground_person_and_types():
    assert CLASSES == ("background", "person", *TYPES)
    assert set(NAMES) == set(TYPES)


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("t-shirt", "upper"), ("longsleeve", "upper"), ("outwear", "outer"), ("pants", "trousers"),
        ("shorts", "trousers"), ("dress", "dress"), ("skirt", "skirt"), ("shoes", "shoes"), ("hat", "hat"),
        ("Dresses", "dress"), ("Women / Coats & Jackets", "outer"), ("shirt dress", "dress"),
        ("Long-sleeved T-Shirts", "upper"), ("SNEAKERS", "shoes"), ("tote bags", "bag"),
        ("sale", None), ("", None), (None, None), ("1234", None),
    ],
)  # fmt: skip
def test_the_last_known_word_of_a_category_names_the_type(category, kind):
    assert type_of(category) == kind


def test_no_word_names_two_types():
    words = [word for names in NAMES.values() for word in names.split()]
    assert len(words) == len(set(words))
