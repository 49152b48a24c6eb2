"""From a feed's texts to an item's fields: a row is a product or a variant, its fields named as Google's.

These are listed at https://support.google.com/merchants/answer/7052112; other feeds are translated into them.
"""

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from training.catalogue.item_rules import MOST_PHOTOGRAPHS
from training.photo.garment_types import type_of

LONGEST_DESCRIPTION = 5000
"""Characters, which are also the most that Google accepts."""

SALE_DATES = "sale_price_effective_date"
CURRENCIES = {"€": "EUR", "£": "GBP"}
AVAILABILITIES = {
    "instock": "in_stock",
    "outofstock": "out_of_stock",
    "preorder": "preorder",
    "backorder": "backorder",
}
SPELLINGS = {"colour": "color"}

_PRIVATE = {"cost_of_goods_sold", "cost_per_item", "auto_pricing_min_price"}
_TRANSLATED = {"id", "image_link", "additional_image_link"}
_SINGLE = ("title", "link", "brand", "item_group_id")
_SHORT = 40
_NUMBER = re.compile(r"\d(?:[\d.,'\s]*\d)?")
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_TAG = re.compile(r"<[A-Za-z/!][^<>]*>")
_BETWEEN_ADDRESSES = re.compile(r"\s*[,|]\s*(?=https?://)|\s+(?=https?://)")


@lru_cache(maxsize=4096)
def field_name(heading: str) -> str:
    """Return a heading as the name of a field: lower case, words joined by underscores."""
    name = re.sub(r"\W+", "_", heading.lower()).strip("_")
    return SPELLINGS.get(name, name)


def texts(value: Any) -> list[str]:
    """Return the texts of a field that may be missing, a text or a list of them."""
    found = value if isinstance(value, list) else [value]
    return [text.strip() for text in found if isinstance(text, str) and text.strip()]


def first_text(value: Any) -> str:
    """Return the first text of a field; an empty one where there is none."""
    return next(iter(texts(value)), "")


def _number(digits: str) -> float:
    """Return the number that digits with separators mean: the last point, or comma, is the decimal sign.

    A comma before exactly three digits, and a sign that comes twice, separate thousands.
    """
    digits = re.sub(r"[\s']", "", digits)
    at = max(digits.rfind("."), digits.rfind(","))
    if at >= 0 and (digits.count(digits[at]) > 1 or (digits[at] == "," and len(digits) - at == 4)):
        at = len(digits)
    whole, part = (digits, "") if at < 0 else (digits[:at], digits[at + 1 :])
    return float(f"{re.sub(r'[.,]', '', whole)}.{part or 0}")


def money(text: str) -> tuple[float | None, str | None]:
    """Return amount and currency of a price such as ``29.90 EUR``, ``1,299.00 USD`` or ``29,90 €``.

    Either is None where the text does not say it; the currency is its ISO 4217 code.
    """
    amount, code = _NUMBER.search(text), _CODE.search(text)
    sign = next((code for sign, code in CURRENCIES.items() if sign in text), None)
    return (_number(amount[0]) if amount else None), (code[0] if code else sign)


def addresses(*values: Any) -> list[str]:
    """Return the different addresses of fields, in order; several in one text are separated by commas."""
    found = (part for value in values for text in texts(value) for part in _BETWEEN_ADDRESSES.split(text))
    return [*dict.fromkeys(filter(None, found))]


def plain(text: str) -> str:
    """Return a description without its HTML, with single spaces, and cut off where it is too long."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())[:LONGEST_DESCRIPTION].rstrip()


def category_of(*paths: str) -> str | None:
    """Return the part of paths such as ``Women > Trousers > Slim`` that says what a product is.

    It is the last one of the first path that names a type of garment, or else the last one of the first
    path. Google's numbers are no paths.
    """
    split = [
        [part.strip() for part in path.split(">") if part.strip()] for path in paths if not path.isdigit()
    ]
    parts = [part for path in split for part in reversed(path)]
    return next(filter(type_of, parts), parts[0] if parts else None)


def _availability(text: str) -> str:
    name = field_name(text.rpartition("/")[2])  # schema.org's are addresses
    return AVAILABILITIES.get(name.replace("_", ""), name)


def _is_on_sale(dates: str) -> bool:
    """Return whether it is between two moments of ISO 8601, such as ``2026-11-24T00:00+0100/2026-12-01``."""
    try:
        begins, ends = (datetime.fromisoformat(each.strip()) for each in dates.split("/"))
    except ValueError:  # none are given, or they are not understood
        return True
    begins, ends = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (begins, ends))
    return begins <= datetime.now(UTC) <= ends


def _known(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    price, currency = money(first_text(fields.get("price")))
    sale_price, of_sale = money(first_text(fields.get("sale_price")))
    kinds = texts(fields.get("product_type")), texts(fields.get("google_product_category"))
    yield "item_id", first_text(fields.get("id"))
    yield "path", addresses(fields.get("image_link"), fields.get("additional_image_link"))[:MOST_PHOTOGRAPHS]
    yield "category", category_of(*kinds[0], *texts(fields.get("category")), *kinds[1])
    yield "description", plain(first_text(fields.get("description")))
    yield "price", price
    yield "sale_price", sale_price if _is_on_sale(first_text(fields.get(SALE_DATES))) else None
    yield "currency", currency or of_sale or fields.get("currency")
    yield "availability", _availability(first_text(fields.get("availability")))
    for name in _SINGLE:
        yield name, first_text(fields.get(name))


@lru_cache(maxsize=4096)
def _same(text: str) -> str:
    return text


def _once(value: Any) -> Any:
    """Return a value, and of short texts, which many products share, always the same object."""
    return _same(value) if isinstance(value, str) and len(value) <= _SHORT else value


def product_row(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a catalogue that a product is.

    Parameters
    ----------
    fields : mapping
        Texts, lists of texts or nested objects, under Google's names: ``id``, ``image_link``, ``price``, …

    Returns
    -------
    dict
        ``item_id``, ``path`` (a list of up to `MOST_PHOTOGRAPHS` addresses), ``category``
        (see `category_of`), ``price`` and ``sale_price`` as numbers, ``currency``, ``availability``
        (``in_stock``, …), ``description`` as plain text, and all other fields as they are. Empty ones are
        left out, and what a product costs the shop itself.
    """
    left = {name: value for name, value in fields.items() if name not in _TRANSLATED | _PRIVATE}
    row = {**left, **dict(_known(fields))}
    return {name: _once(value) for name, value in row.items() if value not in (None, "", [], {})}
