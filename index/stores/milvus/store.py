"""The store that is a server: the versions in Milvus, for any number of machines."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from index.comparison import Previous
from index.errors import IndexDamaged, NoIndex
from index.manifest import Manifest
from index.photographs import PHOTOGRAPHS, Photographs
from index.stores.lock import locked
from index.stores.milvus.changes import MilvusChanges
from index.stores.milvus.connection import Server
from index.stores.milvus.draft import MilvusDraft
from index.stores.milvus.map_files import MAPS, MapFiles
from index.stores.milvus.milvus_address import MilvusAddress
from index.stores.milvus.place import Place
from index.stores.milvus.searcher import MilvusSearcher, open_version
from index.stores.milvus.sweep import prune, tidy
from index.stores.milvus.table import parts
from index.stores.store import Store
from index.stores.version_names import new_version
from training.catalogue.reader import Catalogue, Item
from training.errors import SilhouetteError
from training.photo.encoder import Encoder


class MilvusStore(Store):
    """Versions in Milvus; photographs that were put, part maps and the notes of builds lie in a folder.

    Parameters
    ----------
    address : MilvusAddress
    indexes : Path
        The folder; where several machines serve or build, one that they share.
    """

    def __init__(self, address: MilvusAddress, indexes: Path) -> None:
        self._indexes = indexes
        self._place = Place.at(Server(address), Photographs(indexes / PHOTOGRAPHS), MapFiles(indexes / MAPS))

    def __str__(self) -> str:
        return str(self._place.server.address)

    @property
    def changes(self) -> MilvusChanges:
        """The log in Milvus."""
        return self._place.changes

    def open(self, *, encoder: Encoder) -> MilvusSearcher:
        """Open the version in use."""
        version = self.current()
        return MilvusSearcher(self._place, encoder, open_version(self._place, version, encoder))

    def open_as_built(self, version: str, *, encoder: Encoder) -> MilvusSearcher:
        """Open a version, with the changes that it has; it stays in the server's memory until a switch."""
        name = self._place.versions.known(version)
        return MilvusSearcher(self._place, encoder, open_version(self._place, name, encoder))

    def versions(self) -> list[str]:
        """Return the names of the versions, oldest first."""
        return self._place.versions.names()

    def current(self) -> str:
        """Return the version that the alias names."""
        return self._place.versions.current()

    def manifest(self, version: str) -> Manifest:
        """Return the manifest in the version's record."""
        return self._place.versions.manifest(version)

    def items_of(self, item_ids: Sequence[str], *, version: str | None = None) -> dict[str, Item]:
        """Look into a version."""
        manifest = self.manifest(self.current() if version is None else self._place.versions.known(version))
        self._place.versions.load(manifest.version)
        return self._place.collection(manifest).items_of(item_ids)

    def verify(self, version: str | None = None) -> Manifest:
        """Check the index, the rows and a real search; what was not in the server's memory leaves it then."""
        name = self.current() if version is None else self._place.versions.known(version)
        loaded = self._place.versions.is_loaded(name)
        manifest = self._place.check(name)
        if not loaded:
            self._place.versions.release(name)
        return manifest

    def activate(self, version: str) -> Manifest:
        """Point the alias to a version that is sound, once it has all changes."""
        manifest = self._place.check(self._place.versions.known(version))
        self._place.switch(version)
        return manifest

    def rollback(self) -> Manifest:
        """Point the alias to the version before, which must be sound."""
        return self.activate(self._place.versions.older())

    def prune(self, *, keep: int) -> list[str]:
        """Remove collections, and what no version needs of the changes."""
        return prune(self._place, self._indexes, keep=keep)

    @contextmanager
    def building(self, *, now: datetime | None = None) -> Iterator[MilvusDraft]:
        """Hold the folder's lock; the collection of a build that fails is removed."""
        with locked(self._indexes):
            versions = self._place.versions
            versions.remove([])
            version = new_version(versions.names(consistency="Strong"), now=now or datetime.now(UTC))
            try:
                yield MilvusDraft(self._place, self._indexes, version)
            except BaseException:
                with suppress(SilhouetteError):
                    versions.remove([])
                raise

    def previous(self) -> Previous | None:
        """Read the ids and digests of the version in use."""
        try:
            manifest = self.manifest(self.current())
        except (NoIndex, IndexDamaged):
            return None
        self._place.versions.load(manifest.version)
        collection = self._place.collection(manifest)
        contents = {
            row["item_id"]: bytes.fromhex(row["content"])
            for part in parts(manifest.items)
            for row in collection.query(collection.of_items(part), ["item_id", "content"])
        }
        return Previous(manifest.items, contents, manifest.catalogue, manifest.version)

    def tidy(self, *, keep: int, catalogue: Catalogue) -> list[str]:
        """Remove collections, and what no version needs of the changes."""
        return tidy(self._place, keep=keep, catalogue=catalogue)
