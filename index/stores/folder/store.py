"""The store that needs no server: a folder of versions that are files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from index.comparison import Digests, Previous
from index.errors import IndexDamaged, NoIndex
from index.manifest import Manifest, read_manifest
from index.stores.folder import publish
from index.stores.folder.changes import Changes
from index.stores.folder.draft import FolderDraft
from index.stores.folder.items import Items
from index.stores.folder.searcher import Searcher
from index.stores.folder.sweep import prune, tidy
from index.stores.folder.version import CONTENTS, ITEMS
from index.stores.store import Store
from training.catalogue.reader import Catalogue, Item
from training.photo.encoder import Encoder


class _StoredDigests(Digests):
    """Those of a version in a folder; what can't be read is not known."""

    def __init__(self, folder: Path) -> None:
        self._items, self._contents = Items.open(folder / ITEMS), np.load(folder / CONTENTS, mmap_mode="r")
        if len(self._items) != len(self._contents):
            raise ValueError("The digests are of other items.")

    def find(self, item_ids: Sequence[str]) -> dict[str, bytes]:
        try:
            rows = self._items.rows_of(item_ids)
        except IndexDamaged:
            return {}
        digests = self._contents[[*rows.values()]]
        return {item_id: digest.tobytes() for item_id, digest in zip(rows, digests, strict=True)}

    def __iter__(self) -> Iterator[str]:
        with suppress(IndexDamaged):
            yield from self._items.ids()

    def __len__(self) -> int:
        return len(self._items)


def _contents(folder: Path) -> Mapping[str, bytes]:
    try:
        return _StoredDigests(folder)
    except (OSError, ValueError, IndexDamaged):
        return {}


def _newest_first(indexes: Path) -> list[str]:
    """Return the version in use, then the others from the newest on."""
    versions = publish.list_versions(indexes)[::-1]
    try:
        current = publish.current_version(indexes)
    except (NoIndex, IndexDamaged):
        return versions
    return [current, *(version for version in versions if version != current)]


def read_previous(indexes: Path) -> Previous | None:
    """Return what the version in use holds, or the newest one that can be read; None where there is none."""
    for version in _newest_first(indexes):
        try:
            manifest = read_manifest(indexes / version)
        except IndexDamaged:
            continue
        return Previous(manifest.items, _contents(indexes / version), manifest.catalogue, version)
    return None


@dataclass(frozen=True)
class FolderStore(Store):
    """Versions in a folder, each opened by every process that searches it."""

    indexes: Path

    def __str__(self) -> str:
        return str(self.indexes)

    @cached_property
    def changes(self) -> Changes:
        """The log in the folder."""
        return Changes(self.indexes)

    def open(self, *, encoder: Encoder) -> Searcher:
        """Map the files of the version in use."""
        return Searcher.open(self.indexes, encoder=encoder)

    def open_as_built(self, version: str, *, encoder: Encoder) -> Searcher:
        """Map the files of a version."""
        return Searcher.open_as_built(self.indexes, publish.known(self.indexes, version), encoder=encoder)

    def versions(self) -> list[str]:
        """Return the names of the folders, oldest first."""
        return publish.list_versions(self.indexes)

    def current(self) -> str:
        """Return what `current` names."""
        return publish.current_version(self.indexes)

    def manifest(self, version: str) -> Manifest:
        """Read `manifest.json`."""
        return read_manifest(self.indexes / version)

    def items_of(self, item_ids: Sequence[str], *, version: str | None = None) -> dict[str, Item]:
        """Look into the items of a version."""
        name = self.current() if version is None else publish.known(self.indexes, version)
        found = Items.open(self.indexes / name / ITEMS).by_ids(item_ids)
        return {item.item_id: item for item in found.values()}

    def verify(self, version: str | None = None) -> Manifest:
        """Check all checksums, the counts and a real search."""
        return publish.verify(self.indexes, version).manifest

    def activate(self, version: str) -> Manifest:
        """Point `current` to a version that is sound."""
        return publish.activate(self.indexes, version).manifest

    def rollback(self) -> Manifest:
        """Point `current` to the version before, which must be sound."""
        return publish.rollback(self.indexes).manifest

    def prune(self, *, keep: int) -> list[str]:
        """Remove folders, and what no version needs of the changes."""
        return prune(self.indexes, keep=keep)

    @contextmanager
    def building(self, *, now: datetime | None = None) -> Iterator[FolderDraft]:
        """Hold the folder's lock."""
        with publish.building(self.indexes, now=now) as staging:
            yield FolderDraft(staging)

    def previous(self) -> Previous | None:
        """Read the items of the version in use, or of the newest one that can be read."""
        return read_previous(self.indexes)

    def tidy(self, *, keep: int, catalogue: Catalogue) -> list[str]:
        """Remove folders, and what no version needs of the changes."""
        return tidy(self.indexes, keep=keep, catalogue=catalogue)
