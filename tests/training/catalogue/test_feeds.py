"""Feeds of shops: those that docs/catalogues.md shows, their formats told, and variants of one product."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tests.import_graph import ROOT
from training.catalogue import feeds
from training.catalogue.feeds import MOST_VALUES, is_feed, products, read_feed
from training.catalogue.item_rules import MOST_PHOTOGRAPHS
from training.catalogue.reader import read_catalogue
from training.errors import UnreadableCatalogue

PAGE = (ROOT / "docs/catalogues.md").read_text()


def examples(heading: str) -> list[tuple[str, str]]:
    """The language and text of each block of code below a heading of the page."""
    section = re.split(rf"^#+ {heading}$", PAGE, flags=re.MULTILINE)[1]
    return re.findall(r"^```(\w+)\n(.*?)^```", re.split(r"^##", section, flags=re.MULTILINE)[0], re.M | re.S)


def put(folder: Path, text: str | bytes, name: str = "feed.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(folder: Path, *rows: dict[str, str]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([row.get(name, "") for name in names] for row in rows)]
    return put(folder, "\n".join("\t".join(line) for line in lines))


def rows(path: Path, **options: bool) -> dict[str, dict]:
    read = read_feed(path, **options)
    assert read.bad == []
    return {row["item_id"]: row for row in read.rows}


# ---- the examples of the page


def test_the_page_says_what_becomes_of_its_feed_of_google(tmp_path):
    (_, feed), (_, said), _ = examples("Google Merchant Center")
    (row,) = rows(put(tmp_path, feed, "feed.xml")).values()
    assert json.loads(said).items() <= row.items()
    assert row["path"] == [
        f"https://cdn.lindqvist.example/1042/{name}.jpg"
        for name in ("blue-front", "red-front", "blue-back", "fabric")
    ]
    assert row["description"] == "A dress of washed linen, with pockets."
    assert row["link"] == "https://www.lindqvist.example/p/maj?colour=blue"
    assert row["custom_label_0"] == "summer"


def test_variants_are_items_of_their_own_where_one_asks_for_them(tmp_path):
    (_, feed), *_ = examples("Google Merchant Center")
    blue, red = rows(put(tmp_path, feed), variants=True).values()
    assert (blue["item_id"], blue["color"], blue["sale_price"]) == ("LQ-1042-BLU-M", "Blue", 89.9)
    assert (red["item_id"], red["availability"], red["item_group_id"]) == (
        "LQ-1042-RED-L",
        "out_of_stock",
        "LQ-1042",
    )
    assert "sale_price" not in red


def test_the_table_of_the_page_is_a_feed_of_google(tmp_path):
    *_, (_, feed) = examples("Google Merchant Center")
    (row,) = rows(put(tmp_path, feed, "products.tsv")).values()
    assert row == {
        "item_id": "LQ-2001",
        "path": [f"https://cdn.lindqvist.example/2001/{name}.jpg" for name in "abc"],
        "title": "Wool coat",
        "link": "https://www.lindqvist.example/p/coat",
        "price": 349.0,
        "currency": "EUR",
        "availability": "preorder",
        "product_type": "Women > Coats",
        "category": "Coats",
        "color": "Camel",
    }


def test_the_page_shows_both_feeds_of_shopify(tmp_path):
    (_, export), (_, answer) = examples("Shopify")
    shirt = rows(put(tmp_path, export, "products_export.csv"))["tuva-shirt"]
    assert [address.rpartition("/")[2] for address in shirt["path"]] == [
        "tuva-white.jpg",
        "tuva-black.jpg",
        "tuva-1.jpg",
        "tuva-2.jpg",
        "tuva-3.jpg",
    ]
    assert (shirt["price"], shirt["sale_price"]) == (79.0, 59.0)
    assert (shirt["color"], shirt["size"], shirt["gender"]) == (["White", "Black"], "S", "female")
    assert (shirt["tags"], shirt["category"]) == (["cotton", "office"], "Shirts")
    assert (shirt["brand"], shirt["description"]) == ("Norrsken", "Crisp poplin .")
    assert shirt["availability"] == "in_stock"
    assert "18.20" not in json.dumps(shirt)

    trousers = rows(put(tmp_path, answer, "products.json"))["ebba-trousers"]
    assert (trousers["size"], trousers["variant_ids"]) == (["36", "38"], ["EBBA-36", "EBBA-38"])
    assert (trousers["price"], trousers["availability"]) == (99.0, "in_stock")
    assert len(trousers["path"]) == 2


def test_the_page_shows_the_export_of_woocommerce(tmp_path):
    (_, export), _ = examples("WooCommerce")
    path = put(tmp_path, export, "wc-product-export.csv")
    hoodie, beanie = rows(path).values()
    assert [address.rpartition("/")[2] for address in hoodie["path"]] == [
        "hoodie-1.jpg",
        "hoodie-blue.jpg",
        "hoodie-2.jpg",
    ]
    assert (hoodie["item_id"], hoodie["title"], hoodie["category"]) == ("woo-hoodie", "Hoodie", "Hoodies")
    assert (hoodie["price"], hoodie["sale_price"], hoodie["color"]) == (45.0, 42.0, ["Blue", "Green"])
    assert hoodie["variant_ids"] == ["woo-hoodie-blue", "woo-hoodie-green"]
    assert (beanie["item_id"], beanie["price"]) == ("47", 19.9)
    assert "4.5" not in json.dumps(hoodie)

    assert list(rows(path, variants=True)) == ["woo-hoodie-blue", "woo-hoodie-green", "47"]


def test_an_export_of_woocommerce_in_another_language_has_the_same_fields(tmp_path):
    _, (_, export) = examples("WooCommerce")
    (jacket,) = rows(put(tmp_path, export, "wc-product-export.csv")).values()
    assert jacket == {
        "item_id": "woo-jacke",
        "product_id": ["51", "52"],
        "variant_ids": ["woo-jacke-grau"],
        "sku": ["woo-jacke", "woo-jacke-grau"],
        "type": ["variable", "variation"],
        "title": "Jacke",
        "path": ["https://shop.example/wp-content/uploads/jacke.jpg"],
        "description": "Aus Walk.",
        "weight_kg": "0,9",
        "farbe": ["Grau", "Grün"],
        "price": 129.0,
        "sale_price": 99.9,
        "product_type": "Kleidung > Jacken",
        "category": "Jacken",
        "availability": "in_stock",
    }


# ---- formats


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("export", "<rss><channel></channel></rss>"),
        ("export.csv", "\ufeff\n <feed></feed>"),
        ("all.json", "[]"),
        ("all", '{"products": []}'),
        ("meta.csv", "id,title,image_link\n"),
        ("meta.csv", "ID;Image Link\n"),
        ("shop.csv", "Handle,Title,Image Src\n"),
        ("shop.csv", "Title,URL handle,Product image URL\n"),
        ("shop.csv", 'ID,Type,Name,"Regular price",Images\n'),
        ("shop.csv", "ID,Type,UGS,Nom,Tarif régulier,Images\n"),
        ("shop.csv", "ID,Typ,SKU,Namn\n7,simple,cap,Keps\n"),
    ],
)
def test_a_feed_is_told_by_how_it_begins(tmp_path, name, text):
    assert is_feed(put(tmp_path, text, name))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "item_id,path\n1,a.jpg\n"),
        ("a.csv", ""),
        ("a.jsonl", '{"item_id": "1", "path": "a.jpg"}\n'),
        ("a.parquet", "PAR1"),
        ("a.csv", "Handle,Title\n"),
        ("a.csv", "item_id,path,tipo,nome,preço,imagens\n"),
        ("a.csv", "item_id,path,id,image_link\n"),
        ("a.csv", "item_id,path,ID,kind\n1,a.jpg,7,simple\n"),
        ("a.csv", "ID,kind\n7,of a simple cut\n"),
    ],
)
def test_other_catalogues_are_no_feeds(tmp_path, name, text):
    assert not is_feed(put(tmp_path, text, name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_says_its_encoding_by_its_first_bytes(tmp_path, encoding):
    path = put(tmp_path, "id\timage link\ttitle\r\n1\thttps://a.example/1.jpg\tRöd kjol\r\n".encode(encoding))
    assert is_feed(path)
    assert rows(path)["1"]["title"] == "Röd kjol"


def test_a_table_of_another_encoding_is_refused(tmp_path):
    with pytest.raises(UnreadableCatalogue, match="not UTF-8"):
        read_feed(put(tmp_path, "id,image_link,title\n1,https://a.example/1.jpg,Röd\n".encode("latin-1")))


def test_rows_with_too_many_cells_are_reported_and_short_ones_are_read(tmp_path):
    path = put(
        tmp_path, "id,image_link,title,color\n1,x.jpg\n2,y.jpg,Hat,red,and more\n3,z.jpg,Cap,red,,\n\n"
    )
    read = read_feed(path)
    assert [row["item_id"] for row in read.rows] == ["1", "3"]
    assert [(bad.place, bad.reason[:43]) for bad in read.bad] == [
        (f"{path} line 3", "malformed row, 5 cells where the header has")
    ]


@pytest.mark.parametrize(
    ("heading", "number"), [("Google Merchant Center", 0), ("Shopify", 0), ("Shopify", 1), ("WooCommerce", 0)]
)
def test_a_packed_feed_is_read_as_the_plain_one(tmp_path, heading, number):
    text = examples(heading)[number][1]
    plain, packed = put(tmp_path, text, "feed"), put(tmp_path, gzip.compress(text.encode()), "feed.gz")
    assert is_feed(packed) and rows(packed) == rows(plain)


def test_a_quote_that_is_never_closed_is_reported_with_its_line(tmp_path):
    path = put(tmp_path, 'id,image_link\n1,a.jpg\n2,"' + "b.jpg\n3," * 30_000)
    with pytest.raises(UnreadableCatalogue, match=r"line \d+ could not be read.*quote"):
        read_feed(path)


def test_a_file_that_is_no_feed_is_refused(tmp_path):
    with pytest.raises(UnreadableCatalogue, match="not a feed. Accepted: a feed of Google"):
        list(products(put(tmp_path, "name,picture\n"), []))


# ---- variants


def variant(number: int, **fields: str) -> dict[str, str]:
    photo = f"https://a.example/{number}.jpg"
    return {"id": f"v{number}", "item_group_id": "g", "title": "Coat", "image_link": photo, **fields}


def test_the_cheapest_variant_gives_the_prices(tmp_path):
    priced = (
        {"price": "80 EUR"},
        {"price": "90 EUR", "sale_price": "60 EUR"},
        {"price": "70 EUR"},
        {},
    )
    (row,) = rows(table(tmp_path, *(variant(n, **price) for n, price in enumerate(priced)))).values()
    assert (row["price"], row["sale_price"], row["currency"]) == (90.0, 60.0, "EUR")
    reverse = table(tmp_path, *(variant(n, **price) for n, price in reversed([*enumerate(priced)])))
    assert rows(reverse)["g"]["sale_price"] == 60.0


def test_a_product_is_in_stock_if_a_variant_is(tmp_path):
    for states, expected in [
        (("out_of_stock", "in_stock"), "in_stock"),
        (("preorder", "out of stock"), "preorder"),
        (("", "out of stock"), "out_of_stock"),
    ]:
        path = table(tmp_path, *(variant(n, availability=state) for n, state in enumerate(states)))
        assert rows(path)["g"]["availability"] == expected


def test_a_product_keeps_only_so_many_photographs_and_values(tmp_path):
    count = MOST_VALUES + 20
    shared = "https://a.example/shared.jpg"
    path = table(tmp_path, *(variant(n, color=f"c{n}", additional_image_link=shared) for n in range(count)))
    row = rows(path)["g"]
    assert row["path"] == [f"https://a.example/{n}.jpg" for n in range(MOST_PHOTOGRAPHS)]
    assert row["color"] == [f"c{n}" for n in range(MOST_VALUES)]


def test_of_what_is_nested_a_product_has_that_of_its_first_variant(tmp_path):
    shippings = ["<price>4 EUR</price>", "free", "<price>9 EUR</price>"]
    for order in (1, -1):
        items = [
            f"<item><id>{n}</id><item_group_id>g</item_group_id><shipping>{shipping}</shipping></item>"
            for n, shipping in enumerate(shippings[::order])
        ]
        row = rows(put(tmp_path, f"<rss>{''.join(items)}</rss>", "feed.xml"))["g"]
        assert row["shipping"] == {"price": ["4 EUR", "9 EUR"][order < 0]}


def test_variants_need_not_follow_each_other_and_photographs_come_once(tmp_path):
    same = {"image_link": "https://a.example/0.jpg"}
    path = table(tmp_path, variant(0), {"id": "other", "image_link": "o.jpg"}, variant(1, **same), variant(2))
    assert list(rows(path)) == ["g", "other"]
    assert rows(path)["g"]["path"] == ["https://a.example/0.jpg", "https://a.example/2.jpg"]


def test_a_group_is_called_as_its_feed_calls_it(tmp_path):
    path = table(tmp_path, variant(0, title="Coat, red, M", item_group_title="Coat"), variant(1))
    assert rows(path)["g"]["title"] == "Coat"


def test_a_product_is_read_only_when_it_is_asked_for(tmp_path):
    path = put(tmp_path, "<rss>" + "<item><id>1</id></item>" * 20_000 + "<item>", "cut.xml")
    found = products(path, [])
    assert [next(found)["item_id"] for _ in range(2)] == ["1", "1"]
    with pytest.raises(UnreadableCatalogue):
        list(found)


def test_reading_a_large_feed_shows_its_progress(tmp_path, monkeypatch, capfd):
    path = put(tmp_path, "<rss>" + "<item><id>1</id></item>" * 3 + "</rss>")
    read_feed(path)
    assert capfd.readouterr().err == ""
    monkeypatch.setattr(feeds, "LONG", 10)
    read_feed(path)
    assert "Reading the feed: 3/?" in capfd.readouterr().err


def test_a_feed_is_large_from_32_mib_in_all_its_files_on(tmp_path, monkeypatch):
    shown, paths = [], [tmp_path / "1.xml", tmp_path / "2.xml"]
    monkeypatch.setattr(feeds, "progress_bar", lambda *_, disable, **__: shown.append(not disable) or ())
    for size in (2**24 - 1, 2**24):
        for path, length in zip(paths, (2**24, size), strict=True):
            path.touch()
            os.truncate(path, length)
        read_feed(*paths)
    assert shown == [False, True]


# ---- as a catalogue


@pytest.fixture
def feed(tmp_path):
    for name in ("0", "1", "2"):
        (tmp_path / f"{name}.jpg").touch()
    variants = [variant(n, image_link=f"{n}.jpg", color=color) for n, color in enumerate(("red", "blue"))]
    return table(
        tmp_path,
        *variants,
        {"id": "hat", "image_link": "2.jpg", "additional_image_link": "gone.jpg", "color": "red"},
    )


def test_a_feed_is_a_catalogue_of_products(feed):
    catalogue = read_catalogue(str(feed))
    assert {item.item_id: [path.name for path in item.photographs] for item in catalogue.items} == {
        "g": ["0.jpg", "1.jpg"],
        "hat": ["2.jpg"],
    }
    assert [bad.path for bad in catalogue.bad] == ["gone.jpg"]
    assert catalogue.items[0].metadata["color"] == ["red", "blue"]


def test_its_variants_are_items_where_rows_are_not_to_be_grouped(feed):
    def ids(spec: str, group: bool | None) -> list[str]:
        return [item.item_id for item in read_catalogue(spec, group=group).items]

    assert ids(str(feed), group=False) == ["v0", "v1", "hat"]
    assert ids(str(feed), group=True) == ids(str(feed), group=None) == ["g", "hat"]


def test_a_filter_looks_at_each_value_of_a_product(feed):
    for color, expected in [("blue", ["g"]), ("red", ["g", "hat"])]:
        catalogue = read_catalogue(f"{feed}?color={color}")
        assert [item.item_id for item in catalogue.items] == expected
