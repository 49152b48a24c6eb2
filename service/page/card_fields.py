"""Which metadata a card shows: title, brand, prices, currency, link and availability of a product."""

from collections.abc import Iterable

NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "product_title", "product_name", "item_name", "display_name", "titel")
    + ("produktname", "artikelname", "bezeichnung"),
    "brand": ("brand", "brand_name", "vendor", "manufacturer", "designer", "marke", "hersteller"),
    "price": ("price", "regular_price", "list_price", "original_price", "price_eur", "preis"),
    "sale_price": ("sale_price", "special_price", "discounted_price", "current_price", "aktionspreis"),
    "currency": ("currency", "currency_code", "price_currency", "währung"),
    "link": ("link", "product_link", "product_url", "url", "deeplink", "permalink", "canonical_url"),
    "availability": ("availability", "in_stock", "is_in_stock", "available", "stock_status", "sold_out")
    + ("stock_quantity", "quantity", "stock", "inventory", "verfügbarkeit"),
}
"""Common names for each role, the more telling ones first; how they are written does not count."""

ROLES = tuple(NAMES)


def plain(name: str) -> str:
    """Return a field's name in lower case, of letters and digits alone: `Product-Name` is `productname`."""
    return "".join(filter(str.isalnum, name.lower()))


def card_fields(chosen: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the plain names of fields for each role; of these the first that fits an item counts.

    Parameters
    ----------
    chosen : iterable of (str, str)
        Roles and the fields that hold them in this catalogue, instead of the common names.
    """
    return {role: [plain(name) for name in names] for role, names in NAMES.items()} | {
        role: [plain(field)] for role, field in chosen
    }
