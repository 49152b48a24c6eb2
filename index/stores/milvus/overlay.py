"""Changes applied to the collections of versions: rows upserted and deleted."""

import json
import logging
from collections.abc import Sequence

from index.change import FORGET, PATCH, Change, patched_item
from index.errors import InvalidChange, NoIndex
from index.manifest import Manifest
from index.stores.milvus.connection import Server
from index.stores.milvus.items import (
    further_keys,
    item_fields,
    item_of,
    key_of,
    put_rows,
    view_fields,
)
from index.stores.milvus.publish import Versions
from index.views import Views
from training.errors import EncoderMismatch

log = logging.getLogger(__name__)

_AT_ONCE = 500
_CONDITIONS = 50
"""How many are joined in one request."""


class Searched:
    """Applies changes to versions; applying one twice is applying it once."""

    def __init__(self, server: Server, versions: Versions) -> None:
        self._server = server
        self._versions = versions

    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version."""
        return self._versions.manifest(version)

    def require(self, encoder: str) -> None:
        """Raise `EncoderMismatch` where the version in use belongs to another encoder."""
        try:
            manifest = self.manifest(self._versions.current())
        except NoIndex:
            return
        if manifest.encoder != encoder:
            raise EncoderMismatch(
                f"The version in use, '{manifest.version}', belongs to the encoder {manifest.encoder[:12]}, "
                f"and not to {encoder[:12]}. Load that encoder, and put the item again."
            )

    def apply_to_current(self, changes: Sequence[Change]) -> str | None:
        """Apply changes to the version in use and return its name; None where there is none yet."""
        try:
            version = self._versions.current()
        except NoIndex:
            return None
        self.apply(version, changes)
        return version

    def apply(self, version: str, changes: Sequence[Change]) -> None:
        """Apply states of different items to a version.

        Those that were forgotten stay as they are: from the next build on they are what the catalogue says.
        """
        collection, manifest = self._versions.collection(version), self.manifest(version)
        fields = view_fields(manifest)
        for at in range(0, len(changes), _AT_ONCE):
            part = changes[at : at + _AT_ONCE]
            rows, gone, stale = self._patched(collection, part, several=bool(fields)), [], []
            for change in part:
                if change.action == PATCH:
                    continue
                views = _fitting(change, manifest)
                if views is not None:
                    rows += put_rows(change, views, fields)
                    stale.append(f"{further_keys(change.item_id)} and row != {change.seq}")
                elif change.action != FORGET:
                    gone.append(key_of(change.item_id))
                    stale.append(further_keys(change.item_id))
            if rows:
                self._server.ask("upsert", collection, rows)
            if gone:
                self._server.ask("delete", collection, ids=gone)
            for start in range(0, len(stale) if fields else 0, _CONDITIONS):
                joined = " or ".join(f"({each})" for each in stale[start : start + _CONDITIONS])
                self._server.ask("delete", collection, filter=joined)

    def _patched(self, collection: str, changes: Sequence[Change], *, several: bool) -> list[dict]:
        """Return the rows of items that were patched as they are to be; each item may have several."""
        fields = {key_of(change.item_id): change.fields for change in changes if change.fields is not None}
        if not fields:
            return []
        rows = self._rows(collection, f"key in {json.dumps(list(fields))}")
        if several and rows:
            rows = self._rows(collection, f"owner in {[row['owner'] for row in rows]}")
        patched = []
        for row in rows:
            item = patched_item(item_of(row), fields[key_of(row["item_id"])] or {})
            try:
                patched.append({**row, **item_fields(item)})
            except InvalidChange as error:  # in a version that was built since with more of its own
                log.error("Item '%s' keeps the metadata that it was built with: %s", item.item_id, error)
        return patched

    def _rows(self, collection: str, condition: str) -> list[dict]:
        found = self._server.ask(
            "query", collection, filter=condition, output_fields=["*"], consistency_level="Strong"
        )
        return [dict(row) for row in found]

    def wait(self, version: str | None) -> None:
        """Return when every search of a version sees what was applied to it here."""
        if version is not None:
            self._server.ask(
                "query",
                self._versions.collection(version),
                filter='key == ""',
                output_fields=["key"],
                consistency_level="Session",
            )


def _fitting(change: Change, manifest: Manifest) -> Views | None:
    """Return the views by which the version finds what was put, if they are like its own; else None."""
    if change.item is None or change.encoder == manifest.encoder:
        return change.views_in(manifest)
    log.error(
        "Item '%s' can't be found in %s, for another encoder has embedded it. The next build finds it again.",
        *(change.item_id, manifest.version),
    )
    return None
