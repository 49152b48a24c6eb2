"""A draft version in a staging folder: its files are written, and published together."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.embedding.duplicates import write_duplicates
from index.embedding.embeddings import Embedded
from index.manifest import Manifest, file_sums, write_manifest
from index.stores.folder.items import write_items
from index.stores.folder.publish import StagingFolder, publish
from index.stores.folder.version import CONTENTS, DUPLICATES, ITEMS, MAPS, REPORT, VECTORS, write_views
from index.stores.lock import writing
from index.stores.store import Draft, Filled
from index.vectors.flat import comparison_ms
from index.vectors.kinds import AUTO, choose_kind, kind_named
from index.vectors.vector_index import VectorIndex
from training.catalogue.reader import BadItem, write_report

_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def _memory() -> int:
    """Return the bytes of memory of this machine, or of its container where that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(_CONTAINER.read_text()))
    except (OSError, ValueError):
        return machine


def _make_index(
    vectors: np.ndarray, path: Path, *, kind: str, recall: float, owners: np.ndarray | None = None
) -> tuple[VectorIndex, dict[str, float | int | str]]:
    """Write an index of the requested or chosen kind; return it and its parameters for the manifest."""
    why = ""
    if kind == AUTO:
        kind, why = choose_kind(len(vectors), vectors.shape[1], _memory(), flat_ms=comparison_ms(vectors))
    index = kind_named(kind).build(vectors, recall=recall, owners=owners, path=path)
    return index, {**index.parameters, **({"why": why} if why else {})}


class FolderDraft(Draft):
    """A staging folder, which publication renames."""

    def __init__(self, staging: StagingFolder) -> None:
        super().__init__(staging.indexes, staging.version)
        self._staging = staging

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
        """Write all files but the manifest; the vectors are searched as they stand in theirs."""
        folder, items = self._staging.folder, embedded.items
        index, parameters = _make_index(
            embedded.vectors, folder / VECTORS, kind=kind, recall=recall, owners=embedded.owners
        )
        with writing(self.indexes):
            write_report(folder / REPORT, bad)
            write_items(folder / ITEMS, items, groups=groups)
            write_duplicates(folder / DUPLICATES, items, groups, embedded.vectors, embedded.pictures)
            np.save(folder / CONTENTS, embedded.contents)
            write_views(folder, embedded)
            if embedded.maps is not None:
                np.save(folder / MAPS, embedded.maps)
            sums = file_sums(folder.iterdir())
        return Filled(index, index.kind, parameters, *sums)

    def publish(self, manifest: Manifest) -> None:
        """Write the manifest, rename the folder, and point `current` to it."""
        with writing(self.indexes):
            write_manifest(self._staging.folder, manifest)
            publish(self._staging)
