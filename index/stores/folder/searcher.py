"""The search: unit vectors float32 (n, d) in, ranked items of the version in use and of all changes out."""

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from index.errors import ChangesDamaged
from index.filters.facets import Facet, offered
from index.filters.predicates import Filter
from index.manifest import Manifest
from index.pages import Hit, Listing, Page, SearchOptions
from index.stores.folder.changes import Changes
from index.stores.folder.gallery import Gallery
from index.stores.folder.overlay import Overlay, lay_over, read_overlay
from index.stores.folder.publish import CURRENT, current_version
from index.stores.folder.ranking import cut_page
from index.stores.folder.version import Version, open_version
from index.stores.store import OpenIndex, require_encoder
from training.catalogue.reader import Item
from training.errors import SilhouetteError
from training.photo.encoder import Encoder

__all__ = ["Hit", "Page", "Searcher"]

log = logging.getLogger(__name__)

Signature = tuple[int, ...] | None


def _signature(indexes: Path) -> Signature:
    """Return what changes whenever `current` is replaced."""
    try:
        stat = os.stat(indexes / CURRENT)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _open(indexes: Path, encoder: Encoder, name: str) -> Version:
    version = open_version(indexes / name)
    require_encoder(version.manifest, encoder, place=str(indexes))
    return version


class Searcher(OpenIndex):
    """Searches the version in use with the changes made since, from any number of threads.

    Version and changes are one immutable gallery that `refresh` replaces by a single assignment, so that a
    search which has begun ends on the gallery it began with.
    """

    def __init__(
        self, indexes: Path, encoder: Encoder, gallery: Gallery, *, signature: Signature, changes: Changes
    ) -> None:
        self.encoder = encoder
        self._indexes = indexes
        self._gallery = gallery
        self._signature = signature
        self._changes = changes
        self._refreshing = threading.Lock()
        self._complaint = ""

    @classmethod
    def open(cls, indexes: Path, *, encoder: Encoder) -> Self:
        """Return a searcher of the current version in `indexes` and of the changes to it.

        Where the changes can't be read, that is logged and the version is searched as it was built.

        Raises
        ------
        NoIndex
            Nothing was published there yet.
        EncoderMismatch
            The index was built with another encoder.
        IndexDamaged
            The files are not those that were published.
        """
        signature = _signature(indexes)
        version = _open(indexes, encoder, current_version(indexes))
        gallery = Gallery(lay_over(version, {}))
        searcher = cls(indexes, encoder, gallery, signature=signature, changes=Changes(indexes))
        searcher.refresh()
        return searcher

    @classmethod
    def open_as_built(cls, indexes: Path, name: str, *, encoder: Encoder) -> Self:
        """Return a searcher of a version without the changes since, which is not to be refreshed.

        Raises
        ------
        EncoderMismatch, IndexDamaged
            As for `open`.
        """
        version = _open(indexes, encoder, name)
        return cls(indexes, encoder, Gallery(lay_over(version, {})), signature=None, changes=Changes(indexes))

    @property
    def manifest(self) -> Manifest:
        """The manifest of the version in use."""
        return self._gallery.version.manifest

    @property
    def count(self) -> int:
        """Items that can be found: the version's, without what was deleted and with what was added since."""
        return self._gallery.count

    @property
    def pending(self) -> int:
        """Items that have changed since the version in use was built."""
        return len(self._gallery.overlay.states)

    @property
    def has_parts(self) -> bool:
        """Whether the version in use holds part maps, which earlier releases did not write."""
        return self._gallery.version.maps is not None

    def snapshot(self) -> Self:
        """Return a searcher that stays with the present gallery, for an answer made of several calls."""
        return type(self)(
            self._indexes, self.encoder, self._gallery, signature=self._signature, changes=self._changes
        )

    def search(self, vectors: np.ndarray, options: SearchOptions) -> list[Page]:
        """Return the most similar items of each query, float32 (n, d)."""
        gallery = self._gallery
        allowed = gallery.allowed(options.where)
        labels = gallery.labels(collapse=options.collapse)
        return [
            cut_page(gallery, query, options, allowed=allowed, labels=labels)
            for query in np.asarray(vectors, np.float32)
        ]

    def similar(self, item_id: str, options: SearchOptions) -> Page:
        """Return the items most similar to one of the index; raises `ItemUnknown`."""
        gallery = self._gallery
        row, _ = gallery.by_id(item_id)
        labels = gallery.labels(collapse=options.collapse)
        allowed = gallery.allowed(options.where).without(row if labels is None else labels == labels[row])
        return cut_page(gallery, gallery.vector(row), options, allowed=allowed, labels=labels)

    def item(self, item_id: str) -> Item:
        """Return the item of that id; raises `ItemUnknown`."""
        return self._gallery.by_id(item_id)[1]

    def items_of(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items of those ids that there are."""
        return self._gallery.by_ids(item_ids)

    def listing(self, *, after: str = "", limit: int, where: Filter | None = None) -> Listing:
        """Return items in the order of their ids."""
        return self._gallery.listing(after, limit, where)

    def vector(self, item_id: str) -> np.ndarray:
        """Return the vector of the item of that id, float32 (d,); raises `ItemUnknown`."""
        gallery = self._gallery
        return gallery.vector(gallery.by_id(item_id)[0])

    def sample(self, count: int) -> list[Item]:
        """Return items of random rows, the same ones as long as they can be found."""
        return self._gallery.spread(count)

    def facets(self, fields: Sequence[str] = ()) -> list[Facet]:
        """Return what the items that can be found can be filtered by."""
        return offered(self._gallery.facets, fields)

    def has_field(self, field: str) -> bool:
        """Look into the postings, and into what was put since."""
        return self._gallery.has_field(field)

    def refresh(self) -> bool:
        """Take up the version that `current` names, and all changes; return whether anything is new.

        Where nothing is, this costs one `stat` and one look into the log of changes. What can't be used is
        logged once, and what was in use before stays.
        """
        with self._refreshing:
            before = self._gallery.overlay
            overlay = self._overlay(self._version(), before)
            if overlay is not before:
                self._gallery = Gallery(overlay)
            return overlay is not before

    def _version(self) -> Version:
        """Return the version in use: the present one, or the one that has become current."""
        present, signature = self._gallery.version, _signature(self._indexes)
        if signature in (None, self._signature):
            return present
        self._signature = signature
        try:
            current = current_version(self._indexes)
            if current == present.manifest.version:
                return present
            version = _open(self._indexes, self.encoder, current)
        except (SilhouetteError, OSError) as error:
            log.error("Staying with index %s: %s", present.manifest.version, error)
            return present
        log.info("Index %s replaces %s", version.manifest.version, present.manifest.version)
        return version

    def _overlay(self, version: Version, before: Overlay) -> Overlay:
        """Return the changes to a version; where the log can't be read, those that are known."""
        try:
            overlay = read_overlay(self._changes, version, self.encoder, before=before)
        except ChangesDamaged as error:
            if str(error) != self._complaint:
                log.error("Searching without the changes since: %s", error)
            self._complaint = str(error)
            same = version is before.version
            return before if same else lay_over(version, before.states, position=before.position)
        self._complaint = ""
        return overlay
