"""One change of the catalogue by hand, and what every log of such changes can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from index.edits import Delete, Edit, Forget, Patch, Put, checked_id, checked_item, laid_over, vector_bytes
from index.errors import ChangesDamaged, InvalidChange, ItemUnknown
from index.manifest import Manifest
from index.photographs import Photographs
from index.views import Views
from training.catalogue.item_rules import checked_metadata
from training.catalogue.reader import Catalogue, Item
from training.errors import InvalidItem, SilhouetteError, UnsupportedImageType

PUT, PATCH, DELETE, FORGET = "put", "patch", "delete", "forget"

REFUSALS = (InvalidChange, ItemUnknown, UnsupportedImageType)
"""Why a change of several may be refused, while the others are made."""


@dataclass(frozen=True)
class Change:
    """The latest state of one item.

    Parameters
    ----------
    seq : int
        Number of the change; each change, of whatever item, has a higher one than all before.
    at : str
        When it was made (UTC, ISO 8601).
    action : str
        "put", "patch", "delete", or "forget", after which the item is again what the catalogue says.
    item_id : str
    item : Item or None
        The item as it was put.
    vector : float32 (d,) or None
        The embedding of its first photograph.
    encoder : str or None
        Fingerprint of the encoder that made the embedding.
    views : Views or None
        The garments of its photographs that were embedded; None in logs of earlier releases.
    fields : dict or None
        What a patch lays over the metadata of the catalogue's item; None removes a field.
    photographed : int
        Number of the change that brought the photographs: a later patch keeps it.
    """

    seq: int
    at: str
    action: str
    item_id: str
    item: Item | None = None
    vector: np.ndarray | None = field(default=None, compare=False, repr=False)
    encoder: str | None = None
    views: Views | None = field(default=None, compare=False, repr=False)
    fields: dict[str, Any] | None = None
    photographed: int = field(default=0, compare=False)

    @property
    def photographs(self) -> list[str]:
        """The names under which the photographs of what was put are stored; none for another change."""
        return [] if self.item is None else [path.name for path in self.item.photographs]

    def views_in(self, manifest: Manifest) -> Views | None:
        """Return the views by which a version finds the item that was put; None for another change.

        Where its items have a vector each, it says of none where in a photograph it lies.
        """
        if self.item is None or self.vector is None:
            return None
        views = None if self.views is None else self.views.chosen(manifest.garments)
        if views is None or (len(views) == 1 and not manifest.several):
            maps = None if views is None else views.maps
            return Views(self.vector[None], np.full((1, 4), np.nan, np.float32), np.zeros(1, np.int64), maps)
        return views


class ChangeLog(ABC):
    """The latest state of each item that was put, deleted or forgotten, until nothing needs it any more.

    A change is durable once its method has returned. Any number of processes and threads may use a log at
    once.
    """

    photographs: Photographs

    @abstractmethod
    def write(
        self, edits: Sequence[Edit], *, items: Mapping[str, Item] | None = None
    ) -> list[Change | SilhouetteError]:
        """Make changes in their order, all in one durable step; return the state that each has set.

        Parameters
        ----------
        edits : sequence of Edit
            Any number of an item: a patch goes on from what the ones before it have made.
        items : mapping of str to Item, optional
            The items of the index, by those of the edits' ids that it holds: what neither they nor the log
            know can't be patched or deleted. Without them anything can.

        Returns
        -------
        list of Change or SilhouetteError
            In place of a state, why that edit is refused: `InvalidChange`, `ItemUnknown` or
            `UnsupportedImageType`. All others are made.

        Raises
        ------
        ChangeNotWritten
            Nothing has changed, and the text says why.
        """

    def write_one(self, edit: Edit) -> Change:
        """Make one change, of an item that need not be known; see `write`, whose refusals it raises."""
        (made,) = self.write([edit])
        if isinstance(made, SilhouetteError):
            raise made
        return made

    def _sync_names(self, edits: Sequence[Edit]) -> None:
        """Make the names of photographs that were stored ahead durable; raises `ChangeNotWritten`."""
        photos = (photo for edit in edits if isinstance(edit, Put) for photo in edit.photos)
        if any(isinstance(photo, str) for photo in photos):
            self.photographs.sync_names()

    def _after(self, edit: Edit, before: Change | None, items: Mapping[str, Item] | None) -> Change:
        """Return the state that an edit makes of the one before, without number; raises one of `REFUSALS`."""
        match edit:
            case Put():
                item_id, metadata = checked_item(edit.item_id, edit.metadata, photographs=len(edit.photos))
                vector_bytes(edit.vector)
                names = [self.photographs.keep(photo) for photo in edit.photos]
                first, *others = map(self.photographs.path, names)
                item = Item(item_id, first, metadata, tuple(others))
                return Change(0, "", PUT, item_id, item, edit.vector, edit.encoder, edit.views)
            case Patch():
                return _patched(edit, before, items)
            case Delete():
                _require(edit.item_id, before, items)
                return Change(0, "", DELETE, checked_id(edit.item_id))
            case Forget():
                return Change(0, "", FORGET, checked_id(edit.item_id))

    @abstractmethod
    def since(self, seq: int) -> list[Change]:
        """Return the states set after change number `seq`, in their order; raises `ChangesDamaged`."""

    @abstractmethod
    def state(self, item_id: str) -> Change | None:
        """Return the latest state of one item, None where it has none; raises `ChangesDamaged`."""

    @abstractmethod
    def restore(self, states: Sequence[Change]) -> int:
        """Set the states of a backup again, leave all other items to the catalogue; return the last number.

        The changes get numbers of their own, so that they hold over every version, whatever it has folded in.
        A restore that fails in between can be repeated.

        Parameters
        ----------
        states : sequence of Change
            In their order; the photographs of items that were put are stored already.

        Raises
        ------
        InvalidChange, ChangeNotWritten, ChangesDamaged
        """

    def damage(self) -> list[str]:
        """Return what is wrong with the log and the photographs of its items, one line each."""
        try:
            states = self.since(0)
        except ChangesDamaged as error:
            return [str(error)]
        names = [name for state in states for name in state.photographs]
        return [problem for name in names if (problem := self.photographs.problem(name))]

    @abstractmethod
    def folded(self, catalogue: Catalogue) -> tuple[Catalogue, int]:
        """Return a catalogue with all changes applied (see `index.folding`), and the number of the last one.

        Raises
        ------
        ChangesDamaged
        """


def _require(item_id: str, before: Change | None, items: Mapping[str, Item] | None) -> None:
    """Raise `ItemUnknown` unless there is an item of that id; without `items`, there always is."""
    if items is None or (before is not None and before.action == PUT):
        return
    if before is not None and before.action == DELETE:
        raise ItemUnknown(f"Item '{item_id}' was deleted already ({before.at}).")
    if item_id not in items:
        raise ItemUnknown(f"The index holds no item '{item_id}'. Item ids are those of the catalogue.")


def _fitting_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked_metadata(metadata)
    except InvalidItem as error:
        raise InvalidChange(str(error)) from error


def _patched(edit: Patch, before: Change | None, items: Mapping[str, Item] | None) -> Change:
    """Return the state after a patch: what was put with other metadata, or all fields patched so far."""
    _require(checked_id(edit.item_id), before, items)
    if before is not None and before.item is not None:
        metadata = _fitting_metadata(laid_over(before.item.metadata, _fitting_metadata(edit.fields)))
        return replace(before, item=replace(before.item, metadata=metadata))
    fields = _fitting_metadata({**((before and before.fields) or {}), **edit.fields})
    if items is not None:
        _fitting_metadata(laid_over(items[edit.item_id].metadata, fields))
    return Change(0, "", PATCH, edit.item_id, fields=fields)
