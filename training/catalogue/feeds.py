"""A shop's feed as the rows of a catalogue: its format told, the variants of a product as one item."""

import codecs
import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from training.catalogue import merchant, shopify, woocommerce
from training.catalogue.item_rules import MOST_PHOTOGRAPHS
from training.catalogue.packed import open_plain, open_text, suffix_of
from training.catalogue.product_fields import field_name
from training.catalogue.tables import NOT_UTF8, REQUIRED, BadRow, CatalogueRows
from training.catalogue.woocommerce_headings import column_name
from training.errors import UnreadableCatalogue
from training.progress import progress_bar

ACCEPTED = (
    "Accepted: a feed of Google Merchant Center (RSS, Atom or a table with id and image_link), Shopify's "
    "product CSV or products.json, WooCommerce's product CSV."
)
HEAD = 65_536
LONG = 32 * 2**20
"""Bytes of a feed from which reading it takes seconds, and shows its progress."""

SEPARATORS = ",\t;"
MOST_VALUES = 100
"""Different values of a field that are kept of a product's variants."""

_LINES = {".jsonl", ".ndjson", ".parquet"}  # never a feed
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OF_THE_FIRST = {"item_id", "item_group_id", "path", "category", "title", "description", "link"}
_PRICES = ("price", "sale_price", "currency")

Row = dict[str, Any]


@dataclass(frozen=True)
class _Table:
    """A feed that is a table: the columns that tell it, how a heading is named, and the way to products."""

    columns: set[str]
    named: Callable[[str], str]
    products: Callable[[Iterable[dict[str, str]]], Iterator[Row]]


_TABLES = (
    _Table(merchant.COLUMNS, field_name, merchant.read_rows),
    _Table(shopify.COLUMNS, shopify.column_name, shopify.read_rows),
    _Table(woocommerce.COLUMNS, column_name, woocommerce.read_rows),
)


def _head(path: Path) -> tuple[str, str]:
    """Return the encoding of a file and its start as text, whatever it holds."""
    with open_plain(path) as file:
        head = file.read(HEAD)
    encoding = "utf-16" if head.startswith(_UTF_16) else "utf-8-sig"
    return encoding, head.decode(encoding, errors="replace").lstrip()


def _separator(head: str) -> str:
    heading = head.partition("\n")[0]
    return max(SEPARATORS, key=heading.count)


def _first_rows(head: str) -> list[list[str]]:
    """Return the headings and the first row of a table; none of one with the columns of a catalogue."""
    rows = [*islice(csv.reader(io.StringIO(head, newline=""), delimiter=_separator(head)), 2)]
    return rows if rows and not {*REQUIRED} <= {*rows[0]} else [[]]


def _table_of(head: str) -> _Table | None:
    headings = _first_rows(head)[0]
    return next((each for each in _TABLES if each.columns <= {*map(each.named, headings)}), None)


def _cells(path: Path, table: _Table, bad: list[BadRow]) -> Iterator[dict[str, str]]:
    """Yield the rows of a table as texts; cells that its end lacks are empty, and too many are reported."""
    encoding, head = _head(path)
    with open_text(path, encoding=encoding) as text:
        lines = csv.reader(text, delimiter=_separator(head))
        try:
            names = [table.named(heading) for heading in next(lines)]
            for cells in lines:
                if any(cells[len(names) :]):
                    reason = f"malformed row, {len(cells)} cells where the header has {len(names)}"
                    bad.append(BadRow(f"{path} line {lines.line_num}", f"{reason}: {str(cells)[:80]}"))
                elif any(cells):
                    yield dict(zip(names, map(str.strip, cells), strict=False))
        except UnicodeError as error:
            raise UnreadableCatalogue(NOT_UTF8.format(path=path)) from error
        except csv.Error as error:
            raise UnreadableCatalogue(
                f"{path} line {lines.line_num} could not be read: {error}. Is a quote not closed?"
            ) from error


def is_feed(path: Path) -> bool:
    """Return whether a file is a shop's feed, or looks like one, by its suffix and how it begins."""
    if suffix_of(path) in _LINES:
        return False
    head = _head(path)[1]
    return (
        head.startswith(("<", "{"))
        or suffix_of(path) == ".json"
        or _table_of(head) is not None
        or woocommerce.is_export(_first_rows(head))
    )


def products(path: Path, bad: list[BadRow], *, shop: str = "") -> Iterator[Row]:
    """Yield the products and variants of a feed, one after the other, in constant memory.

    Parameters
    ----------
    path : Path
        A feed of Google Merchant Center (XML, or a table of text), Shopify's CSV or ``products.json``, or
        WooCommerce's CSV, of which the products with variations are kept.
    bad : list of BadRow
        Rows that can't be read are added to it.
    shop : str
        The address of the shop that `products.json` comes from, if it does.

    Raises
    ------
    UnreadableCatalogue
        It is malformed, or none of these.
    """
    _, head = _head(path)
    if head.startswith("<"):
        yield from merchant.read_xml(path)
    elif head.startswith("{") or suffix_of(path) == ".json":
        yield from shopify.read_json(path, shop=shop)
    elif table := _table_of(head):
        yield from table.products(_cells(path, table, bad))
    elif woocommerce.is_export(_first_rows(head)):
        raise UnreadableCatalogue(f"{path} {woocommerce.NOT_TOLD}")
    else:
        raise UnreadableCatalogue(f"{path} is not a feed. {ACCEPTED}")


