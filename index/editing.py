"""Changes by hand, from the command line or over HTTP: an item is put, deleted or left to the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.change import DELETE, FORGET
from index.embedding.embedder import cut_views
from index.errors import IndexDamaged, ItemUnknown, NoIndex
from index.stores.store import OpenIndex, Store
from index.views import ITEM, Views
from training.catalogue.item_rules import checked_metadata
from training.catalogue.reader import category_in
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE
from training.photo.garment_types import type_of
from training.photo.images import decode, read_bytes


@dataclass(frozen=True)
class PutItem:
    """An item as it was stored: the number of the change, and the metadata as searches will show it."""

    change: int
    metadata: dict[str, Any]


def put_embedded(
    store: Store,
    encoder: Encoder,
    item_id: str,
    photo: bytes,
    metadata: dict[str, Any],
    views: Views,
    *,
    further: Sequence[bytes] = (),
) -> PutItem:
    """Add an item whose photographs are embedded already, or replace the one with that id.

    Parameters
    ----------
    store : Store
    encoder : Encoder
        The one that made the vectors.
    item_id : str
    photo : bytes
        The file of its first photograph, of an accepted type.
    metadata : dict
        What JSON can hold.
    views : Views
        Of each photograph the item's garment; where the version in use has all of a photograph, all of them.
    further : sequence of bytes
        The files of its further photographs.

    Raises
    ------
    InvalidChange, UnsupportedImageType, ChangeNotWritten
        Nothing has changed.
    """
    vector = views.vectors[0]
    change = store.changes.put(
        item_id, photo, metadata, vector, encoder.fingerprint, views=views, further=further
    )
    return PutItem(change, checked_metadata(metadata))


def _garments(store: Store) -> str:
    """Return which garments of a photograph the version in use has."""
    try:
        return store.manifest(store.current()).garments
    except (NoIndex, IndexDamaged):
        return ITEM


def put_item(
    store: Store,
    encoder: Encoder,
    item_id: str,
    photo: bytes | Path,
    metadata: dict[str, Any],
    *,
    further: Sequence[bytes | Path] = (),
) -> PutItem:
    """Add an item, or replace the one with that id.

    Parameters
    ----------
    store : Store
    encoder : Encoder
        Best the one that made the index; where it is another, searches embed the photograph again.
    item_id : str
    photo : bytes or Path
        The file of its first photograph, of an accepted type, or where it lies.
    metadata : dict
        What JSON can hold.
    further : sequence of bytes or Path
        Likewise, its further photographs.

    Raises
    ------
    UnreadableImage, InvalidChange, ChangeNotWritten
        Nothing has changed.
    """
    files = [each if isinstance(each, bytes) else read_bytes(each) for each in (photo, *further)]
    kind, garments = type_of(category_in(metadata)), _garments(store)
    views = Views.joined(
        [cut_views(decode(data, size=WORKING_SIZE), kind, garments, encoder) for data in files]
    )
    return put_embedded(store, encoder, item_id, files[0], metadata, views, further=files[1:])


def _require(store: Store, item_id: str) -> None:
    change = store.changes.state(item_id)
    if change is None or change.action == FORGET:
        if not store.holds(item_id):
            raise ItemUnknown(f"The index holds no item '{item_id}'. Item ids are those of the catalogue.")
    elif change.action == DELETE:
        raise ItemUnknown(f"Item '{item_id}' was deleted already ({change.at}).")


def delete_item(store: Store, item_id: str, *, index: OpenIndex | None = None) -> int:
    """Delete an item from all searches; return the number of the change.

    Parameters
    ----------
    store : Store
    item_id : str
    index : OpenIndex, optional
        The store's index with all changes, where one is open: asking it costs a lookup, and it answers where
        the files of the version have gone since.

    Raises
    ------
    ItemUnknown
        There is none of that id.
    NoIndex, IndexDamaged, ChangesDamaged
        It can't be known whether there is one.
    ChangeNotWritten
        Nothing has changed.
    """
    if index is None:
        _require(store, item_id)
    else:
        index.item(item_id)
    return store.changes.delete(item_id)


def forget_item(store: Store, item_id: str) -> int:
    """Leave an item to the catalogue again, from the next build on; return the number of the change.

    Raises
    ------
    ItemUnknown
        It was neither put nor deleted.
    ChangesDamaged, ChangeNotWritten
    """
    if store.changes.state(item_id) is None:
        raise ItemUnknown(
            f"Item '{item_id}' was neither put nor deleted, so there is nothing to forget. "
            "`python -m index changes --all` lists what was."
        )
    return store.changes.forget(item_id)
