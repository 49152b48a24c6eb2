"""The log of changes in Milvus, and its changes in the collections of versions: every item's latest state."""

import base64
import json
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from index.change import FORGET, PATCH, PUT, REFUSALS, Change, ChangeLog
from index.edits import Delete, Edit, Patch, Put, patched_item, vector_bytes
from index.errors import ChangeNotConfirmed, ChangesDamaged, StoreFailed, StoreUnreachable
from index.folding import fold
from index.photographs import UNREFERRED_SECONDS, Photographs, content_of_names
from index.stores.milvus.connection import Server
from index.stores.milvus.items import item_fields, key_of
from index.stores.milvus.map_files import MapFiles
from index.stores.milvus.overlay import Searched
from index.stores.milvus.table import RecordTable
from index.views import Views
from training.catalogue.reader import Catalogue, Item
from training.errors import SilhouetteError

_TEXTS = ("at", "action", "item_id", "photograph", "metadata", "encoder", "embedding")
_NO_RECORD = dict.fromkeys(("photograph", "metadata", "encoder", "embedding"), "")
_AT_ONCE = 1000

SKEW = 3_600_000_000
"""Microseconds by which clocks may differ: a state that is so much older than the last one that a version has
folded in is applied to it all the same, which changes nothing where it has it, and is not dropped yet."""


