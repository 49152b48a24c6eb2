"""An index in Milvus as a whole: its versions and its changes, kept consistent."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from index.errors import IndexDamaged, NoIndex
from index.manifest import Manifest
from index.photographs import Photographs
from index.stores.milvus.changes import MilvusChanges
from index.stores.milvus.connection import NotThere, Server
from index.stores.milvus.index_types import MILVUS_KINDS
from index.stores.milvus.items import view_fields
from index.stores.milvus.map_files import MapFiles
from index.stores.milvus.overlay import Searched
from index.stores.milvus.publish import Versions
from index.stores.milvus.version import Collection
from index.stores.self_search import failed_searches, sampled_rows


@dataclass(frozen=True)
class Place:
    """Where an index lies."""

    server: Server
    versions: Versions
    changes: MilvusChanges
    maps: MapFiles

    @classmethod
    def at(cls, server: Server, photographs: Photographs, maps: MapFiles) -> Self:
        """Return the index on a server, whose photographs from changes and part maps lie in folders."""
        versions = Versions(server)
        changes = MilvusChanges(server, photographs, maps, Searched(server, versions))
        return cls(server, versions, changes, maps)

    def collection(self, manifest: Manifest) -> Collection:
        """Return the rows of a version."""
        name, consistency = self.versions.collection(manifest.version), self.server.address.consistency
        each = manifest.vectors / manifest.items
        fields = view_fields(manifest)
        return Collection(
            self.server, name, manifest.parameters, consistency=consistency, view_fields=fields, views=each
        )

    def switch(self, version: str) -> None:
        """Make a version that is loaded the one in use, without missing a change, and let older ones go.

        A change that comes between the two times of catching up is applied to the version that it found in
        use. Who still searches the version that was in use until now can go on, until the next switch.
        """
        try:
            former = self.versions.current()
        except (NoIndex, IndexDamaged):
            former = version
        self.changes.catch_up(version)
        self.versions.use(version)
        self.changes.catch_up(version)
        self.versions.release_all_but({version, former})

    def check(self, version: str) -> Manifest:
        """Load a version and check it: its index, its rows, and a real search; return its manifest.

        Raises
        ------
        IndexDamaged
            Naming all that is wrong.
        """
        manifest = self.versions.manifest(version)
        self.maps.of_version(manifest, hash_up_to=math.inf)
        try:
            self.versions.load(version)
            problems = [*self._wrong_index(manifest), *self._missing(manifest)]
            problems = problems or self._failed_searches(manifest)
        except NotThere as error:
            problems = [str(error)]
        if problems:
            raise IndexDamaged(
                f"Version '{version}' in '{self.server.address}' is damaged: {'; '.join(problems)}. "
                "Activate another version, or build the index again."
            )
        return manifest

    def _wrong_index(self, manifest: Manifest) -> list[str]:
        found = self.server.ask("describe_index", self.versions.collection(manifest.version), "vector") or {}
        expected = (MILVUS_KINDS[manifest.kind].index_type, "Finished")
        if (found.get("index_type"), found.get("state")) == expected:
            return []
        return [f"its index is not one of type {expected[0]} that is finished, but {found}"]

    def _missing(self, manifest: Manifest) -> list[str]:
        """Report missing rows, if there are more than changes have deleted or replaced."""
        found = self.collection(manifest).count(f"row < {manifest.items}", consistency="Strong")
        if manifest.items - found <= self.changes.count_since(0):
            return []
        return [f"{found:,} items where the manifest says {manifest.items:,}"]

    def _failed_searches(self, manifest: Manifest) -> list[str]:
        collection = self.collection(manifest)
        stored = collection.query(f"row in {sampled_rows(manifest.items)}", ["vector"])
        if not stored:  # changes have replaced them all
            return []
        queries = np.array([row["vector"] for row in stored], np.float32)
        found = collection.nearest(queries, 1)
        return failed_searches(np.array([hits.scores[0] if len(hits) else -np.inf for hits in found]))
