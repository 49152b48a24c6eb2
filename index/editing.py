"""The catalogue changed by hand: an item put with its photograph, or taken out, for every search at once."""

from pathlib import Path
from typing import Any

from index.change import DELETE, FORGET
from index.errors import ItemUnknown
from index.stores.store import Store
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, isolate
from training.photo.images import decode, read_bytes


def put_item(
    store: Store, encoder: Encoder, item_id: str, photo: bytes | Path, metadata: dict[str, Any]
) -> int:
    """Add an item or replace the one of that id; return the number of the change.

    Parameters
    ----------
    store : Store
    encoder : Encoder
        Best the one that made the index; where it is another, searches embed the photograph again.
    item_id : str
    photo : bytes or Path
        The photograph's file, of an accepted type, or where it lies.
    metadata : dict
        What JSON can hold.

    Raises
    ------
    UnreadableImage, InvalidChange, ChangeNotWritten
        Nothing has changed.
    """
    data = photo if isinstance(photo, bytes) else read_bytes(photo)
    (vector,) = encoder.embed_garments([isolate(decode(data, size=WORKING_SIZE))])
    return store.changes.put(item_id, data, metadata, vector, encoder.fingerprint)


def _require(store: Store, item_id: str) -> None:
    change = store.changes.state(item_id)
    if change is None or change.action == FORGET:
        if not store.holds(item_id):
            raise ItemUnknown(f"The index holds no item '{item_id}'. Item ids are those of the catalogue.")
    elif change.action == DELETE:
        raise ItemUnknown(f"Item '{item_id}' was deleted already ({change.at}).")


def delete_item(store: Store, item_id: str) -> int:
    """Take an item out of all that is searched; return the number of the change.

    Raises
    ------
    ItemUnknown
        There is none of that id.
    NoIndex, IndexDamaged, ChangesDamaged
        It can't be known whether there is one.
    ChangeNotWritten
        Nothing has changed.
    """
    _require(store, item_id)
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
