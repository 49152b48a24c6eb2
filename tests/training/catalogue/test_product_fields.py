import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.catalogue.item_rules import MOST_PHOTOGRAPHS
from training.catalogue.product_fields import addresses, field_name, money, plain, product_row


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("29.90 EUR", 29.9, "EUR"),
        ("USD 1,299.00", 1299.0, "USD"),
        ("1.299,50 EUR", 1299.5, "EUR"),
        ("29,9 €", 29.9, "EUR"),
        ("£15", 15.0, "GBP"),
        ("2 490,00 SEK", 2490.0, "SEK"),
        ("CHF 1'200.00", 1200.0, "CHF"),
        ("12,000 JPY", 12000.0, "JPY"),
        ("1,234,567", 1234567.0, None),
        ("1.299.000 EUR", 1299000.0, "EUR"),
        ("3.250 KWD", 3.25, "KWD"),
        ("0.50", 0.5, None),
        ("on request", None, None),
        ("", None, None),
    ],
)
def test_prices_are_numbers_with_a_currency(text, amount, currency):
    assert money(text) == (amount, currency)


@settings(deadline=None)
@given(st.integers(0, 10**7), st.sampled_from(["{:,.2f} EUR", "EUR {:.2f}", "{:.2f}", "{:,.2f} €"]))
def test_every_price_in_cents_is_read_as_it_was_written(cents, pattern):
    assert money(pattern.format(cents / 100))[0] == pytest.approx(cents / 100, abs=1e-6)


@settings(deadline=None)
@given(st.text())
def test_no_text_is_too_odd_for_a_price_or_a_description(text):
    money(text)
    assert len(plain(text)) <= 5000


def test_addresses_are_taken_apart_and_come_once():
    listed = "https://a.example/x,y.jpg?w=1,2, https://a.example/2.jpg|http://a.example/3.jpg"
    assert addresses("https://a.example/2.jpg", listed, None, ["", " https://a.example/4.jpg "]) == [
        "https://a.example/2.jpg",
        "https://a.example/x,y.jpg?w=1,2",
        "http://a.example/3.jpg",
        "https://a.example/4.jpg",
    ]


def test_a_product_has_only_so_many_photographs_and_a_currency_also_from_a_field_of_its_own():
    listed = [f"https://a.example/{number}.jpg" for number in range(MOST_PHOTOGRAPHS + 1)]
    row = product_row({"id": "1", "image_link": listed, "price": "5", "currency": "SEK"})
    assert row["path"] == listed[:-1] and (row["price"], row["currency"]) == (5.0, "SEK")


def test_descriptions_lose_their_markup_only():
    assert plain("<p>Up&nbsp;to 5 &lt; 6&amp;more<br/>\n lines</p><!-- x -->") == "Up to 5 < 6&more lines"
    assert plain("a < b and c > d") == "a < b and c > d"
    assert plain("x" * 6000) == "x" * 5000


def test_a_heading_becomes_the_name_of_a_field():
    assert [field_name(text) for text in ("Image Link", "SEO title", "Colour", "Attribute 1 value(s)")] == [
        "image_link",
        "seo_title",
        "color",
        "attribute_1_value_s",
    ]


@pytest.mark.parametrize(
    ("fields", "category"),
    [
        ({"product_type": "Home > Women > Skirts "}, "Skirts"),
        ({"product_type": ["", "Shoes"], "google_product_category": "Apparel > Boots"}, "Shoes"),
        ({"google_product_category": "Apparel & Accessories > Clothing > Suits"}, "Suits"),
        ({"product_type": "Women > Trousers > Slim fit"}, "Trousers"),
        ({"product_type": "New in > Sale", "google_product_category": "Apparel > Coats"}, "Coats"),
        ({"product_type": "Home > Vases > Tall", "google_product_category": "Home & Garden"}, "Tall"),
        ({"google_product_category": "2271"}, None),
        ({"category": "hat", "google_product_category": "Apparel"}, "hat"),
    ],
)
def test_the_category_is_the_last_part_that_names_a_garment(fields, category):
    assert product_row({"id": "1", **fields}).get("category") == category


@pytest.mark.parametrize(
    ("dates", "on_sale"),
    [
        ("", True),
        ("2001-01-01T00:00+0100/9000-12-31T23:59:59Z", True),
        ("2001-01-01/9000-12-31", True),
        ("2001-01-01T08:00:00+0000 / 2001-02-01T08:00:00+0000", False),
        ("9000-01-01/9000-02-01", False),
        ("Monday/Friday", True),
        ("2001-01-01", True),
    ],
)
def test_a_sale_price_holds_within_its_dates(dates, on_sale):
    fields = {"id": "1", "price": "9 EUR", "sale_price": "5 EUR", "sale_price_effective_date": dates}
    assert product_row(fields).get("sale_price") == (5.0 if on_sale else None)


def test_a_product_has_sane_types_and_no_empty_fields():
    row = product_row(
        {
            "id": " 007 ",
            "image_link": "https://a.example/1.jpg",
            "price": "ask us",
            "sale_price": "12.50 EUR",
            "availability": "https://schema.org/OutOfStock",
            "gtin": "0400638133393",
            "path": "/etc/passwd",
            "item_id": "other",
            "cost_of_goods_sold": "3.20 EUR",
            "material": "",
            "mpn": [],
        }
    )
    assert json.loads(json.dumps(row)) == {
        "item_id": "007",
        "path": ["https://a.example/1.jpg"],
        "sale_price": 12.5,
        "currency": "EUR",
        "availability": "out_of_stock",
        "gtin": "0400638133393",
    }
