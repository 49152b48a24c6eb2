"""Edits of the catalogue that are asked for, checked, and what a patch makes of an item."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from index.errors import InvalidChange
from index.views import Views
from training.catalogue import item_rules
from training.catalogue.item_rules import ACCEPTED_ID, checked_metadata, is_unicode
from training.catalogue.reader import Item
from training.errors import InvalidItem

_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Put:
    """An item to be added, or to replace the one with that id.

    Parameters
    ----------
    item_id : str
    photos : tuple of bytes or str
        The files of its photographs, of accepted types, or the names that `Photographs.store_ahead` has told.
    metadata : dict
        What JSON can hold.
    vector : float32 (d,), unit norm
    encoder : str
        Fingerprint of the encoder that made `vector`.
    views : Views, optional
        The garments of the photographs that are embedded, the one of `vector` first.
    """

    item_id: str
    photos: tuple[bytes | str, ...] = field(repr=False)
    metadata: dict[str, Any]
    vector: np.ndarray = field(compare=False, repr=False)
    encoder: str
    views: Views | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Patch:
    """Fields of an item's metadata to be set; None removes one."""

    item_id: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Delete:
    """An item to be deleted from all searches."""

    item_id: str


@dataclass(frozen=True)
class Forget:
    """An item that the catalogue is to speak for again, from the next build on."""

    item_id: str


Edit = Put | Patch | Delete | Forget


def checked_id(item_id: str) -> str:
    """Return an id that the log can hold; raises `InvalidChange` for one that it can't.

    What is deleted or forgotten may have an id from before there was a rule for new ones.
    """
    if not item_id or not is_unicode(item_id) or "\0" in item_id:
        raise InvalidChange(f"{item_id!r} can't be the id of an item. {ACCEPTED_ID}")
    return item_id


def checked_item(
    item_id: str, metadata: dict[str, Any], *, photographs: int = 1
) -> tuple[str, dict[str, Any]]:
    """Return the id and the metadata of an item as they are stored; raises `InvalidChange`.

    `photographs` is how many it has.
    """
    try:
        item_rules.check_photographs(photographs)
        return item_rules.checked_id(item_id), checked_metadata(metadata)
    except InvalidItem as error:
        raise InvalidChange(str(error)) from error


def vector_bytes(vector: np.ndarray) -> bytes:
    """Return a vector, float (d,), as little-endian float32; raises `InvalidChange` unless its norm is 1."""
    if vector.ndim != 1 or not abs(float(np.linalg.norm(vector)) - 1.0) <= _NORM_TOLERANCE:
        raise InvalidChange(
            f"The embedding has the shape {vector.shape} and the norm {np.linalg.norm(vector):.4g}. "
            "Accepted: one vector of norm 1."
        )
    return vector.astype("<f4").tobytes()


def laid_over(metadata: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with the fields of a patch laid over it; None has removed a field."""
    merged = {**metadata, **fields}
    return {name: value for name, value in merged.items() if fields.get(name, ...) is not None}


def patched_item(item: Item, fields: Mapping[str, Any]) -> Item:
    """Return an item with the fields of a patch laid over its metadata."""
    return replace(item, metadata=laid_over(item.metadata, fields))
