"""The change log: what was put and deleted by id, durable in SQLite, the latest state of each item."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from index.change import (
    DELETE,
    FORGET,
    PUT,
    Change,
    ChangeLog,
    checked_id,
    checked_item,
    fold,
    vector_bytes,
)
from index.errors import IndexDamaged
from index.manifest import read_manifest
from index.photographs import PHOTOGRAPHS, Photographs
from index.stores.folder.journal import NOWHERE, Journal, Position, last_number
from index.stores.folder.publish import list_versions
from index.views import Views
from training.catalogue.reader import Catalogue, Item

__all__ = ["DELETE", "FORGET", "PUT", "Change", "Changes"]

CHANGES = "changes.sqlite"


def _highest_folded(indexes: Path) -> int:
    """Return the highest change that any version has folded in."""
    highest = 0
    for version in list_versions(indexes):
        try:
            highest = max(highest, read_manifest(indexes / version).changes)
        except IndexDamaged:
            continue
    return highest


def _columns(state: Change) -> tuple[Any, ...]:
    """Return the columns of a state that was put, from `photograph` on; none for another."""
    if state.item is None or state.vector is None:
        return ()
    text = json.dumps(state.item.metadata)  # as it was accepted, by whatever rule
    embedding = vector_bytes(state.vector), _packed(state.views)
    name, *further = state.photographs
    return name, text, state.encoder, *embedding, _listed(further)


def _packed(views: Views | None) -> bytes | None:
    return None if views is None else views.to_bytes()


def _listed(names: Sequence[str]) -> str | None:
    return json.dumps(names) if names else None


def _names(listed: str | None) -> list[str]:
    return json.loads(listed) if listed else []


class Changes(ChangeLog):
    """The log of changes in a folder of indexes, safe for any number of processes and threads.

    A change is durable once its method has returned: photograph and state are written under the log's one
    write lock, the photograph first. The log holds the latest state of each item that it has heard of, so
    that applying it twice is applying it once.

    Parameters
    ----------
    indexes : Path
        The folder of the published versions. It and the log are made by the first change.
    """

    def __init__(self, indexes: Path) -> None:
        self.photographs = Photographs(indexes / PHOTOGRAPHS)
        self._indexes = indexes
        self._journal = Journal(indexes / CHANGES)
        self._numbered = NOWHERE

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
        """Add an item, or replace the one with that id, as the interface says; return the change's number."""
        checked, text = checked_item(item_id, metadata, photographs=1 + len(further))
        values = (text, encoder, vector_bytes(vector), _packed(views))
        with self._writing() as connection:
            name, *others = [self.photographs.store(each) for each in (photo, *further)]
            return self._record(connection, PUT, checked, name, *values, _listed(others))

    def delete(self, item_id: str) -> int:
        """Delete the item with that id, known or not, from all searches; return the change's number.

        Raises
        ------
        InvalidChange, ChangeNotWritten
        """
        with self._writing() as connection:
            return self._record(connection, DELETE, checked_id(item_id))

    def forget(self, item_id: str) -> int:
        """Let the catalogue speak for that item again, from the next build on; return the change's number.

        Raises
        ------
        InvalidChange, ChangeNotWritten
        """
        with self._writing() as connection:
            return self._record(connection, FORGET, checked_id(item_id))

    def position(self) -> Position:
        """Return the position of the last change, within microseconds; raises `ChangesDamaged`."""
        with self._journal.reading() as (file, connection):
            return Position(file, last_number(connection) if connection else 0)

    def since(self, seq: int) -> list[Change]:
        """Return the states set after change number `seq`, in their order; raises `ChangesDamaged`."""
        with self._journal.reading() as (_, connection):
            return self._states(connection, "seq > ?", seq) if connection else []

    def state(self, item_id: str) -> Change | None:
        """Return the latest state of one item, None where it has none; raises `ChangesDamaged`."""
        with self._journal.reading() as (_, connection):
            states = self._states(connection, "item_id = ?", item_id) if connection else []
        return states[0] if states else None

    def restore(self, states: Sequence[Change]) -> int:
        """Set the states of a backup again, in one transaction; return the last change's number."""
        if self._journal.damage():
            self._journal.set_aside()
        kept = {state.item_id for state in states}
        seq = 0
        with self._writing() as connection:
            known = connection.execute("SELECT item_id FROM changes ORDER BY seq").fetchall()
            for (item_id,) in known:
                if item_id not in kept:
                    seq = self._record(connection, FORGET, item_id)
            for state in states:
                seq = self._record(connection, state.action, state.item_id, *_columns(state))
        return seq

    def damage(self) -> list[str]:
        """Return what is wrong with the log, or else with the photographs of its items, one line each."""
        return self._journal.damage() or super().damage()

    def folded(self, catalogue: Catalogue) -> tuple[Catalogue, int]:
        """Return a catalogue with all changes applied, and the number of the last one.

        Raises
        ------
        ChangesDamaged
        """
        with self._journal.reading() as (_, connection):
            if connection is None:
                return catalogue, 0
            with connection:
                connection.execute("BEGIN")
                states = {change.item_id: change for change in self._states(connection, "seq > ?", 0)}
                seq = last_number(connection)
        return fold(catalogue, states), seq

    def drop(self, *, folded: int, catalogue: Collection[str] | None, photographs: Collection[str]) -> None:
        """Drop what nothing needs any more (see `index.stores.folder.sweep`).

        Parameters
        ----------
        folded : int
            The highest change that every version has folded in.
        catalogue : collection of str, optional
            The ids in the catalogue; without it no deletion is dropped.
        photographs : collection of str
            Names of the photographs that versions refer to.

        Raises
        ------
        ChangeNotWritten
        """
        if not self._journal.file():
            return
        with self._writing() as connection:
            settled = connection.execute(
                "SELECT item_id, action FROM changes WHERE seq <= ? AND action != ?", (folded, PUT)
            ).fetchall()
            done = [
                item_id
                for item_id, action in settled
                if action == FORGET or (catalogue is not None and item_id not in catalogue)
            ]
            connection.executemany("DELETE FROM changes WHERE item_id = ?", ((item_id,) for item_id in done))
            used = connection.execute("SELECT photograph, further FROM changes WHERE action = ?", (PUT,))
            names = {name for first, others in used for name in (first, *_names(others))}
            self.photographs.remove_all_but({*photographs, *names})

    def _record(self, connection: sqlite3.Connection, action: str, item_id: str, *columns: Any) -> int:
        """Set the state of an item, under the next number: its old row goes, and a new one comes last."""
        values = (*columns, *[None] * (6 - len(columns)))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        cursor = connection.execute(
            "INSERT OR REPLACE INTO changes "
            "(at, action, item_id, photograph, metadata, encoder, vector, views, further) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (now, action, item_id, *values),
        )
        return int(cursor.lastrowid or 0)

    def _states(self, connection: sqlite3.Connection, condition: str, value: int | str) -> list[Change]:
        # all columns, for a log of an earlier release lacks the last ones until somebody writes
        rows = connection.execute(f"SELECT * FROM changes WHERE {condition} ORDER BY seq", (value,))
        return [self._change(row) for row in rows.fetchall()]

    def _change(self, row: tuple[Any, ...]) -> Change:
        seq, at, action, item_id, photograph, metadata, encoder, packed, *added = row
        if action != PUT:
            return Change(seq, at, action, item_id)
        views, further = (*added, None, None)[:2]
        paths = [self.photographs.path(name) for name in (photograph, *_names(further))]
        item = Item(item_id, paths[0], json.loads(metadata), tuple(paths[1:]))
        vector = np.frombuffer(packed, "<f4")
        found = Views.from_bytes(views, len(vector)) if views else None
        return Change(seq, at, action, item_id, item, vector, encoder, found)

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the write lock; numbering continues after every folded change, even where the log was lost."""
        file = self._journal.file()
        if self._numbered.file != file or not file:
            self._numbered = Position(file, _highest_folded(self._indexes))
        return self._journal.writing(number_from=self._numbered.seq)
