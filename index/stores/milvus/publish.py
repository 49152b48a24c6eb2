"""The versions in Milvus: a collection each, a record once it is complete, an alias for the one in use."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from pymilvus.client.types import LoadState

from index.errors import IndexDamaged, NoIndex
from index.filters.facets import Facet
from index.manifest import Manifest, manifest_text, parse_manifest
from index.stores.milvus.connection import WORK_SECONDS, NotThere, Server
from index.stores.milvus.table import LONGEST, RecordTable
from index.stores.version_names import is_version_name, listed, newest_before, require_known

_AT_ONCE = 1000
_PARTS_AT_ONCE = 100


class Versions:
    """The versions published at an address; each is listed once it is complete."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._prefix = server.address.prefix
        self.alias = f"{self._prefix}_current"
        self._records = RecordTable(
            server, f"{self._prefix}_versions", texts=("manifest", "facets"), numbers=()
        )
        self._facets = RecordTable(
            server, f"{self._prefix}_facets", texts=("version", "text"), numbers=("part",)
        )
        self._uploads = RecordTable(
            server, f"{self._prefix}_photographs", texts=("version", "name"), numbers=()
        )

    def collection(self, version: str) -> str:
        """Return the name of a version's collection."""
        return f"{self._prefix}_{version.replace('-', '_')}"

    def names(self, *, consistency: str = "Bounded") -> list[str]:
        """Return the names of the versions, oldest first."""
        found = self._records.find('key != ""', consistency=consistency, fields=("key",))
        return sorted(record["key"] for record in found)

    def current(self) -> str:
        """Return the name of the version in use; raises `NoIndex` or `IndexDamaged`."""
        version = self.named()
        if self._records.get(version, consistency="Bounded", fields=("key",)) is None:
            raise IndexDamaged(
                f"'{self.alias}' in '{self._server.address}' names the version '{version}', which is not "
                f"there. Activate another one ({listed(self.names())}), or build the index again."
            )
        return version

    def named(self) -> str:
        """Return which version the alias names, whether or not it is complete."""
        try:
            name = self._server.ask("describe_alias", self.alias)["collection_name"]
        except NotThere as error:
            raise NoIndex(
                f"No index is published in '{self._server.address}'. Build one: "
                f"python -m index build --catalogue CATALOGUE --store {self._server.address}"
            ) from error
        return self._version_of(name)

    def _version_of(self, collection: str) -> str:
        """Return the version that a collection belongs to; of the time only the hyphens were replaced."""
        return collection.removeprefix(f"{self._prefix}_").replace("_", "-")

    def older(self) -> str:
        """Return the newest version older than the one in use; raises `NoIndex` or `VersionUnknown`."""
        return newest_before(self.named(), self.names(), place=str(self._server.address))

    def known(self, version: str) -> str:
        """Return a version's name; raises `VersionUnknown` where there is none of that name."""
        return require_known(version, self.names(), place=str(self._server.address))

    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version; raises `IndexDamaged`."""
        return parse_manifest(self._record(version, "manifest"), name=f"{version} in {self._server.address}")

    def facets(self, version: str) -> list[Facet]:
        """Return what the items of a version can be filtered by, a facet for each field.

        Versions of earlier releases have theirs in the record itself: those that were likely to help.
        """
        kept = self._facets.find(f'version == "{version}"', consistency="Bounded")
        texts = [record["text"] for record in sorted(kept, key=lambda record: record["part"])]
        found = json.loads("".join(texts) or self._record(version, "facets"))
        return [Facet(**{**facet, "values": tuple(map(tuple, facet["values"]))}) for facet in found]

    def _record(self, version: str, name: str) -> str:
        record = None
        if is_version_name(version):
            record = self._records.get(version, consistency="Bounded", fields=(name,))
        if record is None:
            raise IndexDamaged(
                f"There is no record of the version '{version}' in '{self._server.address}'. "
                "Activate another version, or build the index again."
            )
        return str(record[name])

    def add(self, manifest: Manifest, facets: list[Facet], *, photographs: Iterable[str]) -> None:
        """List a version, whose collection is complete.

        Parameters
        ----------
        manifest : Manifest
        facets : list of Facet
        photographs : iterable of str
            Names of the photographs of its items that came with changes.
        """
        version = manifest.version
        uploads = [{"key": _key(version, name), "version": version, "name": name} for name in photographs]
        for at in range(0, len(uploads), _AT_ONCE):
            self._uploads.put(uploads[at : at + _AT_ONCE])
        parts = _in_parts(version, json.dumps([asdict(facet) for facet in facets]))
        for at in range(0, len(parts), _PARTS_AT_ONCE):
            self._facets.put(parts[at : at + _PARTS_AT_ONCE])
        self._records.put([{"key": version, "manifest": manifest_text(manifest), "facets": "[]"}])

    def photographs(self) -> set[str]:
        """Return the names of the photographs that items of any version have from changes."""
        return {record["name"] for record in self._uploads.find('version != ""', fields=("name",))}

    def use(self, version: str) -> None:
        """Make a version the one in use, atomically for all readers."""
        collection = self.collection(version)
        try:
            self._server.ask("alter_alias", collection, self.alias)
        except NotThere:
            self._server.ask("create_alias", collection, self.alias)

    def load(self, version: str) -> None:
        """Bring a version into the memory of the server."""
        self._server.ask("load_collection", self.collection(version), timeout=WORK_SECONDS)

    def is_loaded(self, version: str) -> bool:
        """Return whether a version is in the memory of the server."""
        state = self._server.ask("get_load_state", self.collection(version))
        return bool(state["state"] == LoadState.Loaded)

    def release(self, version: str) -> None:
        """Let the server drop a version from its memory."""
        self._server.ask("release_collection", self.collection(version))

    def release_all_but(self, versions: set[str]) -> None:
        """Let the server drop all other versions from its memory."""
        for collection in self._collections() - {self.collection(version) for version in versions}:
            self._server.ask("release_collection", collection)

    def remove(self, versions: list[str]) -> None:
        """Take versions off the list, then remove their collections, and those that no version has."""
        if versions:
            self._records.remove(f"key in {json.dumps(versions)}")
        kept = self.names(consistency="Strong")
        for records in (self._facets, self._uploads):
            records.remove(f"not (version in {json.dumps(kept or [''])})")
        for collection in self._collections() - {self.collection(version) for version in kept}:
            self._server.ask("drop_collection", collection)

    def _collections(self) -> set[str]:
        """Return all collections that are versions by their names, complete or not."""
        start, names = f"{self._prefix}_", self._server.ask("list_collections")
        ours = [name for name in names if name.startswith(start)]
        return {name for name in ours if is_version_name(self._version_of(name))}


def _in_parts(version: str, text: str) -> list[dict[str, Any]]:
    """Return the records of a text, as many as it takes: at most `LONGEST` bytes of ASCII in each."""
    parts = [text[at : at + LONGEST] for at in range(0, len(text), LONGEST)]
    return [
        {"key": _key(version, str(part)), "version": version, "part": part, "text": text}
        for part, text in enumerate(parts)
    ]


def _key(version: str, name: str) -> str:
    return blake2b(f"{version} {name}".encode(), digest_size=16).hexdigest()
