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
    if label == BACKGROUND:
        return CLASSES.index(BACKGROUND)
    if label in _PERSON or label == PERSON:
        return CLASSES.index(PERSON)
    kind = type_of(label)
    return UNKNOWN if kind is None else CLASSES.index(kind)


def parsed_items(catalogue: Catalogue) -> list[Item]:
    """Return the items that have a picture of labels, which may be some of a catalogue's only."""
    return [item for item in catalogue.items if item.metadata.get("mask")]


def is_parsed(catalogue: Catalogue) -> bool:
    """Return whether any of the items has a picture of labels."""
    return bool(parsed_items(catalogue))


def is_held_out(item: Item) -> bool:
    """Return whether a photograph is kept out of training, by its id, whatever catalogue it is in."""
    return crc32(item.item_id.encode()) % HELD_OUT == 0


def label_names(catalogue: Catalogue) -> dict[int, str]:
    """Return the name of each label number.

    Raises
    ------
    UnreadableCatalogue
        There is no `labels.csv` with the columns `number` and `name` beside the catalogue.
    """
    path = (catalogue.root or Path()) / LABELS_FILE
    try:
        with path.open(newline="") as file:
            names = {int(row["number"]): row["name"].strip().lower() for row in csv.DictReader(file)}
        if wrong := [number for number in names if number not in range(256)]:
            raise ValueError(f"{wrong[0]} is not a value of 8 bits")
        return names
    except (OSError, KeyError, ValueError) as error:
        raise UnreadableCatalogue(
            f"The labels of {catalogue.source} can't be read from {path}: {error}. "
            "Write the columns number and name, a row for each label."
        ) from error


def class_table(catalogue: Catalogue) -> np.ndarray:
    """Return the class of each label number: uint8 (256,), `UNKNOWN` where there is none.

    Raises
    ------
    UnreadableCatalogue
        See `label_names`.
    """
    table = np.full(256, UNKNOWN, np.uint8)
    for number, name in label_names(catalogue).items():
        table[number] = _class(name)
    return table


def read_labels(item: Item, root: Path) -> np.ndarray:
    """Read the label numbers of a photograph: uint8 (h, w).

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
    return labels


def read_classes(item: Item, table: np.ndarray, root: Path) -> np.ndarray:
    """Read the class map of a photograph: uint8 (h, w), indices of `CLASSES`, or `UNKNOWN`.

    Raises
    ------
    UnreadableImage
    """
    return table[read_labels(item, root)]
