"""What Shopify's feeds may hold, beyond the examples of docs/catalogues.md."""

import csv
import json

import pytest

from training.catalogue.feeds import read_feed
from training.errors import UnreadableCatalogue

OLD = {"Handle": "cap", "Title": "Cap", "Image Src": "https://a.example/1.jpg", "Variant Price": "9.00"}
NEW = {"URL handle": "cap", "Title": "Cap", "Product image URL": "https://a.example/1.jpg", "Price": "9.00"}


@pytest.fixture
def read(tmp_path):
    def read_lines(*lines: dict[str, str], variants: bool = False) -> list[dict]:
        names = list(dict.fromkeys(name for line in lines for name in line))
        with (tmp_path / "shop.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(lines)
        return read_feed(tmp_path / "shop.csv", variants=variants).rows

    return read_lines


@pytest.fixture
def read_products(tmp_path):
    def read_json(*products: dict, **options) -> list[dict]:
        path = tmp_path / "products.json"
        path.write_text(json.dumps({"products": products}), encoding="utf-8-sig")
        return read_feed(path, **options).rows

    return read_json


def test_old_and_new_headings_mean_the_same(read):
    old = OLD | {
        "Vendor": "Norrsken",
        "Type": "Caps",
        "Variant SKU": "C1",
        "Variant Barcode": "0123",
        "Google Shopping / Age Group": "adult",
        "SEO Title": "A cap",
        "Variant Inventory Qty": "0",
        "Variant Inventory Tracker": "shopify",
        "Variant Inventory Policy": "deny",
        "Colour (product.metafields.shopify.color-pattern)": "navy; white",
    }
    new = NEW | {
        "Vendor": "Norrsken",
        "Type": "Caps",
        "SKU": "C1",
        "Barcode": "0123",
        "Google Shopping / Age group": "adult",
        "SEO title": "A cap",
        "Inventory quantity": "0",
        "Inventory tracker": "shopify",
        "Continue selling when out of stock": "DENY",
        "Color (product.metafields.shopify.color-pattern)": "navy; white",
    }
    (row,) = read(old)
    assert read(new) == [row]
    assert (row["availability"], row["color"], row["gtin"]) == ("out_of_stock", ["navy", "white"], "0123")


@pytest.mark.parametrize(
    ("stock", "availability"),
    [
        ({}, None),
        ({"Variant Inventory Qty": "1", "Variant Inventory Tracker": "shopify"}, "in_stock"),
        ({"Variant Inventory Qty": "-2", "Variant Inventory Tracker": "shopify"}, "out_of_stock"),
        ({"Variant Inventory Qty": "0", "Variant Inventory Tracker": ""}, "in_stock"),
        (
            {
                "Variant Inventory Qty": "0",
                "Variant Inventory Tracker": "shopify",
                "Variant Inventory Policy": "continue",
            },
            "in_stock",
        ),
    ],
)
def test_the_stock_says_what_can_be_bought(read, stock, availability):
    assert read(OLD | stock)[0].get("availability") == availability


@pytest.mark.parametrize("hidden", [{"Published": "FALSE"}, {"Status": "draft"}, {"Status": "archived"}])
def test_what_the_shop_does_not_show_is_left_out(read, hidden):
    line = {**OLD, "Handle": "hat", "Published": "TRUE", "Status": "active"}
    assert [row["item_id"] for row in read(OLD | hidden, line)] == ["hat"]


@pytest.mark.parametrize(("before", "prices"), [("9.00", (9, None)), ("", (9, None)), ("9.50", (9.5, 9))])
def test_a_product_is_in_the_sale_where_it_cost_more_before(read, before, prices):
    row = read(OLD | {"Variant Compare At Price": before})[0]
    assert (row["price"], row.get("sale_price")) == prices


def test_what_is_given_away_costs_nothing_and_is_not_in_the_sale(read):
    (row,) = read(OLD | {"Variant Price": "0.00"})
    assert row["price"] == 0 and "sale_price" not in row


def test_each_of_three_options_is_a_field(read, read_products):
    values = {"Colour": "Red", "Size": "M", "Fit": "Slim"}
    cells = {
        f"Option{n} {part}": text
        for n, pair in enumerate(values.items(), start=1)
        for part, text in zip(("Name", "Value"), pair, strict=True)
    }
    product = {"handle": "x", "title": "X", "options": [{"name": name} for name in values]}
    variant = {f"option{n}": value for n, value in enumerate(values.values(), start=1)} | {"available": False}
    for row in read(OLD | cells)[0], read_products(product | {"variants": [variant]})[0]:
        assert (row["color"], row["size"], row["fit"]) == ("Red", "M", "Slim")
    assert row["availability"] == "out_of_stock"


def test_photographs_stand_in_the_shop_s_order(read):
    places = {"3": "c", "1": "a", "10": "d", "2": "b"}
    lines = [
        {"Handle": "cap", "Image Src": f"https://a.example/{name}.jpg", "Image Position": place}
        for place, name in places.items()
    ]
    (row,) = read(OLD | lines[0], *lines[1:])
    assert row["path"] == [f"https://a.example/{name}.jpg" for name in "abcd"]


def test_a_variant_shows_its_own_photograph_and_those_of_no_other(read):
    option = {"Option1 Name": "Colour", "Option1 Value": "Red", "Variant Image": "https://a.example/red.jpg"}
    blue = {"Handle": "cap", "Option1 Value": "Blue", "Variant Image": "https://a.example/blue.jpg"}
    red_photo = {"Handle": "cap", "Image Src": "https://a.example/red.jpg"}
    red, blue = read(OLD | option, blue, red_photo, variants=True)
    assert (red["item_id"], red["color"]) == ("cap-1", "Red")
    assert red["path"] == ["https://a.example/red.jpg", "https://a.example/1.jpg"]
    assert (blue["item_id"], blue["color"], blue["title"]) == ("cap-2", "Blue", "Cap")
    assert blue["path"] == ["https://a.example/blue.jpg", "https://a.example/1.jpg"]


def test_a_product_without_options_has_no_field_for_them(read):
    (row,) = read(OLD | {"Option1 Name": "Title", "Option1 Value": "Default Title"})
    assert row["title"] == "Cap"
    assert "variant" not in row


def test_the_address_of_a_shop_gives_the_links_of_its_products(read_products):
    product = {"handle": "röd-kjol", "title": "Kjol", "variants": [{"sku": "K", "price": "5.00"}]}
    (row,) = read_products(product, shop="https://shop.example")
    assert row["link"] == "https://shop.example/products/r%C3%B6d-kjol"
    assert "link" not in read_products(product)[0]


def test_photographs_of_variants_are_found_by_their_number_too(read_products):
    images = [{"id": 5, "src": "https://a.example/5.jpg"}, {"id": 6, "src": "https://a.example/6.jpg"}]
    variants = [
        {"sku": "A", "price": "5.00", "option1": "A", "image_id": 6},
        {"sku": "B", "price": "4.00", "option1": "B", "featured_image": {"src": "https://a.example/5.jpg"}},
    ]
    a, b = read_products({"handle": "x", "title": "X", "images": images, "variants": variants}, variants=True)
    assert (a["path"], b["path"]) == (["https://a.example/6.jpg"], ["https://a.example/5.jpg"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "has no products"),
        ("{}", "has no products"),
        ('{"products": [{"handle": "a"', "could not be read"),
        ('{"products": [7]}', "could not be read"),
        ('{"products": [{"handle": "a", "variants": 3}]}', "could not be read"),
        ("{'products'}", "could not be read"),
        ('{"products": [{"title": "\xff"}]}', "could not be read"),
    ],
)
def test_what_is_no_products_json_is_refused(tmp_path, text, reason):
    path = tmp_path / "products.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UnreadableCatalogue, match=f"{reason}.*an object with the list 'products'"):
        read_feed(path)
