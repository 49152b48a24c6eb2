"""Catalogues of parsed photographs: beside each, a picture of labels that says what every pixel is.

A column `mask` names the picture, 8 bits, one label number a pixel, in the photograph's size; `labels.csv`
beside the catalogue gives each number its name.
"""

import csv
from pathlib import Path
from zlib import crc32

import numpy as np
from PIL import Image

from training.catalogue.reader import Catalogue, Item
from training.errors import UnreadableCatalogue, UnreadableImage
from training.photo.garment_types import BACKGROUND, CLASSES, PERSON, type_of

LABELS_FILE = "labels.csv"
UNKNOWN = 255
"""In a class map: no class, such as of a scarf, which is neither person nor a type of garment."""

HELD_OUT = 8
"""One in so many photographs is kept out of training, to judge what was learned from the others."""

_PERSON = {
    "accessories", "bracelet", "earrings", "face", "glasses", "gloves", "hair", "necklace", "ring", "skin",
    "socks", "stockings", "sunglasses", "tights", "watch",
}  # fmt: skip


def _class(label: str) -> int:
    name = label.strip().lower()
    if name == BACKGROUND:
        return CLASSES.index(BACKGROUND)
    if name in _PERSON or name == PERSON:
        return CLASSES.index(PERSON)
    kind = type_of(name)
    return UNKNOWN if kind is None else CLASSES.index(kind)


def is_parsed(catalogue: Catalogue) -> bool:
    """Return whether the items have pictures of labels."""
    return any("mask" in item.metadata for item in catalogue.items)


def is_held_out(item: Item) -> bool:
    """Return whether a photograph is kept out of training, by its id, whatever catalogue it is in."""
    return crc32(item.item_id.encode()) % HELD_OUT == 0


def class_table(catalogue: Catalogue) -> np.ndarray:
    """Return the class of each label number: uint8 (256,), `UNKNOWN` where there is none.

    Raises
    ------
    UnreadableCatalogue
        There is no `labels.csv` with the columns `number` and `name` beside the catalogue.
    """
    path = (catalogue.root or Path()) / LABELS_FILE
    table = np.full(256, UNKNOWN, np.uint8)
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                table[int(row["number"])] = _class(row["name"])
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise UnreadableCatalogue(
            f"The labels of {catalogue.source} can't be read from {path}: {error}. "
            "Write the columns number and name, a row for each label."
        ) from error
    return table


def read_classes(item: Item, table: np.ndarray, root: Path) -> np.ndarray:
    """Read the class map of a photograph: uint8 (h, w), indices of `CLASSES`, or `UNKNOWN`.

    Raises
    ------
    UnreadableImage
    """
    path = root / str(item.metadata.get("mask"))
    try:
        with Image.open(path) as picture:
            labels = np.asarray(picture)
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableImage(f"The labels of {item.item_id} can't be read from {path}: {error}.") from error
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise UnreadableImage(
            f"The labels of {item.item_id} are not a picture of 8 bits and one channel: {path}."
        )
    return table[labels]
