"""The version in use in Milvus, searched: nothing of it is kept here but its manifest."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from index.filters.facets import Facet, offered
from index.filters.predicates import Filter
from index.manifest import Manifest
from index.pages import Listing, Page, SearchOptions
from index.stores.milvus.filtering import EVERYTHING
from index.stores.milvus.items import ITEM, item_of
from index.stores.milvus.map_files import VersionMaps
from index.stores.milvus.place import Place
from index.stores.milvus.ranking import Ranking
from index.stores.milvus.totals import Totals
from index.stores.milvus.version import Collection
from index.stores.store import OpenIndex, require_encoder
from training.catalogue.reader import Item
from training.errors import SilhouetteError
from training.photo.encoder import Encoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InUse:
    """A version that is searched; immutable."""

    manifest: Manifest
    facets: list[Facet]
    collection: Collection
    totals: Totals
    maps: VersionMaps | None


def open_version(place: Place, version: str, encoder: Encoder) -> InUse:
    """Return a version ready to be searched; raises `EncoderMismatch` or `IndexDamaged`."""
    manifest = place.versions.manifest(version)
    require_encoder(manifest, encoder, place=str(place.server.address))
    place.versions.load(version)
    facets, maps = place.versions.facets(version), place.maps.of_version(manifest)
    collection = place.collection(manifest)
    return InUse(manifest, facets, collection, Totals(collection, place.changes), maps)


def _ranking(in_use: InUse, query: np.ndarray, condition: str, options: SearchOptions) -> Ranking:
    return Ranking(in_use.collection, query, condition, in_use.totals, options.collapse, in_use.maps)


class MilvusSearcher(OpenIndex):
    """Searches the version in use, from any number of threads.

    Changes are in the version's collection already, so that only a switch to another version is looked for.
    A snapshot stays with its version, and shows changes at once.
    """

    def __init__(self, place: Place, encoder: Encoder, in_use: InUse) -> None:
        self.encoder = encoder
        self._place = place
        self._in_use = in_use
        self._refreshing = threading.Lock()
        self._complaint = ""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the version in use."""
        return self._in_use.manifest

    @property
    def count(self) -> int:
        """Items that can be found."""
        return self._in_use.collection.count()

    @property
    def pending(self) -> int:
        """Items that have changed since the version in use was built."""
        return self._place.changes.count_since(self.manifest.changes)

    @property
    def has_parts(self) -> bool:
        """Whether the folder holds the part maps of the version in use."""
        return self._in_use.maps is not None

    def snapshot(self) -> Self:
        """Return a searcher that stays with the present version."""
        return type(self)(self._place, self.encoder, self._in_use)

    def search(self, vectors: np.ndarray, options: SearchOptions) -> list[Page]:
        """Return the most similar items of each query, float32 (n, d)."""
        in_use = self._in_use
        condition = in_use.collection.passing(options.where)
        return [
            _ranking(in_use, query, condition, options).page(options, in_use.manifest)
            for query in np.asarray(vectors, np.float32)
        ]

    def similar(self, item_id: str, options: SearchOptions) -> Page:
        """Return the items most similar to one of the index; raises `ItemUnknown`."""
        in_use = self._in_use
        label = "duplicates" if options.collapse else in_use.collection.label
        row = in_use.collection.row_of(item_id, ["vector", label])
        others = f"{label} != {row[label]}"
        condition = f"({in_use.collection.passing(options.where) or EVERYTHING}) and {others}"
        ranking = _ranking(in_use, np.asarray(row["vector"], np.float32), condition, options)
        return ranking.page(options, in_use.manifest)

    def item(self, item_id: str) -> Item:
        """Return the item of that id; raises `ItemUnknown`."""
        return item_of(self._in_use.collection.row_of(item_id, ITEM))

    def items_of(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items of those ids that there are."""
        return self._in_use.collection.items_of(item_ids)

    def listing(self, *, after: str = "", limit: int, where: Filter | None = None) -> Listing:
        """Return items in the order of the digests of their ids."""
        return self._in_use.collection.listing(after, limit, where)

    def vector(self, item_id: str) -> np.ndarray:
        """Return the vector of the item of that id, float32 (d,); raises `ItemUnknown`."""
        return np.asarray(self._in_use.collection.row_of(item_id, ["vector"])["vector"], np.float32)

    def sample(self, count: int) -> list[Item]:
        """Return items at even steps of the version's order, as far as they were not deleted or replaced."""
        steps = np.linspace(0, self.manifest.items, count, endpoint=False).astype(int).tolist()
        collection, places = self._in_use.collection, list(dict.fromkeys(steps))
        rows = collection.query(f"row in {places}", ["row", *ITEM])
        return [item_of(row) for row in sorted(rows, key=lambda row: int(row["row"]))]

    def facets(self, fields: Sequence[str] = ()) -> list[Facet]:
        """Return what the items of the version in use can be filtered by, changes since not counted."""
        return offered(self._in_use.facets, fields)

    def has_field(self, field: str) -> bool:
        """Ask for one row that has the term of the field."""
        return self._in_use.collection.has_field(field)

    def refresh(self) -> bool:
        """Take up the version that has become current; one request to the server where none has.

        What can't be used is logged once, and the version in use stays.
        """
        with self._refreshing:
            before = self._in_use
            try:
                version = self._place.versions.named()
                if version != before.manifest.version:
                    self._in_use = open_version(self._place, version, self.encoder)
                    log.info("Index %s replaces %s", version, before.manifest.version)
                self._complaint = ""
            except SilhouetteError as error:
                if str(error) != self._complaint:
                    log.error("Staying with index %s: %s", before.manifest.version, error)
                self._complaint = str(error)
            return self._in_use is not before
