"""The garments of parsed photographs of people, by the categories of a catalogue of laid-out ones."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from training.catalogue.parsed import is_held_out, label_names, parsed_items, read_labels
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import UnreadableImage
from training.fit.dataset import Dataset, Source, cut
from training.fit.garment_views import VERSION, of_worn
from training.photo.garment_types import type_of

ALIKE = (
    "jeans leggings chinos trousers pants",
    "sweater sweatshirt jumper pullover hoodie longsleeve",
    "shirt blouse",
    "coat jacket blazer suit cape cardigan outwear",
    "dress romper",
)
"""Labels, and categories, of the same cut."""

LEAST_SHARE = {"shoes": 0.004, "hat": 0.004, "bag": 1.0}
"""Share of the picture from which a garment is learned from; `LEAST` for all other types."""

LEAST = 0.015


def category_of(label: str, categories: set[str]) -> str | None:
    """Return the one of a catalogue's categories that a label means; None where none or several may be meant.

    Examples
    --------
    >>> category_of("jeans", {"pants", "shorts"}), category_of("blouse", {"skirt"})
    ('pants', None)
    """
    if label in categories:
        return label
    for alike in ALIKE:
        named = categories.intersection(alike.split())
        if label in alike.split() and len(named) == 1:
            return named.pop()
    same = {category for category in categories if type_of(category) == type_of(label) is not None}
    return same.pop() if len(same) == 1 else None


def worn_garments(
    catalogue: Catalogue, categories: set[str], *, held_out: bool | None
) -> tuple[list[tuple[Item, int]], list[BadItem]]:
    """Return an item and its label's number for each garment that is large enough in its photograph.

    Parameters
    ----------
    catalogue : Catalogue
        Photographs of it that are not parsed are left out.
    categories : set of str
        What the garments are to be called; those that none of them means are given no category.
    held_out : bool or None
        Whether to take the photographs that are kept out of training, or the others; None for all.

    Returns
    -------
    garments : list of (Item, int)
    bad : list of BadItem
        The photographs whose picture of labels can't be read.

    Raises
    ------
    UnreadableCatalogue
        See `training.catalogue.parsed.label_names`.
    """
    names = label_names(catalogue)
    garments: list[tuple[Item, int]] = []
    bad: list[BadItem] = []
    for item in parsed_items(catalogue):
        if held_out not in (None, is_held_out(item)):
            continue
        try:
            labels = read_labels(item, catalogue.root or Path())
        except UnreadableImage as error:
            bad.append(BadItem(item.item_id, str(item.path), str(error)))
            continue
        areas = np.bincount(labels.ravel(), minlength=256) / labels.size
        for number, name in names.items():
            kind = type_of(name)
            if kind is not None and areas[number] >= LEAST_SHARE.get(kind, LEAST):
                known = {"category": category_of(name, categories), "label": name}
                named = replace(item, item_id=f"{item.item_id} {name}", metadata=item.metadata | known)
                garments.append((named, number))
    return garments, bad


def prepare_worn(catalogue: Catalogue, categories: set[str], *, views: int, **options: Any) -> Dataset:
    """Cut out the garments of parsed photographs; see `worn_garments` and `training.fit.dataset.cut`."""
    root = catalogue.root or Path()
    garments, bad = worn_garments(catalogue, categories, held_out=False)
    sources = [
        Source(item, partial(of_worn, item, number, root, views), f" worn {number}+{views}.{VERSION}")
        for item, number in garments
    ]
    data = cut(sources, views=views, **options)
    return replace(data, bad=(*catalogue.bad, *bad, *data.bad))
