"""The change log: what was put and deleted by id, durable in SQLite, the latest state of each item."""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np

from index.change import DELETE, FORGET, PATCH, PUT, REFUSALS, Change, ChangeLog
from index.edits import Delete, Edit, Patch, checked_id, vector_bytes
from index.errors import IndexDamaged
from index.folding import fold
from index.manifest import read_manifest
from index.photographs import PHOTOGRAPHS, UNREFERRED_SECONDS, Photographs, content_of_names
from index.stores.folder.journal import NOWHERE, Journal, Position, last_number
from index.stores.folder.publish import list_versions
from index.views import Views
from training.catalogue.reader import Catalogue, Item
from training.errors import SilhouetteError

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
    """Return the columns of a state, from `photograph` on."""
    if state.item is None or state.vector is None:
        return (None, None if state.fields is None else json.dumps(state.fields), *[None] * 5)
    text = json.dumps(state.item.metadata)  # as it was accepted, by whatever rule
    views = None if state.views is None else state.views.to_bytes()
    name, *further = state.photographs
    embedding = state.encoder, vector_bytes(state.vector), views
    return name, text, *embedding, _listed(further), state.photographed or None


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

    def write(
        self, edits: Sequence[Edit], *, items: Mapping[str, Item] | None = None
    ) -> list[Change | SilhouetteError]:
        """Make changes in one transaction, as the interface says."""
        self._sync_names(edits)
        ids = json.dumps([edit.item_id for edit in edits if isinstance(edit, Patch | Delete)])
        with self._writing() as connection:
            found = self._states(connection, "item_id IN (SELECT value FROM json_each(?))", ids)
            states = {state.item_id: state for state in found}
            return [self._made(connection, edit, states, items) for edit in edits]

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
                    seq = self._record(connection, Change(0, "", FORGET, item_id)).seq
            for state in states:
                seq = self._record(connection, replace(state, photographed=0)).seq
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

    def drop(self, *, folded: int, catalogue: Catalogue | None, photographs: Collection[str]) -> None:
        """Drop what nothing needs any more (see `index.stores.folder.sweep`).

        Parameters
        ----------
        folded : int
            The highest change that every version has folded in.
        catalogue : Catalogue, optional
            As it was read; without it no deletion is dropped.
        photographs : collection of str
            Names of the photographs that versions refer to.

        Raises
        ------
        ChangeNotWritten
        """
        if not self._journal.file():
            self.photographs.remove_all_but(photographs, older_than=UNREFERRED_SECONDS)
            return
        with self._writing() as connection:
            settled = connection.execute(
                "SELECT item_id, action FROM changes WHERE seq <= ? AND action != ?", (folded, PUT)
            ).fetchall()
            deleted = {item_id for item_id, action in settled if action != FORGET}
            held = deleted if catalogue is None else catalogue.listed(deleted)
            done = [item_id for item_id, _ in settled if item_id not in held]
            connection.executemany("DELETE FROM changes WHERE item_id = ?", ((item_id,) for item_id in done))
            used = connection.execute("SELECT photograph, further FROM changes WHERE action = ?", (PUT,))
            names = {name for first, others in used for name in (first, *_names(others))}
            self.photographs.remove_all_but({*photographs, *names})

    def _made(
        self,
        connection: sqlite3.Connection,
        edit: Edit,
        states: dict[str, Change],
        items: Mapping[str, Item] | None,
    ) -> Change | SilhouetteError:
        """Return the state that an edit has set among those of its item and others, or why it is refused."""
        try:
            after = self._after(edit, states.get(checked_id(edit.item_id)), items)
            made = states[edit.item_id] = self._record(connection, after)
        except REFUSALS as refusal:
            return refusal
        return made

    def _record(self, connection: sqlite3.Connection, state: Change) -> Change:
        """Set the state of an item, under the next number: its old row goes, and a new one comes last."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        cursor = connection.execute(
            "INSERT OR REPLACE INTO changes "
            "(at, action, item_id, photograph, metadata, encoder, vector, views, further, photographed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (now, state.action, state.item_id, *_columns(state)),
        )
        seq = cast(int, cursor.lastrowid)
        return replace(state, seq=seq, at=now, photographed=state.photographed or seq)

    def _states(self, connection: sqlite3.Connection, condition: str, value: int | str) -> list[Change]:
        # all columns, for a log of an earlier release lacks the last ones until somebody writes
        cursor = connection.execute(f"SELECT * FROM changes WHERE {condition} ORDER BY seq", (value,))
        names = [name for name, *_ in cursor.description]
        return [self._change(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]

    def _change(self, row: dict[str, Any]) -> Change:
        seq, at, action, item_id = row["seq"], row["at"], row["action"], row["item_id"]
        if action == PATCH:
            return Change(seq, at, action, item_id, fields=json.loads(row["metadata"]))
        if action != PUT:
            return Change(seq, at, action, item_id)
        names = [row["photograph"], *_names(row.get("further"))]
        paths = [self.photographs.path(name) for name in names]
        metadata, content = json.loads(row["metadata"]), content_of_names(names)
        item = Item(item_id, paths[0], metadata, tuple(paths[1:]), content=content)
        vector = np.frombuffer(row["vector"], "<f4")
        views = Views.from_bytes(row["views"], len(vector)) if row.get("views") else None
        shown = row.get("photographed") or seq
        return Change(seq, at, action, item_id, item, vector, row["encoder"], views, photographed=shown)

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the write lock; numbering continues after every folded change, even where the log was lost."""
        file = self._journal.file()
        if self._numbered.file != file or not file:
            self._numbered = Position(file, _highest_folded(self._indexes))
        return self._journal.writing(number_from=self._numbered.seq)