class MilvusChanges(ChangeLog):
    """The latest state of each item that was changed, in a collection; photographs lie in a folder.

    A change gets as its number the microseconds of this machine's clock, and at least one more than the one
    before it here. Machines whose clocks differ may number in another order than they wrote. Which state is
    an item's latest does not hang on that: in Milvus the later one has replaced the earlier.

    Parameters
    ----------
    server : Server
    photographs : Photographs
    maps : MapFiles
        Has the part maps of what was put.
    searched : Searched
        What every change is applied to.
    """

    def __init__(self, server: Server, photographs: Photographs, maps: MapFiles, searched: Searched) -> None:
        self.photographs = photographs
        self._maps = maps
        self._table = RecordTable(server, f"{server.address.prefix}_changes", texts=_TEXTS, numbers=("seq",))
        self._searched = searched
        self._numbering = threading.Lock()
        self._last = 0
        self.made = 0
        """How often changes were, or may have been, made here; raised once all searches see them."""

    def write(
        self, edits: Sequence[Edit], *, items: Mapping[str, Item] | None = None
    ) -> list[Change | SilhouetteError]:
        """Make changes in one request to the server, as the interface says.

        Two machines that patch one item in the same moment both read what it was before: of a field that only
        one of them has set, the change may be lost.

        Raises also `EncoderMismatch`, where the version in use belongs to another encoder than what was put.
        """
        self._sync_names(edits)
        with _writing():
            for encoder in {edit.encoder for edit in edits if isinstance(edit, Put)}:
                self._searched.require(encoder)
            states = self._latest([edit.item_id for edit in edits if isinstance(edit, Patch | Delete)])
            made = [self._made(edit, states, items) for edit in edits]
            written = {state.item_id: state for state in made if isinstance(state, Change)}
            self._record(list(written.values()))
            return made

    def _made(
        self, edit: Edit, states: dict[str, Change], items: Mapping[str, Item] | None
    ) -> Change | SilhouetteError:
        """Return the numbered state that an edit makes, which is then the item's, or why it is refused."""
        try:
            state = self._numbered(self._after(edit, states.get(edit.item_id), items))
            if state.item is not None:
                item_fields(state.item)
            elif state.fields is not None and items is not None:
                item_fields(patched_item(items[state.item_id], state.fields))
        except REFUSALS as refusal:
            return refusal
        states[state.item_id] = state
        return state

    def _latest(self, item_ids: Collection[str]) -> dict[str, Change]:
        """Return the latest states of items, by their ids."""
        keys = [key_of(item_id) for item_id in dict.fromkeys(item_ids)]
        found = self._table.find(f"key in {json.dumps(keys)}") if keys else []
        return {change.item_id: change for change in self._changes(found)}

    def restore(self, states: Sequence[Change]) -> int:
        """Set the states of a backup again, a part at a time; return the last change's number."""
        kept = {state.item_id for state in states}
        others = [state.item_id for state in self.since(0) if state.item_id not in kept]
        renewed = [*(Change(0, "", FORGET, item_id) for item_id in others), *states]
        with _writing():
            for encoder in {state.encoder for state in states if state.encoder is not None}:
                self._searched.require(encoder)
            for at in range(0, len(renewed), _AT_ONCE):
                self._record([self._numbered(state) for state in renewed[at : at + _AT_ONCE]])
        return self._last if renewed else 0

    def since(self, seq: int) -> list[Change]:
        """Return the states set after change number `seq`, in their order."""
        return self._changes(self._table.find(f"seq > {seq}"))

    def state(self, item_id: str) -> Change | None:
        """Return the latest state of one item, None where it has none."""
        record = self._table.get(key_of(item_id))
        return None if record is None else self._changes([record])[0]

    def count_since(self, seq: int) -> int:
        """Return how many states were set after change number `seq`, without waiting for the latest."""
        return self._table.count(f"seq > {seq}", consistency="Bounded")

    def folded(self, catalogue: Catalogue) -> tuple[Catalogue, int]:
        """Return a catalogue with all changes applied, and the number of the last one."""
        changes = self.since(0)
        return fold(catalogue, {change.item_id: change for change in changes}), max(
            (change.seq for change in changes), default=0
        )

    def drop(
        self,
        *,
        folded: int,
        catalogue: Catalogue | None,
        photographs: Collection[str],
        versions: Collection[str],
    ) -> None:
        """Drop what nothing needs any more (see `index.stores.milvus.sweep`)."""
        changes = self.since(0)
        settled = [change for change in changes if change.seq <= folded - SKEW and change.action != PUT]
        deleted = {change.item_id for change in settled if change.action != FORGET}
        held = deleted if catalogue is None else catalogue.listed(deleted)
        done = [change.seq for change in settled if change.item_id not in held]
        if done:
            self._table.remove(f"seq in {json.dumps(done)}")
        used = {name for change in changes for name in change.photographs}
        self.photographs.remove_all_but({*photographs, *used}, older_than=UNREFERRED_SECONDS)
        self._maps.remove_all_but(versions, [change.seq for change in changes if change.action == PUT])

    def _number(self) -> int:
        with self._numbering:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return self._last

    def _numbered(self, state: Change) -> Change:
        return replace(state, seq=self._number(), at=datetime.now(UTC).isoformat(timespec="milliseconds"))

    def _record(self, states: Sequence[Change]) -> None:
        """Set numbered states of different items, in one request, and apply them to what is searched.

        Another writer may have changed an item since, and what it applied may then have been overwritten
        here. So this one looks at the log again, and applies what stands there.
        """
        records = [_record_of(state) for state in states]
        if not records:
            return
        for state in states:
            if state.views is not None and state.views.maps is not None:
                self._maps.keep_put(state.seq, state.views)
        try:
            self._table.write(records)
            further = self._changes(records)
            while further:
                version = self._searched.apply_to_current(further)
                latest = self._latest([state.item_id for state in further])
                further = [now for state in further if (now := latest.get(state.item_id, state)) != state]
            self._searched.wait(version)
        finally:
            with self._numbering:
                self.made += 1

    def catch_up(self, version: str) -> None:
        """Apply to a version what it has not folded in, and go on until there is nothing new."""
        folded = self._searched.manifest(version).changes
        applied: dict[str, int] = {}
        while states := [
            change
            for change in self.since(max(folded - SKEW, 0))
            if applied.get(change.item_id) != change.seq
        ]:
            self._searched.apply(version, states)
            applied |= {change.item_id: change.seq for change in states}
        self._searched.wait(version)

    def _changes(self, records: list[dict[str, Any]]) -> list[Change]:
        try:
            return sorted(map(self._change, records), key=lambda change: change.seq)
        except (KeyError, ValueError) as error:
            raise ChangesDamaged(
                f"The log of changes '{self._table.name}' in Milvus can't be read ({error!r}). Restore it "
                "from a backup, or drop that collection, which loses the changes since the last build."
            ) from error

    def _change(self, record: dict[str, Any]) -> Change:
        first = (int(record["seq"]), record["at"], record["action"], record["item_id"])
        if record["action"] == PATCH:
            return Change(*first, fields=json.loads(record["metadata"]))
        if record["action"] != PUT:
            return Change(*first)
        names = record["photograph"].split()
        first_path, *further_paths = map(self.photographs.path, names)
        item = Item(
            record["item_id"],
            first_path,
            json.loads(record["metadata"]),
            tuple(further_paths),
            content=content_of_names(names),
        )
        packed, *further = map(base64.b64decode, record["embedding"].split())
        vector = np.frombuffer(packed, "<f4")
        views = self._maps.put(first[0], len(vector))
        if views is None and further:
            views = Views.from_bytes(further[0], len(vector))
        return Change(*first, item, vector, record["encoder"], views)


def _record_of(state: Change) -> dict[str, Any]:
    """Return a state as the collection holds it."""
    record = {**_NO_RECORD, "key": key_of(state.item_id), "item_id": state.item_id}
    record |= {"action": state.action, "at": state.at}
    if state.item is not None and state.vector is not None and state.encoder is not None:
        record |= {"photograph": " ".join(state.photographs), "metadata": json.dumps(state.item.metadata)}
        record |= {"encoder": state.encoder, "embedding": _embedding(state.vector, state.views)}
    if state.fields is not None:
        record["metadata"] = json.dumps(state.fields)
    return {**record, "seq": state.seq}


def _embedding(vector: np.ndarray, views: Views | None) -> str:
    """Return a vector as text and, behind a space, its views, without part maps, which lie in a file."""
    parts = [vector_bytes(vector), *([] if views is None else [replace(views, maps=None).to_bytes()])]
    return " ".join(base64.b64encode(part).decode() for part in parts)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn a failure to write into the error for it."""
    try:
        yield
    except (StoreFailed, StoreUnreachable, OSError) as error:
        raise ChangeNotConfirmed(
            f"The change may not have been made: {error} Repeat it: a change made twice is made once."
        ) from error
