"""The classes that a photograph is parsed into: background, person, and the types of garment."""

import re

BACKGROUND, PERSON = "background", "person"
TYPES = ("upper", "outer", "dress", "trousers", "skirt", "shoes", "bag", "hat")
CLASSES = (BACKGROUND, PERSON, *TYPES)
"""In the order of the network's output; a class map holds their numbers."""

NAMES = {
    "upper": (
        "blouse bodysuit bra hoodie jersey jumper longsleeve polo pullover shirt singlet sweater sweatshirt "
        "t-shirt tank tee top tunic undershirt upper vest"
    ),
    "outer": (
        "anorak blazer cape cardigan coat gilet jacket outer outerwear outwear parka poncho suit trench"
    ),
    "dress": "dress gown jumpsuit overall playsuit romper swimsuit",
    "trousers": "chino jean jegging jogger legging pant short sweatpant trouser",
    "skirt": "skirt",
    "shoes": "boot clog flat footwear heel loafer pump sandal shoe sneaker trainer wedge",
    "bag": "backpack bag clutch handbag purse wallet",
    "hat": "beanie beret cap hat headwear",
}
"""Words, in the singular, that a shop's categories use for each type."""

_TYPE_OF = {name: kind for kind, names in NAMES.items() for name in names.split()}


def type_of(category: str | None) -> str | None:
    """Return the type of garment that a category names by its last known word; None where it names none.

    Examples
    --------
    >>> type_of("Long-sleeved T-shirts"), type_of("shirt dress"), type_of("sale"), type_of(None)
    ('upper', 'dress', None, None)
    """
    words = re.findall(r"[a-z]+(?:-[a-z]+)*", (category or "").lower())
    for word in reversed([part for found in words for part in (*found.split("-"), found)]):
        for singular in (word, word.removesuffix("s"), word.removesuffix("es")):
            if singular in _TYPE_OF:
                return _TYPE_OF[singular]
    return None
