"""Changes by hand, from the command line or over HTTP: items are put, patched, deleted or forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.change import DELETE, PUT, Change
from index.edits import Delete, Edit, Forget, Patch, Put
from index.embedding.embedder import cut_views
from index.errors import IndexDamaged, ItemUnknown, NoIndex
from index.photographs import content_of_names
from index.stores.store import OpenIndex, Store
from index.views import ITEM, Views
from training.catalogue.item_rules import category_in, checked_metadata, is_unicode
from training.catalogue.reader import Item
from training.errors import SilhouetteError
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE
from training.photo.garment_types import type_of
from training.photo.images import decode, read_bytes


@dataclass(frozen=True)
class PutItem:
    """An item as it was stored: the number of the change, and the metadata as searches will show it.

    `content` is the digest of its photographs, in hex.
    """

    change: int
    metadata: dict[str, Any]
    content: str


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
    photos, vector = (photo, *further), views.vectors[0]
    made = _change_item(store, Put(item_id, photos, metadata, vector, encoder.fingerprint, views), None)
    return PutItem(made.seq, checked_metadata(metadata), content_of_names(made.photographs))


def garments_of(store: Store) -> str:
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
    kind, garments = type_of(category_in(metadata)), garments_of(store)
    views = Views.joined(
        [cut_views(decode(data, size=WORKING_SIZE), kind, garments, encoder) for data in files]
    )
    return put_embedded(store, encoder, item_id, files[0], metadata, views, further=files[1:])


def _asked(edits: Sequence[Edit]) -> list[str]:
    """Return the ids of which it must be known whether the index holds them: none that is put first."""
    first: dict[str, Edit] = {}
    for edit in edits:
        first.setdefault(edit.item_id, edit)
    return [name for name, edit in first.items() if isinstance(edit, Patch | Delete) and is_unicode(name)]


def _held(store: Store, item_ids: Sequence[str]) -> dict[str, Item]:
    """Return the items that the version in use has, of those ids of which the log does not say it all."""
    states = {item_id: store.changes.state(item_id) for item_id in item_ids}
    open_ = [name for name, state in states.items() if state is None or state.action not in (PUT, DELETE)]
    return store.items_of(open_) if open_ else {}


def change_items(
    store: Store, edits: Sequence[Edit], *, index: OpenIndex | None = None
) -> list[Change | SilhouetteError]:
    """Make changes in their order, in one durable step; return the state that each has set, or its refusal.

    Parameters
    ----------
    store : Store
    edits : sequence of Edit
    index : OpenIndex, optional
        The store's index with all changes, where one is open: asking it costs a lookup, and it answers where
        the files of the version have gone since.

    Raises
    ------
    NoIndex, IndexDamaged, ChangesDamaged
        It can't be known whether there are the items that are to be patched or deleted.
    ChangeNotWritten
        Nothing has changed.
    """
    if not edits:
        return []
    asked = _asked(edits)
    items = _held(store, asked) if index is None else index.items_of(asked)
    return store.changes.write(edits, items=items)


def _change_item(store: Store, edit: Edit, index: OpenIndex | None) -> Change:
    (made,) = change_items(store, [edit], index=index)
    if isinstance(made, SilhouetteError):
        raise made
    return made


def patch_item(
    store: Store, item_id: str, fields: dict[str, Any], *, index: OpenIndex | None = None
) -> Change:
    """Set fields of an item's metadata, None to remove one; no photograph is read.

    Raises
    ------
    ItemUnknown, InvalidChange
        There is none of that id, or its metadata would be what can't be stored.
    NoIndex, IndexDamaged, ChangesDamaged, ChangeNotWritten
        As for `change_items`.
    """
    return _change_item(store, Patch(item_id, fields), index)


def delete_item(store: Store, item_id: str, *, index: OpenIndex | None = None) -> int:
    """Delete an item from all searches; return the number of the change.

    Raises
    ------
    ItemUnknown
        There is none of that id.
    NoIndex, IndexDamaged, ChangesDamaged, ChangeNotWritten
        As for `change_items`.
    """
    return _change_item(store, Delete(item_id), index).seq


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
    return store.changes.write_one(Forget(item_id)).seq
