"""Shopify's products: its CSV export, of old headings or new, and `products.json`."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ijson

from training.catalogue.packed import open_plain
from training.catalogue.product_fields import field_name, first_text, money, product_row
from training.errors import UnreadableCatalogue

COLUMNS = {"handle", "image_src"}
"""What a table has that is such an export, under the names of `column_name`."""

_NAMES = {
    "url_handle": "handle",
    "body_html": "description",
    "vendor": "brand",
    "type": "product_type",
    "product_category": "google_product_category",
    "barcode": "gtin",
    "product_image_url": "image_src",
    "image_url": "image",  # of a variant
    "inventory_qty": "inventory_quantity",
    "continue_selling_when_out_of_stock": "inventory_policy",
    "published_on_online_store": "published",
}
_OPTIONS = (1, 2, 3)
_NO_OPTION = "Default Title"
_OF_A_VARIANT = {"sku", "gtin", "price", "compare_at_price", "image", "inventory_quantity", "available"}
_CONSUMED = {"image", "image_src", "image_position", "image_alt_text", "compare_at_price", "available"}
_CONSUMED |= {"inventory_tracker", "inventory_policy", "published", "status"}
_TAKEN = {"sku", "price", "compare_at_price", "barcode", "available", "inventory_quantity", "grams"}
_CONSUMED |= {f"option{n}_{part}" for n in _OPTIONS for part in ("name", "value", "linked_to")}
_SEPARATORS = {"tags": ",", "color": ";", "material": ";", "fabric": ";"}

_NEEDED = "Accepted: products.json as Shopify has it, an object with the list 'products'."

Line = Mapping[str, Any]


def column_name(heading: str) -> str:
    """Return a heading of either export as the name of a field."""
    heading = heading.partition("(product.metafields")[0]
    name = field_name(heading.removeprefix("Variant ").removeprefix("Google Shopping / "))
    return _NAMES.get(name, name)


def _is_for_sale(product: Line) -> bool:
    return first_text(product.get("published")).lower() not in ("false", "no", "0") and (
        first_text(product.get("status")).lower() in ("active", "")
    )


def _availability(line: Line) -> str:
    """Return whether one can buy a variant: its stock is not counted, or there is some, or it may run out."""
    if isinstance(available := line.get("available"), bool):
        return "in_stock" if available else "out_of_stock"
    if "inventory_quantity" not in line:
        return ""
    stock = first_text(line["inventory_quantity"])
    counted = first_text(line.get("inventory_tracker"))
    sold_anyway = first_text(line.get("inventory_policy")).lower() in ("continue", "true")
    there = not stock.startswith("-") and (money(stock)[0] or 0) > 0
    return "in_stock" if there or sold_anyway or not counted else "out_of_stock"


def _prices(line: Line) -> dict[str, str]:
    """Return the prices as Google has them: what it cost before, and what it costs in the sale."""
    now, before = first_text(line.get("price")), first_text(line.get("compare_at_price"))
    in_sale = (money(before)[0] or 0) > (money(now)[0] or 0)
    return {"price": before, "sale_price": now} if in_sale else {"price": now}


def _options(first: Line, line: Line) -> Iterator[tuple[str, str]]:
    for n in _OPTIONS:
        name, value = field_name(first_text(first.get(f"option{n}_name"))), line.get(f"option{n}_value")
        if name and value and value != _NO_OPTION:
            yield ("variant" if name == "title" else name), value


def _filled(line: Line) -> dict[str, Any]:
    """Return the fields of a line that are not empty, lists in one text taken apart."""
    filled = {name: value for name, value in line.items() if value not in (None, "")}
    for name, sign in _SEPARATORS.items():
        if sign in (text := first_text(filled.get(name))):
            filled[name] = [part.strip() for part in text.split(sign) if part.strip()]
    return filled


def _photographs(own: str, every: Sequence[str], of_variants: set[Any]) -> list[str]:
    """Return a variant's own photograph with those that are of no other, or all where it has none."""
    return [own, *(each for each in every if each not in of_variants)] if own else [*every]


def _variants(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """Yield the variants of a product, each of whose lines is a variant, a photograph, or both."""
    first, handle = lines[0], first_text(lines[0].get("handle"))
    if not _is_for_sale(first):
        return
    shown = [line for line in lines if line.get("image_src")]
    shown.sort(key=lambda line: money(str(line.get("image_position")))[0] or 0)
    every, of_variants = [line["image_src"] for line in shown], {line.get("image") for line in lines}
    shared = {name: value for name, value in _filled(first).items() if name not in _OF_A_VARIANT}
    sold = [line for line in lines if line is first or line.get("price") or line.get("option1_value")]
    for number, line in enumerate(sold, start=1):
        fields = {**shared, **_filled(line), **dict(_options(first, line))}
        fields |= {
            "id": first_text(line.get("sku")) or f"{handle}-{number}",
            "item_group_id": handle,
            "image_link": _photographs(first_text(line.get("image")), every, of_variants),
            "availability": _availability(line),
            **_prices(line),
        }
        yield product_row({name: value for name, value in fields.items() if name not in _CONSUMED})


def read_rows(rows: Iterable[Line]) -> Iterator[dict[str, Any]]:
    """Yield the variants of an export's rows; those of a product follow each other."""
    for _, lines in groupby(rows, key=lambda row: row.get("handle")):
        yield from _variants(list(lines))


def _lines(product: Mapping[str, Any], shop: str) -> Iterator[dict[str, Any]]:
    """Yield a product of `products.json` as the lines that the CSV export would have of it."""
    left = {"id", "variants", "images", "image", "options"}
    shared = {column_name(name): value for name, value in product.items() if name not in left}
    if shop:
        shared["link"] = f"{shop}/products/{quote(str(shared.get('handle')))}"
    for n, option in enumerate(product.get("options") or [], start=1):
        shared[f"option{n}_name"] = option.get("name")
    sources = {image.get("id"): image.get("src") for image in product.get("images") or []}
    for number, variant in enumerate(product.get("variants") or [{}]):
        line = {column_name(name): value for name, value in variant.items() if name in _TAKEN}
        line |= {f"option{n}_value": variant.get(f"option{n}") for n in _OPTIONS}
        featured = variant.get("featured_image") or {}
        line["image"] = featured.get("src") or sources.get(variant.get("image_id"))
        yield (shared if number == 0 else {"handle": shared.get("handle")}) | line
    for position, source in enumerate(sources.values(), start=1):
        yield {"handle": shared.get("handle"), "image_src": source, "image_position": str(position)}


def read_json(path: Path, *, shop: str = "") -> Iterator[dict[str, Any]]:
    """Yield the variants of the products of `products.json`, one product after the other.

    Parameters
    ----------
    path : Path
    shop : str
        The address of the shop, such as ``https://shop.example``, below which its products have pages.

    Raises
    ------
    UnreadableCatalogue
        It is not JSON, or has no list of objects `products`.
    """
    empty = True
    try:
        with open_plain(path) as file:
            if file.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
                file.read(len(BOM_UTF8))
            for product in ijson.items(file, "products.item", use_float=True):
                empty = False
                yield from _variants([*_lines(product, shop)])
    except (ijson.JSONError, UnicodeError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableCatalogue(f"{path} could not be read: {reason}. {_NEEDED}") from error
    if empty:
        raise UnreadableCatalogue(f"{path} has no products. {_NEEDED}")