def all_products(paths: Sequence[Path], bad: list[BadRow], *, shop: str = "") -> Iterator[Row]:
    """Yield the products and variants of the files that make a feed together; see `products`.

    Where that takes seconds, it shows its progress.
    """
    found = chain.from_iterable(products(path, bad, shop=shop) for path in paths)
    short = sum(path.stat().st_size for path in paths) < LONG
    return iter(progress_bar(found, desc="Reading the feed", unit="product", disable=short))


def _is_whole(row: Row) -> bool:
    """Whether a row is a product whose variants have rows of their own."""
    return row.get("type") == woocommerce.VARIABLE and row["item_id"] == row.get("item_group_id")


def _costs(row: Row) -> float:
    return min((row[name] for name in ("price", "sale_price") if row.get(name) is not None), default=math.inf)


def _union(known: Any, value: Any) -> Any:
    """Return the different values of two, each one or several; the first where any is nested."""
    both = [each for some in (known, value) for each in (some if isinstance(some, list) else [some])]
    if not all(isinstance(each, str | int | float) for each in both):
        return known
    different = [*dict.fromkeys(both)][:MOST_VALUES]
    return different if len(different) > 1 else known


def _add(product: Row, variant: Row, mains: int) -> int:
    """Add what a further variant has to a product; return how many photographs are the first of a variant.

    These stand before all others.
    """
    known, more = product.get("path", []), variant.get("path", [])
    leading = [*dict.fromkeys([*known[:mains], *more[:1]])]
    if photographs := [*dict.fromkeys([*leading, *known, *more])][:MOST_PHOTOGRAPHS]:
        product["path"] = photographs
    if _costs(variant) < _costs(product):
        product |= dict.fromkeys(_PRICES) | {name: variant[name] for name in _PRICES if name in variant}
    for name in variant.keys() - _OF_THE_FIRST - {*_PRICES}:
        product[name] = _union(product.get(name, variant[name]), variant[name])
    return len(leading)


def _with_id(variant: Row) -> Row:
    """Name a variant among those of its product, whose id is that of the group."""
    return variant if _is_whole(variant) else {**variant, "variant_ids": [variant["item_id"]]}


def _grouped(rows: Iterable[Row]) -> list[Row]:
    """Return an item a product: with all photographs of its variants, the lowest price and all values."""
    listed: list[Row] = []
    groups: dict[str, tuple[Row, int]] = {}
    for row in rows:
        group = row.get("item_group_id")
        if group is None:
            listed.append(row)
        elif group in groups:
            product, mains = groups[group]
            groups[group] = product, _add(product, _with_id(row), mains)
        else:
            product = _with_id(row) | {"item_id": group, "item_group_id": None}
            product["title"] = row.get("item_group_title", row.get("title"))
            listed.append(product)
            groups[group] = product, 1
    for product, _ in groups.values():
        _tidy(product)
    return listed


def _tidy(product: Row) -> None:
    """Say of a product's variants together whether it is in stock, and remove what it has no value of."""
    if isinstance(found := product.get("availability"), list):
        product["availability"] = "in_stock" if "in_stock" in found else found[0]
    for name in [name for name, value in product.items() if value is None]:
        del product[name]


def _apart(rows: Iterable[Row]) -> list[Row]:
    """Return an item a variant: without the products whose variants have rows of their own."""
    listed = list(rows)
    varied = {row.get("item_group_id") for row in listed if not _is_whole(row)}
    return [row for row in listed if not (_is_whole(row) and row["item_id"] in varied)]


def read_feed(*paths: Path, variants: bool = False, shop: str = "") -> CatalogueRows:
    """Read a feed as the rows of a catalogue, an item a product.

    Parameters
    ----------
    paths : Path
        The file, or the files that make the feed together.
    shop
        See `products`.
    variants : bool
        An item a variant, instead. Else variants of one ``item_group_id`` are one item, of that id: with the
        photographs of all, at most `MOST_PHOTOGRAPHS`, the first of each variant before all others, the
        lowest price, ``in_stock`` if one is, ``variant_ids``, and of other fields all different values.

    Returns
    -------
    CatalogueRows
        Rows with ``item_id``, ``path`` (a list of addresses) and the fields that `product_row` gives them.

    Raises
    ------
    UnreadableCatalogue
        See `products`.
    """
    bad: list[BadRow] = []
    found = all_products(paths, bad, shop=shop)
    return CatalogueRows(_apart(found) if variants else _grouped(found), bad)
