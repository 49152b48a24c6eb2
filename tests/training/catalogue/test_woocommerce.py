"""What WooCommerce's exports may hold, beyond the example of docs/catalogues.md."""

import csv

import pytest

from training.catalogue.feeds import read_feed
from training.errors import UnreadableCatalogue

SIMPLE = {
    "ID": "7",
    "Type": "simple",
    "SKU": "",
    "Name": "Cap",
    "Published": "1",
    "Regular price": "9",
    "Images": "https://a.example/1.jpg",
}
VARIABLE = SIMPLE | {"ID": "8", "Type": "variable", "Name": "Coat", "Regular price": ""}
VARIATION = SIMPLE | {"ID": "9", "Type": "variation", "Name": "Coat - Red", "Images": "", "Parent": "id:8"}


@pytest.fixture
def read(tmp_path):
    def read_lines(*lines: dict[str, str], variants: bool = False) -> list[dict]:
        names = list(dict.fromkeys(name for line in lines for name in line))
        with (tmp_path / "wc.csv").open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(lines)
        return read_feed(tmp_path / "wc.csv", variants=variants).rows

    return read_lines


@pytest.mark.parametrize(
    ("categories", "category"),
    [
        ("Sale, Clothing > Women > Skirts, Clothing", "Skirts"),
        (r"Shirts\, long", "Shirts, long"),
        ("", None),
    ],
)
def test_the_category_is_the_deepest_of_several(read, categories, category):
    assert read(SIMPLE | {"Categories": categories})[0].get("category") == category


def test_attributes_are_fields(read):
    (row,) = read(
        SIMPLE
        | {
            "Attribute 1 name": "pa_colour",
            "Attribute 1 value(s)": r"Red, Blue\, dark",
            "Attribute 2 name": "Material",
            "Attribute 2 value(s)": "Wool",
            "Attribute 3 name": "",
            "Attribute 3 value(s)": "",
        }
    )
    assert (row["color"], row["material"]) == (["Red", "Blue, dark"], "Wool")
    assert not [name for name in row if name.startswith("attribute")]


@pytest.mark.parametrize(
    ("said", "availability"), [("1", "in_stock"), ("0", "out_of_stock"), ("backorder", "backorder")]
)
def test_the_stock_says_what_can_be_bought(read, said, availability):
    assert read(SIMPLE | {"In stock?": said})[0]["availability"] == availability


@pytest.mark.parametrize(
    ("begins", "ends", "on_sale"),
    [
        ("", "", True),
        ("2001-01-01", "", True),
        ("", "2001-01-01", False),
        ("9000-01-01", "", False),
        ("2001-01-01", "9000-12-31", True),
    ],
)
def test_a_sale_price_holds_within_its_dates(read, begins, ends, on_sale):
    dates = {"Date sale price starts": begins, "Date sale price ends": ends}
    assert ("sale_price" in read(SIMPLE | {"Sale price": "5"} | dates)[0]) is on_sale


@pytest.mark.parametrize(
    "hidden",
    [
        {"Published": "0"},
        {"Published": "-1"},
        {"Visibility in catalogue": "hidden"},
        {"Visibility in catalog": "hidden"},
    ],
)
def test_what_the_shop_does_not_show_is_left_out_with_its_variations(read, hidden):
    rows = read(VARIABLE | hidden, VARIATION, SIMPLE | {"Visibility in catalogue": "visible"})
    assert [row["item_id"] for row in rows] == ["7"]


def test_a_variation_has_from_its_product_what_it_does_not_say(read):
    product = VARIABLE | {"SKU": "coat", "Description": "Warm", "Brands": "Fjäll", "Sale price": "3"}
    by_number, by_sku = read(
        product,
        VARIATION,
        VARIATION | {"SKU": "red", "Parent": "coat", "Images": "https://a.example/red.jpg"},
        variants=True,
    )
    assert (by_number["item_id"], by_number["item_group_id"], by_number["brand"]) == ("9", "coat", "Fjäll")
    assert by_number["path"] == ["https://a.example/1.jpg"]
    assert (by_sku["item_id"], by_sku["path"]) == ("red", ["https://a.example/red.jpg"])
    assert "sale_price" not in by_number


def test_an_export_in_a_language_that_is_not_known_is_refused_with_what_to_do(read):
    names = {"Type": "Typ", "Name": "Namn", "Regular price": "Ordinarie pris", "Images": "Bilder"}
    with pytest.raises(UnreadableCatalogue, match="choose English as the language of your profile"):
        read({names.get(name, name): cell for name, cell in VARIABLE.items()})


def test_an_export_without_its_photographs_is_refused_with_what_to_do(read):
    with pytest.raises(UnreadableCatalogue, match="export all columns"):
        read({name: cell for name, cell in SIMPLE.items() if name != "Images"})


def test_a_product_whose_variations_are_not_in_the_file_stays(read):
    for variants in (True, False):
        (row,) = read(VARIABLE, variants=variants)
        assert (row["item_id"], row["title"]) == ("8", "Coat")


def test_a_variation_whose_product_is_not_in_the_file_is_of_a_group_of_its_own(read):
    (row,) = read(VARIATION | {"Images": "https://a.example/9.jpg"})
    assert (row["item_id"], row["variant_ids"]) == ("8", ["9"])
