"""The interface of a store: what a build, the command line and the service need of a published index."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

import numpy as np

from index.change import ChangeLog
from index.comparison import Previous
from index.embedding.embeddings import Embedded
from index.filters.facets import Facet
from index.filters.predicates import Filter
from index.manifest import Manifest
from index.pages import Listing, Page, SearchOptions
from index.vectors.vector_index import Searchable
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import EncoderMismatch
from training.photo.encoder import Encoder

LAST_REPORT = "last-report.csv"


def require_encoder(manifest: Manifest, encoder: Encoder, *, place: str) -> None:
    """Raise `EncoderMismatch` unless a version at `place` was built with the encoder."""
    if manifest.encoder != encoder.fingerprint:
        raise EncoderMismatch(
            f"The index '{manifest.version}' in '{place}' was built with the encoder "
            f"{manifest.encoder[:12]}, but {encoder.fingerprint[:12]} is loaded. Build the index again with "
            "this encoder, or load the other one."
        )


class OpenIndex(ABC):
    """The version in use with the changes made since, searched by any number of threads."""

    encoder: Encoder

    @property
    @abstractmethod
    def manifest(self) -> Manifest:
        """The manifest of the version in use."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Items that can be found: the version's, without what was deleted and with what was added since."""

    @property
    @abstractmethod
    def pending(self) -> int:
        """Items that have changed since the version in use was built."""

    @property
    @abstractmethod
    def has_parts(self) -> bool:
        """Whether garments can be searched by a part."""

    @abstractmethod
    def snapshot(self) -> Self:
        """Return one that stays with the present version, for an answer made of several calls."""

    @abstractmethod
    def search(self, vectors: np.ndarray, options: SearchOptions) -> list[Page]:
        """Return the most similar items of each query.

        Parameters
        ----------
        vectors : float32 (n, d), unit rows
            Those of sketches are longer, see `training.photo.encoder.with_types`.
        options : SearchOptions

        Raises
        ------
        RankingTooDeep
            The store can't list a ranking that far.
        """

    @abstractmethod
    def similar(self, item_id: str, options: SearchOptions) -> Page:
        """Return the items most similar to one of the index, as `search` does, without itself.

        Where duplicates are collapsed, those of the item are not listed either. Raises `ItemUnknown`.
        """

    @abstractmethod
    def item(self, item_id: str) -> Item:
        """Return the item of that id; raises `ItemUnknown`."""

    @abstractmethod
    def items_of(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items of those ids that there are, by their ids."""

    @abstractmethod
    def listing(self, *, after: str = "", limit: int, where: Filter | None = None) -> Listing:
        """Return a part of all items, in the store's own order.

        Parameters
        ----------
        after : str
            The id of the item, which may have gone, behind which the part begins; empty for the beginning.
        limit : int
            How many items at most, at least 1.
        where : Filter, optional
            Only items whose metadata passes are listed and counted.
        """

    @abstractmethod
    def vector(self, item_id: str) -> np.ndarray:
        """Return the vector of the item of that id, float32 (d,); raises `ItemUnknown`."""

    @abstractmethod
    def sample(self, count: int) -> list[Item]:
        """Return about `count` items spread over the index, at best the same ones every time."""

    @abstractmethod
    def facets(self, fields: Sequence[str] = ()) -> list[Facet]:
        """Return what the items that can be found can be filtered by.

        Of the given fields those that there are; without any, those that are likely to help to choose.
        A store may count what has changed from the next build on only.
        """

    @abstractmethod
    def has_field(self, field: str) -> bool:
        """Return whether an item has a value of a metadata field; deleted ones may count, too."""

    @abstractmethod
    def refresh(self) -> bool:
        """Take up the version that has become current, and all changes; return whether anything is new."""


@dataclass(frozen=True)
class Filled:
    """What a draft holds once it is filled.

    Parameters
    ----------
    index : Searchable
        Its vectors, as they will be searched.
    kind : str
    parameters : dict
        What the manifest says of the kind.
    checksums, sizes : dict
        SHA-256 and bytes of each file of the version, where it consists of files.
    """

    index: Searchable
    kind: str
    parameters: dict[str, float | int | str]
    checksums: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


class Draft(ABC):
    """A draft version: filled, checked by the build, and published.

    Parameters
    ----------
    indexes : Path
        Folder of what builds note.
    version : str
        Its future name.
    """

    def __init__(self, indexes: Path, version: str) -> None:
        self.indexes = indexes
        self.version = version

    @property
    @abstractmethod
    def report(self) -> Path:
        """Where the items that were skipped are listed, once it is published."""

    @property
    @abstractmethod
    def duplicates(self) -> Path:
        """Where the items that repeat another one are listed, once it is published."""

    @abstractmethod
    def fill(
        self, embedded: Embedded, groups: np.ndarray, *, bad: Sequence[BadItem], kind: str, recall: float
    ) -> Filled:
        """Write items and vectors, and make an index of them with its search width tuned.

        Parameters
        ----------
        embedded : Embedded
        groups : int64 (n,)
            The row of the first of each item's duplicates.
        bad : sequence of BadItem
            The items that were skipped, for the report.
        kind : str
            One of `index.vectors.kinds.KINDS`, or "auto".
        recall : float
            The share of the true first ten that a search is to find.

        Raises
        ------
        IndexNotWritten, KindUnknown
        """

    @abstractmethod
    def publish(self, manifest: Manifest) -> None:
        """Publish what was filled in and make it current; raises `IndexNotWritten`."""


class Store(ABC):
    """Where versions are published and searched; the text of a store is its address.

    All methods raise `StoreUnreachable` where the store lies on another machine that does not answer.
    """

    @property
    @abstractmethod
    def changes(self) -> ChangeLog:
        """The log of what was put and deleted."""

    @abstractmethod
    def open(self, *, encoder: Encoder) -> OpenIndex:
        """Return the version in use, ready to be searched.

        Raises
        ------
        NoIndex
            Nothing was published there yet.
        EncoderMismatch
            The index was built with another encoder.
        IndexDamaged
            It is not what was published.
        """

    @abstractmethod
    def open_as_built(self, version: str, *, encoder: Encoder) -> OpenIndex:
        """Return a version without the changes made since, to be searched and not to be refreshed.

        Where all versions have the changes, they are in it.

        Raises
        ------
        VersionUnknown, EncoderMismatch, IndexDamaged
        """

    @abstractmethod
    def versions(self) -> list[str]:
        """Return the names of the published versions, oldest first."""

    @abstractmethod
    def current(self) -> str:
        """Return the name of the version in use; raises `NoIndex` or `IndexDamaged`."""

    @abstractmethod
    def manifest(self, version: str) -> Manifest:
        """Return the manifest of a version; raises `IndexDamaged`."""

    @abstractmethod
    def items_of(self, item_ids: Sequence[str], *, version: str | None = None) -> dict[str, Item]:
        """Return the items of those ids that a version, by default the one in use, was built with, by id.

        Raises
        ------
        NoIndex, VersionUnknown, IndexDamaged
        """

    @abstractmethod
    def verify(self, version: str | None = None) -> Manifest:
        """Check a version, by default the one in use, in full, and return its manifest.

        Raises
        ------
        NoIndex, VersionUnknown, IndexDamaged
        """

    @abstractmethod
    def activate(self, version: str) -> Manifest:
        """Make a version the one in use, after a full check, and return its manifest.

        Raises
        ------
        VersionUnknown, IndexDamaged, IndexNotWritten
            The version in use stays.
        """

    @abstractmethod
    def rollback(self) -> Manifest:
        """Make the newest version older than the one in use current, as `activate` does.

        Raises
        ------
        NoIndex, VersionUnknown, IndexDamaged, IndexNotWritten
        """

    @abstractmethod
    def prune(self, *, keep: int) -> list[str]:
        """Remove all but the newest `keep` versions and the current one; return their names.

        Raises
        ------
        NoIndex, IndexDamaged, BuildRunning, IndexNotWritten
        """

    @abstractmethod
    def building(self, *, now: datetime | None = None) -> AbstractContextManager[Draft]:
        """Start a draft version, under the build lock; it is removed unless it was published.

        Raises
        ------
        BuildRunning, IndexNotWritten
        """

    @abstractmethod
    def previous(self) -> Previous | None:
        """Return the contents of the version in use; None where there is none."""

    @abstractmethod
    def tidy(self, *, keep: int, catalogue: Catalogue) -> list[str]:
        """Remove old versions after a build; return their names. What can't be removed fails nothing.

        Parameters
        ----------
        keep : int
        catalogue : Catalogue
            As it was read, before changes were applied.
        """
