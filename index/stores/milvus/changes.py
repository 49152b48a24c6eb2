"""The log of changes in Milvus, and its changes in the collections of versions: every item's latest state."""

import base64
import json
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
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
from index.errors import ChangeNotConfirmed, ChangesDamaged, StoreFailed, StoreUnreachable
from index.photographs import Photographs
from index.stores.milvus.connection import Server
from index.stores.milvus.items import item_fields, key_of
from index.stores.milvus.overlay import Searched
from index.stores.milvus.table import RecordTable
from index.views import Views
from training.catalogue.reader import Catalogue, Item

_TEXTS = ("at", "action", "item_id", "photograph", "metadata", "encoder", "embedding")
_NO_RECORD = dict.fromkeys(("photograph", "metadata", "encoder", "embedding"), "")

SKEW = 3_600_000_000
"""Microseconds by which clocks may differ: a state that is so much older than the last one that a version has
folded in is applied to it all the same, which changes nothing where it has it, and is not dropped yet."""

PHOTOGRAPH_SECONDS = 3600.0
"""How old a photograph must be that is removed because nothing refers to it: one may be just about to."""


class MilvusChanges(ChangeLog):
    """The latest state of each item that was changed, in a collection; photographs lie in a folder.

    A change gets as its number the microseconds of this machine's clock, and at least one more than the one
    before it here. Machines whose clocks differ may number in another order than they wrote. Which state is
    an item's latest does not hang on that: in Milvus the later one has replaced the earlier.

    Parameters
    ----------
    server : Server
    photographs : Photographs
    searched : Searched
        What every change is applied to.
    """

    def __init__(self, server: Server, photographs: Photographs, searched: Searched) -> None:
        self.photographs = photographs
        self._table = RecordTable(server, f"{server.address.prefix}_changes", texts=_TEXTS, numbers=("seq",))
        self._searched = searched
        self._numbering = threading.Lock()
        self._last = 0

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
        """Add an item, or replace the one with that id, as the interface says; return the change's number.

        Raises also `EncoderMismatch`, where the version in use belongs to another encoder.
        """
        checked, stored = checked_item(item_id, metadata, photographs=1 + len(further))
        values = {
            "item_id": checked,
            "metadata": stored,
            "encoder": encoder,
            "embedding": _embedding(vector, views),
        }
        item_fields(Item(item_id, self.photographs.folder, metadata))
        with _writing():
            self._searched.require(encoder)
            values["photograph"] = " ".join(self.photographs.store(each) for each in (photo, *further))
            return self._record(PUT, values)

    def delete(self, item_id: str) -> int:
        """Delete the item with that id from all searches; return the change's number."""
        with _writing():
            return self._record(DELETE, {"item_id": checked_id(item_id)})

    def forget(self, item_id: str) -> int:
        """Let the catalogue speak for that item again, from the next build on; return the change's number."""
        with _writing():
            return self._record(FORGET, {"item_id": checked_id(item_id)})

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

    def drop(self, *, folded: int, catalogue: Collection[str] | None, photographs: Collection[str]) -> None:
        """Drop what nothing needs any more (see `index.stores.milvus.sweep`)."""
        changes = self.since(0)
        done = [
            change.seq
            for change in changes
            if change.seq <= folded - SKEW
            and (
                change.action == FORGET
                or (change.action == DELETE and catalogue is not None and change.item_id not in catalogue)
            )
        ]
        if done:
            self._table.remove(f"seq in {json.dumps(done)}")
        used = {name for change in changes for name in change.photographs}
        self.photographs.remove_all_but({*photographs, *used}, older_than=PHOTOGRAPH_SECONDS)

    def _number(self) -> int:
        with self._numbering:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            return self._last

    def _record(self, action: str, values: dict[str, str]) -> int:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        seq = self._number()
        record = {**_NO_RECORD, "action": action, "at": now, "seq": seq, **values}
        self._table.write([{"key": key_of(values["item_id"]), **record}])
        self._apply(self._change(record))
        return seq

    def _apply(self, change: Change) -> None:
        """Apply a change to what is searched.

        Another writer may have changed the item since, and what it applied may then have been overwritten
        here. So this one looks at the log again, and applies what stands there.
        """
        latest: Change | None = change
        while latest is not None:
            version = self._searched.apply_to_current([latest])
            applied, latest = latest, self.state(change.item_id)
            if latest == applied:
                break
        self._searched.wait(version)

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
        if record["action"] != PUT:
            return Change(*first)
        photographs = [self.photographs.path(name) for name in record["photograph"].split()]
        item = Item(record["item_id"], photographs[0], json.loads(record["metadata"]), tuple(photographs[1:]))
        packed, *further = map(base64.b64decode, record["embedding"].split())
        vector = np.frombuffer(packed, "<f4")
        views = Views.from_bytes(further[0], len(vector)) if further else None
        return Change(*first, item, vector, record["encoder"], views)


def _embedding(vector: np.ndarray, views: Views | None) -> str:
    """Return a vector as text and, behind a space, its views."""
    parts = [vector_bytes(vector), *([] if views is None else [views.to_bytes()])]
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
