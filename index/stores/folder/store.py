"""The store that needs no server: a folder of versions that are files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from index.comparison import Previous, read_previous
from index.embedding.duplicates import write_duplicates
from index.embedding.embeddings import Embedded
from index.errors import ItemUnknown
from index.manifest import Manifest, file_sums, read_manifest, write_manifest
from index.stores.folder import publish
from index.stores.folder.changes import Changes
from index.stores.folder.items import Items, write_items
from index.stores.folder.pruning import prune, tidy
from index.stores.folder.searcher import Searcher
from index.stores.folder.version import CONTENTS, DUPLICATES, ITEMS, REPORT, VECTORS
from index.stores.store import Draft, Filled, Store
from index.vectors.kinds import AUTO, choose_kind, kind_named
from index.vectors.vector_index import VectorIndex
from training.catalogue.reader import BadItem, Catalogue, write_report
from training.photo.encoder import Encoder

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def _memory() -> int:
    """Return the bytes of memory of this machine, or of its container where that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CONTAINER.read_text()))
    except (OSError, ValueError):
        return machine


def _make_index(
    vectors: np.ndarray, *, kind: str, recall: float
) -> tuple[VectorIndex, dict[str, float | int | str]]:
    """Return an index of the kind that is asked for, or chosen, and what the manifest says of it."""
    why = ""
    if kind == AUTO:
        kind, why = choose_kind(len(vectors), vectors.shape[1], _memory())
    index = kind_named(kind).build(vectors, recall=recall)
    return index, {**index.parameters, **({"why": why} if why else {})}


class FolderDraft(Draft):
    """A hidden folder that publication renames."""

    def __init__(self, draft: publish.Draft) -> None:
        super().__init__(draft.indexes, draft.version)
        self._draft = draft

    @property
    def report(self) -> Path:
        """In the version's folder."""
        return self.indexes / self.version / REPORT

    @property
    def duplicates(self) -> Path:
        """In the version's folder."""
        return self.indexes / self.version / DUPLICATES

    def fill(
        self, embedded: Embedded, groups: np.ndarray, *, bad: Sequence[BadItem], kind: str, recall: float
    ) -> Filled:
        """Write all files but the manifest, and read the vectors back."""
        index, parameters = _make_index(embedded.vectors, kind=kind, recall=recall)
        folder, items = self._draft.folder, embedded.items
        with publish.writing(self.indexes):
            write_report(folder / REPORT, bad)
            write_items(folder / ITEMS, items, groups=groups)
            write_duplicates(folder / DUPLICATES, items, groups, embedded.vectors, embedded.pictures)
            np.save(folder / CONTENTS, embedded.contents)
            index.save(folder / VECTORS)
            sums = file_sums(folder)
        return Filled(type(index).load(folder / VECTORS, parameters), index.kind, parameters, *sums)

    def publish(self, manifest: Manifest) -> None:
        """Write the manifest, rename the folder, and point `current` to it."""
        with publish.writing(self.indexes):
            write_manifest(self._draft.folder, manifest)
            publish.publish(self._draft)


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

    def versions(self) -> list[str]:
        """Return the names of the folders, oldest first."""
        return publish.list_versions(self.indexes)

    def current(self) -> str:
        """Return what `current` names."""
        return publish.current_version(self.indexes)

    def manifest(self, version: str) -> Manifest:
        """Read `manifest.json`."""
        return read_manifest(self.indexes / version)

    def holds(self, item_id: str) -> bool:
        """Look into the items of the version in use."""
        try:
            Items.open(self.indexes / self.current() / ITEMS).by_id(item_id)
        except ItemUnknown:
            return False
        return True

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
        with publish.building(self.indexes, now=now) as draft:
            yield FolderDraft(draft)

    def previous(self) -> Previous | None:
        """Read the items of the version in use, or of the newest one that can be read."""
        return read_previous(self.indexes)

    def tidy(self, *, keep: int, catalogue: Catalogue) -> list[str]:
        """Remove folders, and what no version needs of the changes."""
        return tidy(self.indexes, keep=keep, catalogue=catalogue)
