"""Changes that a version has not folded in, in memory: rows that they hide, and vectors float32 (m, d)."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.edits import patched_item
from index.embedding.embedder import ItemPhoto, embed_photo
from index.embedding.embeddings import item_photos
from index.filters.columns import Columns
from index.stores.folder.changes import DELETE, PUT, Change, Changes
from index.stores.folder.journal import NOWHERE, Position
from index.stores.folder.version import Version
from index.vectors.flat import FlatIndex
from index.views import Views, arranged, followed_by, without
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
        The state of each item that has changed, by its id.
    rows : mapping of str to int
        The version's row of each of those ids, or -1 where it has none.
    hidden : bool (n,)
        The version's items that are deleted or replaced, by their rows.
    columns : Columns
        The metadata fields that have changed of the version's items, by their rows.
    items : tuple of Item
        The items that were put and lie in no row of the version, in the order of the changes.
    places : mapping of str to int
        Where an id is in `items`.
    owners : int64 (m,)
        The place of the item of each view.
    views : Views
        Those of the items, as `index.views.arranged` puts them into rows; a box that is not known is NaN.
    vectors : FlatIndex or None
        Their vectors; None where there are none.
    """

    version: Version
    position: Position
    states: Mapping[str, Change]
    rows: Mapping[str, int]
    hidden: np.ndarray
    columns: Columns
    items: tuple[Item, ...]
    places: Mapping[str, int]
    owners: np.ndarray
    views: Views
    vectors: FlatIndex | None

    def item(self, built: Item) -> Item:
        """Return an item of the version, which is not hidden, with what was changed of its metadata."""
        state = self.states.get(built.item_id)
        if state is None:
            return built
        if state.fields is not None:
            return patched_item(built, state.fields)
        return state.item or built


def _fits(change: Change, version: Version) -> bool:
    wanted, vector = version.manifest, change.vector
    return change.encoder == wanted.encoder and vector is not None and vector.shape == (wanted.dimension,)


def _is_folded(change: Change, version: Version, row: int) -> bool:
    """Return whether a version has the photograph of an item that was put, so that only metadata is new."""
    return change.action == PUT and row >= 0 and change.photographed <= version.manifest.changes


def _embedded(change: Change, known: Change | None, version: Version, encoder: Encoder) -> Change:
    """Return a change with vectors like the version's, made from the photographs where it has others."""
    if known is not None and (known.photographed, known.encoder) == (
        change.photographed,
        encoder.fingerprint,
    ):
        return replace(change, vector=known.vector, encoder=known.encoder, views=known.views)
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


def _gathered(before: Overlay, changed: Collection[str], put: Sequence[Change]) -> dict[str, Any]:
    """Return the fields that hold what was put: as before without some ids, and further items behind it.

    Those without a vector are left out.
    """
    found = [(change.item, change.views_in(before.version.manifest)) for change in put]
    further = [(item, views) for item, views in found if item is not None and views is not None]
    items, rows = before.items, (before.owners, before.views)
    if not before.places.keys().isdisjoint(changed):
        rows = without(rows, np.array([item.item_id in changed for item in items]))
        items = tuple(item for item in items if item.item_id not in changed)
    if further:
        items += tuple(item for item, _ in further)
        rows = followed_by(rows, arranged([views for _, views in further]))
    owners, views = rows
    return {
        "items": items,
        "places": {item.item_id: place for place, item in enumerate(items)},
        "owners": owners,
        "views": views,
        "vectors": FlatIndex.build(views.vectors) if items else None,
    }


def _differing(built: Item, now: Item) -> dict[str, Any]:
    """Return the metadata fields of an item that are not as they were built, None for those that are gone."""
    before = built.metadata
    changed = {  # by their text, for 1 and true are equal in Python
        name: value for name, value in now.metadata.items() if repr(before.get(name, ...)) != repr(value)
    }
    return changed | dict.fromkeys(before.keys() - now.metadata.keys())


def _fields(changes: Mapping[int, Change], version: Version) -> dict[int, dict[str, Any]]:
    """Return the metadata fields that changes lay over the rows of a version, by row."""
    put = {row: change.item for row, change in changes.items() if change.item is not None}
    built = version.items.by_rows(list(put)) if put else []
    differing = {row: _differing(item, put[row]) for row, item in zip(put, built, strict=True)}
    return {row: change.fields or {} for row, change in changes.items()} | differing


def _further(
    before: Overlay, changes: Sequence[Change], position: Position, embed: Callable[[Change], Change]
) -> Overlay:
    """Return an overlay with further states of different items, at the cost of these and of copied arrays."""
    version, states, hidden = before.version, dict(before.states), before.hidden.copy()
    unknown, rows = [change.item_id for change in changes if change.item_id not in before.rows], before.rows
    if unknown:
        rows = dict(rows) | dict.fromkeys(unknown, -1) | version.items.rows_of(unknown)
    put: list[Change] = []
    laid: dict[int, Change] = {}
    for change in changes:
        row, item_id = rows[change.item_id], change.item_id
        is_put = change.action == PUT and not _is_folded(change, version, row)
        put += [change := embed(change)] if is_put else []
        states[item_id] = change
        if row >= 0:
            hidden[row] = is_put or change.action == DELETE
            laid[row] = replace(change, item=None, fields=None) if hidden[row] else change
    changed = {change.item_id for change in changes}
    is_new = put or not changed.isdisjoint(before.places)
    gathered = _gathered(before, changed, put) if is_new else {}
    columns = before.columns.laid(_fields(laid, version))
    return replace(
        before, position=position, states=states, rows=rows, hidden=hidden, columns=columns, **gathered
    )


def _as_it_is(change: Change) -> Change:
    return change


def lay_over(
    version: Version,
    states: Mapping[str, Change],
    *,
    position: Position = NOWHERE,
    embed: Callable[[Change], Change] = _as_it_is,
) -> Overlay:
    """Return the overlay of given states.

    Parameters
    ----------
    version : Version
    states : mapping of str to Change
        Those that the version has folded in are left out.
    position : Position
        How far the log was read for them.
    embed : callable
        Returns what was put with a vector like the version's.
    """
    count, dimension = version.manifest.items, version.manifest.dimension
    hidden, no_view = np.zeros(count, bool), np.zeros(0, np.int64)
    views = Views(np.zeros((0, dimension), np.float32), np.zeros((0, 4), np.float32), no_view)
    nothing = Overlay(version, position, {}, {}, hidden, Columns(count), (), {}, no_view, views, None)
    later = [change for change in states.values() if change.seq > version.manifest.changes]
    later.sort(key=lambda change: change.seq)
    return _further(nothing, later, position, embed)


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

    def embed(change: Change) -> Change:
        return _embedded(change, known.get(change.item_id), version, encoder)

    if goes_on:
        return _further(before, read, position, embed)
    return lay_over(version, {change.item_id: change for change in read}, position=position, embed=embed)
