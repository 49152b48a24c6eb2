"""Changes that a version has not folded in, in memory: rows that they hide, and vectors float32 (m, d)."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from index.embedding.embedder import ItemPhoto, embed_photo
from index.embedding.embeddings import item_photos
from index.stores.folder.changes import FORGET, Change, Changes
from index.stores.folder.journal import NOWHERE, Position
from index.stores.folder.version import Version
from index.vectors.flat import FlatIndex
from index.views import Views, arranged
from training.catalogue.reader import Item
from training.errors import UnreadableImage
from training.photo.encoder import Encoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overlay:
    """The changes since a version was built; immutable.

    Parameters
    ----------
    version : Version
        What it lies over.
    position : Position
        How far the log was read.
    states : mapping of str to Change
        The state of each item that has changed, by its id, in the order of the changes.
    rows : mapping of str to int
        The version's row of each of those ids, or -1 where it has none.
    hidden : bool (n,)
        The version's items that are deleted or replaced, by their rows.
    items : tuple of Item
        The items that were put, in the order of the changes.
    vectors : FlatIndex or None
        Their vectors, row by row, and behind them those of further views; None where there are none.
    places : mapping of str to int
        Where an id is in `items`.
    owners : int64 (m,)
        The place of the item of each vector.
    boxes : float32 (m, 4)
        Where the garment of each vector lies in its photograph; NaN where that is not known.
    photographs : int64 (m,)
        The number of that photograph among its item's.
    """

    version: Version
    position: Position
    states: Mapping[str, Change]
    rows: Mapping[str, int]
    hidden: np.ndarray
    items: tuple[Item, ...]
    vectors: FlatIndex | None
    places: Mapping[str, int]
    owners: np.ndarray
    boxes: np.ndarray
    photographs: np.ndarray


def _fits(change: Change, version: Version) -> bool:
    wanted, vector = version.manifest, change.vector
    return change.encoder == wanted.encoder and vector is not None and vector.shape == (wanted.dimension,)


def _embedded(change: Change, known: Change | None, version: Version, encoder: Encoder) -> Change:
    """Return a change with vectors like the version's, made from the photographs where it has others."""
    if known is not None and known.seq == change.seq:
        return known
    if change.item is None or _fits(change, version):
        return change
    try:
        photos = item_photos(change.item, version.manifest.garments)
        views = Views.joined([_views_of(photo, encoder) for photo in photos])
    except UnreadableImage as error:
        log.error("Item '%s' can't be found, a photograph can't be used: %s", change.item_id, error)
        return replace(change, vector=None, encoder=encoder.fingerprint, views=None)
    return replace(change, vector=views.vectors[0], encoder=encoder.fingerprint, views=views)


def _views_of(photo: ItemPhoto, encoder: Encoder) -> Views:
    """Return the views of a photograph; raises `UnreadableImage`."""
    embedding = embed_photo(photo, encoder).embedding
    if isinstance(embedding, UnreadableImage):
        raise embedding
    return embedding.views


def _merged(states: Mapping[str, Change], changes: Iterable[Change]) -> dict[str, Change]:
    """Return the states after further changes, each changed item last."""
    merged = dict(states)
    for change in changes:
        merged.pop(change.item_id, None)
        merged[change.item_id] = change
    return merged


def _rows(version: Version, states: Mapping[str, Change], known: Mapping[str, int]) -> dict[str, int]:
    unknown = [item_id for item_id in states if item_id not in known]
    return {**known, **dict.fromkeys(unknown, -1), **version.items.rows_of(unknown)} if unknown else {**known}


def _hidden(version: Version, states: Mapping[str, Change], rows: Mapping[str, int]) -> np.ndarray:
    hidden = np.zeros(version.manifest.items, bool)
    gone = [rows[item_id] for item_id, change in states.items() if change.action != FORGET]
    hidden[[row for row in gone if row >= 0]] = True
    return hidden


def lay_over(
    version: Version,
    states: Mapping[str, Change],
    *,
    position: Position = NOWHERE,
    known: Mapping[str, int] = MappingProxyType({}),
) -> Overlay:
    """Return the overlay of given states, in the order of the changes.

    Parameters
    ----------
    version : Version
    states : mapping of str to Change
        Those that the version has folded in are left out.
    position : Position
        How far the log was read for them.
    known : mapping of str to int
        Rows that need not be looked up, as in `Overlay.rows`.
    """
    later = {item_id: change for item_id, change in states.items() if change.seq > version.manifest.changes}
    rows = _rows(version, later, known)
    put = [
        (change.item, views)
        for change in later.values()
        if change.item is not None and (views := change.views_in(version.manifest)) is not None
    ]
    none = Views(np.zeros((0, version.manifest.dimension)), np.zeros((0, 4)), np.zeros(0, np.int64))
    owners, seen = arranged([views for _, views in put] or [none])
    return Overlay(
        version=version,
        position=position,
        states=later,
        rows=rows,
        hidden=_hidden(version, later, rows),
        items=tuple(item for item, _ in put),
        vectors=FlatIndex.build(seen.vectors) if put else None,
        places={item.item_id: place for place, (item, _) in enumerate(put)},
        owners=owners,
        boxes=seen.boxes,
        photographs=seen.photographs,
    )


def read_overlay(changes: Changes, version: Version, encoder: Encoder, *, before: Overlay) -> Overlay:
    """Return what the log holds that a version has not folded in.

    Parameters
    ----------
    changes : Changes
    version : Version
    encoder : Encoder
        The one that made the version; photographs that another one embedded are embedded again.
    before : Overlay
        The one in use, which is returned where nothing is new, and whose work is used again.

    Raises
    ------
    ChangesDamaged
    """
    position, at = changes.position(), before.position
    same_log = position.file == at.file
    if position == at and version is before.version:
        return before
    goes_on = same_log and version is before.version and position.seq >= at.seq
    known = before.states if same_log else {}
    read = changes.since(at.seq if goes_on else version.manifest.changes)
    states = _merged(
        before.states if goes_on else {},
        (_embedded(change, known.get(change.item_id), version, encoder) for change in read),
    )
    return lay_over(version, states, position=position, known=before.rows if goes_on else {})
