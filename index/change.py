"""One change of the catalogue by hand, and what every log of such changes can do."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from index.errors import ChangesDamaged, InvalidChange
from index.manifest import Manifest
from index.photographs import Photographs
from index.views import Views
from training.catalogue import item_rules
from training.catalogue.item_rules import ACCEPTED_ID, checked_metadata, is_unicode
from training.catalogue.reader import Catalogue, Item
from training.errors import InvalidItem

PUT, DELETE, FORGET = "put", "delete", "forget"

_NORM_TOLERANCE = 1e-3


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
        "put", "delete", or "forget", after which the item is again what the catalogue says.
    item_id : str
    item : Item or None
        The item as it was put.
    vector : float32 (d,) or None
        The embedding of its first photograph.
    encoder : str or None
        Fingerprint of the encoder that made the embedding.
    views : Views or None
        The garments of its photographs that were embedded; None in logs of earlier releases.
    """

    seq: int
    at: str
    action: str
    item_id: str
    item: Item | None = None
    vector: np.ndarray | None = field(default=None, compare=False, repr=False)
    encoder: str | None = None
    views: Views | None = field(default=None, compare=False, repr=False)

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
            return Views(self.vector[None], np.full((1, 4), np.nan, np.float32), np.zeros(1, np.int64))
        return views


class ChangeLog(ABC):
    """The latest state of each item that was put, deleted or forgotten, until nothing needs it any more.

    A change is durable once its method has returned. Any number of processes and threads may use a log at
    once.
    """

    photographs: Photographs

    @abstractmethod
    def put(
        self,
        item_id: str,
        photo: bytes,
        metadata: dict[str, Any],
        vector: np.ndarray,
        encoder: str,
        *,
        views: Views | None = None,
        further: Sequence[bytes] = (),
    ) -> int:
        """Add an item, or replace the one with that id; return the change's number.

        Parameters
        ----------
        item_id : str
        photo : bytes
            The file of its first photograph, of an accepted type.
        metadata : dict
            What JSON can hold.
        vector : float32 (d,), unit norm
        encoder : str
            Fingerprint of the encoder that made `vector`.
        views : Views, optional
            The garments of the photographs that are embedded, the one of `vector` first.
        further : sequence of bytes
            The files of its further photographs.

        Raises
        ------
        InvalidChange, UnsupportedImageType
            A value can't be stored.
        ChangeNotWritten
            Nothing has changed, and the text says why.
        """

    @abstractmethod
    def delete(self, item_id: str) -> int:
        """Delete the item with that id, known or not, from all searches; return the change's number.

        Raises
        ------
        InvalidChange, ChangeNotWritten
        """

    @abstractmethod
    def forget(self, item_id: str) -> int:
        """Let the catalogue speak for that item again, from the next build on; return the change's number.

        Raises
        ------
        InvalidChange, ChangeNotWritten
        """

    @abstractmethod
    def since(self, seq: int) -> list[Change]:
        """Return the states set after change number `seq`, in their order; raises `ChangesDamaged`."""

    @abstractmethod
    def state(self, item_id: str) -> Change | None:
        """Return the latest state of one item, None where it has none; raises `ChangesDamaged`."""

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
        kept = {state.item_id for state in states}
        numbers = [self.forget(state.item_id) for state in self.since(0) if state.item_id not in kept]
        return max([*numbers, *map(self._set, states)], default=0)

    def damage(self) -> list[str]:
        """Return what is wrong with the log and the photographs of its items, one line each."""
        try:
            states = self.since(0)
        except ChangesDamaged as error:
            return [str(error)]
        names = [name for state in states for name in state.photographs]
        return [problem for name in names if (problem := self.photographs.problem(name))]

    def _set(self, state: Change) -> int:
        if state.item is None or state.vector is None or state.encoder is None:
            return self.delete(state.item_id) if state.action == DELETE else self.forget(state.item_id)
        photo, *further = [path.read_bytes() for path in state.item.photographs]
        values = (state.item.metadata, state.vector, state.encoder)
        return self.put(state.item_id, photo, *values, views=state.views, further=further)

    @abstractmethod
    def folded(self, catalogue: Catalogue) -> tuple[Catalogue, int]:
        """Return a catalogue with all changes applied (see `fold`), and the number of the last one.

        Raises
        ------
        ChangesDamaged
        """


def checked_id(item_id: str) -> str:
    """Return an id that the log can hold; raises `InvalidChange` for one that it can't.

    What is deleted or forgotten may have an id from before there was a rule for new ones.
    """
    if not item_id or not is_unicode(item_id) or "\0" in item_id:
        raise InvalidChange(f"{item_id!r} can't be the id of an item. {ACCEPTED_ID}")
    return item_id


def checked_item(item_id: str, metadata: dict[str, Any], *, photographs: int = 1) -> tuple[str, str]:
    """Return the id and, in JSON, the metadata of an item to be put; raises `InvalidChange`.

    `photographs` is how many it has.
    """
    try:
        item_rules.check_photographs(photographs)
        return item_rules.checked_id(item_id), json.dumps(checked_metadata(metadata))
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


def _replaced(item: Item, states: Mapping[str, Change]) -> Item | None:
    """Return what has become of an item of the catalogue; None where it was deleted."""
    change = states.get(item.item_id)
    return item if change is None or change.action == FORGET else change.item


def fold(catalogue: Catalogue, states: Mapping[str, Change]) -> Catalogue:
    """Return a catalogue with the states of items applied, by their ids and in the order of the changes.

    Items of the catalogue keep their order, and those that were added follow. What was put or deleted is no
    bad item any more.
    """
    kept = [_replaced(item, states) for item in catalogue.items]
    known = {item.item_id for item in catalogue.items}
    added = [change.item for change in states.values() if change.item_id not in known]
    decided = {item_id for item_id, change in states.items() if change.action != FORGET}
    return Catalogue(
        source=catalogue.source,
        items=tuple(item for item in (*kept, *added) if item is not None),
        bad=tuple(bad for bad in catalogue.bad if bad.item_id not in decided),
        root=catalogue.root,
    )
