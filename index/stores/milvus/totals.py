"""How many items a filter leaves, kept for a moment: Milvus reads every row to count, and few to search."""

import time
from functools import lru_cache

from index.stores.milvus.changes import MilvusChanges
from index.stores.milvus.filtering import EVERYTHING
from index.stores.milvus.version import Collection

SECONDS = 5.0
"""For how long a total may stay behind another machine's changes; so do reads of consistency `Bounded`."""
_KEPT = 256


class Totals:
    """The lengths of rankings of a version, from any number of threads.

    A condition is counted again after each change that was made here, and after `SECONDS`; at every call
    where reads are to be of consistency `Strong`.

    Parameters
    ----------
    collection : Collection
    changes : MilvusChanges
    """

    def __init__(self, collection: Collection, changes: MilvusChanges) -> None:
        self._collection = collection
        self._changes = changes
        self._kept = lru_cache(maxsize=_KEPT)(lambda condition, collapse, _: self._count(condition, collapse))

    def of(self, condition: str, *, collapse: bool) -> int:
        """Return how many items fulfil a condition, duplicates as one where they collapse."""
        if self._collection.consistency == "Strong":
            return self._count(condition, collapse)
        return self._kept(condition, collapse, (self._changes.made, time.monotonic() // SECONDS))

    def _count(self, condition: str, collapse: bool) -> int:
        collection = self._collection
        if not collapse:
            return collection.count(condition)
        condition = condition or EVERYTHING
        alone = collection.count(f"{condition} and shared == false")
        shared = collection.query(collection.of_items(f"{condition} and shared == true"), ["duplicates"])
        return alone + len({row["duplicates"] for row in shared})
