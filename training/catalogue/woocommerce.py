"""WooCommerce's product export: CSV, a row a product or a variation of one."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from typing import Any

from training.catalogue.product_fields import SALE_DATES, field_name, product_row

COLUMNS = {"type", "name", "regular_price", "images"}
"""What a table has that is such an export, under the names of `woocommerce_headings.column_name`."""

NOT_TOLD = (
    "looks like an export of WooCommerce, but lacks one of the columns Type, Name, Regular price and Images "
    "in English, Dutch, French, German, Italian, Portuguese or Spanish. In WordPress choose English as the "
    "language of your profile, and export all columns."
)

VARIABLE, VARIATION = "variable", "variation"
_NAMES = {
    "name": "title",
    "regular_price": "price",
    "images": "image_link",
    "categories": "product_type",
    "brands": "brand",
    "external_url": "link",
    "gtin_upc_ean_or_isbn": "gtin",
}
_TYPES = {"simple", VARIABLE, VARIATION, "grouped", "external"}
_AVAILABILITIES = {"1": "in_stock", "0": "out_of_stock", "backorder": "backorder"}
_COMMA = re.compile(r"(?<!\\),\s*")
_ITS_OWN = {"id", "product_id", "type", "sku", "gtin", "price", "sale_price", "availability", "stock"}
_CONSUMED = re.compile(
    "attribute_|meta__|download|in_stock$|published$|visibility_in|parent$|position$|date_sale|purchase_note$"
)

Row = Mapping[str, str]


def _split(text: str) -> list[str]:
    return [part.replace("\\,", ",").strip() for part in _COMMA.split(text) if part.strip()]


def is_export(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table looks like an export, in whatever language, by its headings and its first row.

    Types of products are not translated.
    """
    return "ID" in rows[0] and any(not _TYPES.isdisjoint(_split(cell)) for row in rows[1:] for cell in row)


def _attributes(row: Row) -> Iterator[tuple[str, Any]]:
    for number in count(1):
        if (name := row.get(f"attribute_{number}_name")) is None:
            return
        values = _split(row.get(f"attribute_{number}_value_s", ""))
        if name and values:
            yield field_name(name.removeprefix("pa_")), values if len(values) > 1 else values[0]


def _sale_dates(row: Row) -> str:
    """Return when the sale price holds, as Google has it: both days included, either may be open."""
    begins, ends = (row.get(f"date_sale_price_{word}", "") for word in ("starts", "ends"))
    return f"{begins or date.min}/{ends or date.max}T23:59:59" if begins or ends else ""


def _fields(row: Row) -> dict[str, Any]:
    fields: dict[str, Any] = {
        _NAMES.get(name, name): value for name, value in row.items() if value and not _CONSUMED.match(name)
    }
    kinds = sorted(_split(row.get("categories", "")), key=lambda path: -path.count(">"))  # the deepest first
    fields["product_type"] = kinds[0] if len(kinds) == 1 else kinds
    fields["tags"] = _split(row.get("tags", ""))
    fields["description"] = row.get("description") or row.get("short_description", "")
    fields["id"], fields["product_id"] = row.get("sku") or row.get("id", ""), row.get("id", "")
    fields["availability"] = _AVAILABILITIES.get(row.get("in_stock", ""), "")
    fields[SALE_DATES] = _sale_dates(row)
    return {name: value for name, value in {**fields, **dict(_attributes(row))}.items() if value}


def _is_shown(row: Row) -> bool:
    hidden = any(row.get(f"visibility_in_{word}") == "hidden" for word in ("catalog", "catalogue"))
    return row.get("published", "1") == "1" and not hidden


def read_rows(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Yield the products and variations that are shown; what a variation does not say, its product does.

    A product with variations comes as a row of its own, of the type `VARIABLE`. These are kept in memory.
    """
    parents: dict[str, dict[str, Any] | None] = {}  # None for what is not shown
    for row in rows:
        fields, kinds = _fields(row), set(_split(row.get("type", "").lower()))
        inherited: dict[str, Any] | None = {}
        if VARIATION in kinds:
            parent = row.get("parent", "")
            inherited = parents.get(parent, {"item_group_id": parent.removeprefix("id:")})
        elif VARIABLE in kinds:
            fields["item_group_id"] = fields["id"]
            shared = {name: value for name, value in fields.items() if name not in _ITS_OWN}
            names = filter(None, (f"id:{row.get('id')}", row.get("sku")))
            parents |= dict.fromkeys(names, shared if _is_shown(row) else None)
        if inherited is not None and _is_shown(row):
            yield product_row({**inherited, **fields})
