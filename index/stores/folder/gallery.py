"""The gallery of a search: a version and its overlay of changes, as one set of rows; vectors float32 (d,).

Rows 0 to n - 1 are the version's, those from n on of the items that were put since. An item has a row for
each of its views, of which the first stands for it.
"""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from index.errors import ItemUnknown
from index.filters.facets import Differences, Facet
from index.filters.field_values import FieldValues
from index.filters.postings import posted
from index.filters.predicates import Filter, Has, Value
from index.pages import Listing, Seen
from index.stores.folder.filtering import Allowed, Rows
from index.stores.folder.overlay import Overlay
from index.stores.folder.version import Version
from index.vectors.vector_index import VectorIndex
from index.views import Views, box_of
from training.catalogue.reader import Item
from training.parts.part_maps import PART_MAP

_FILTERS_KEPT = 4


class Found(NamedTuple):
    """The nearest rows of a query, best first, equal scores by row.

    Parameters
    ----------
    scores : float32 (k,)
    rows : int64 (k,)
    unseen : float
        No row that is missing scores more; -inf where there is nothing further to be found.
    """

    scores: np.ndarray
    rows: np.ndarray
    unseen: float


def _part(index: VectorIndex, query: np.ndarray, k: int, allowed: Rows) -> Found:
    """Search one index; an approximate kind that returns fewer than it was asked for has nothing further.

    Where few rows are left out, a search of all that drops them is quicker than one that minds them.
    """
    left_out = allowed.left_out
    asked = k if left_out is None else k + len(left_out)
    mask = allowed.mask if left_out is None else None
    (scores,), (rows,) = index.search(query[None], asked, allowed=mask)
    whole = rows[-1] >= 0
    unseen = float(scores[-1]) if whole and len(rows) == asked < len(index) else -math.inf
    if whole and asked == k:
        return Found(scores, rows, unseen)
    found = rows >= 0
    if left_out is not None:
        found &= ~np.isin(rows, left_out)
    return Found(scores[found], rows[found], unseen)


def _in_order(found: Found) -> Found:
    """Return the same with equal scores by row."""
    if (found.scores[1:] < found.scores[:-1]).all():
        return found
    order = np.lexsort((found.rows, -found.scores))
    return Found(found.scores[order], found.rows[order], found.unseen)


def _seen(views: Version | Views, rows: np.ndarray) -> list[Seen]:
    if views.boxes is None or views.photographs is None:
        return [(0, None)] * len(rows)
    photographs, boxes = views.photographs[rows].tolist(), views.boxes[rows].tolist()
    return list(zip(photographs, map(box_of, boxes), strict=True))


@dataclass(frozen=True)
class Gallery:
    """A version and the changes laid over it; immutable, so that a search ends on what it began with."""

    overlay: Overlay

    @property
    def version(self) -> Version:
        """The version beneath."""
        return self.overlay.version

    @cached_property
    def count(self) -> int:
        """Items that can be found."""
        return int(np.count_nonzero(~self.overlay.hidden)) + len(self.overlay.items)

    @cached_property
    def _base(self) -> int:
        return len(self.version.vectors)

    @cached_property
    def _visible(self) -> Allowed:
        put = np.ones(len(self.overlay.items), bool)
        return Allowed(Rows(self._of_items(~self.overlay.hidden)), Rows(put[self.overlay.owners]))

    def _of_items(self, values: np.ndarray) -> np.ndarray:
        """Return for each row of the version what is given for each of its items."""
        return values if self.version.owners is None else values[self.version.owners]

    @cached_property
    def owners(self) -> np.ndarray | None:
        """The row that stands for the item of each row, int64 (n + m,); None where each item has one."""
        base, put = self.version.owners, self.overlay.owners
        if base is None and len(put) == len(self.overlay.items):
            return None
        return np.concatenate([np.arange(self._base) if base is None else base, self._base + put])

    def by_id(self, item_id: str) -> tuple[int, Item]:
        """Return the row and the item of that id; raises `ItemUnknown`, also where it was deleted."""
        if item_id in self.overlay.places:
            place = self.overlay.places[item_id]
            return self._base + place, self.overlay.items[place]
        row, item = self.version.items.by_id(item_id)
        if self.overlay.hidden[row]:
            raise ItemUnknown(f"Item '{item_id}' was deleted. Put it again, or ask for another.")
        return row, self.overlay.item(item)

    def by_ids(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items of those ids that can be found."""
        overlay = self.overlay
        put = {name: overlay.items[overlay.places[name]] for name in item_ids if name in overlay.places}
        built = self.version.items.by_ids([name for name in item_ids if name not in put])
        shown = (overlay.item(item) for row, item in built.items() if not overlay.hidden[row])
        return put | {item.item_id: item for item in shown}

    def by_rows(self, rows: np.ndarray) -> list[Item]:
        """Return the items of the given rows, int64 (k,), in their order."""
        first = (rows if self.owners is None else self.owners[rows]).tolist()
        built = self.version.items.by_rows([row for row in first if row < self._base])
        if not self.overlay.states:
            return built
        stored = map(self.overlay.item, built)
        return [next(stored) if row < self._base else self.overlay.items[row - self._base] for row in first]

    def values(self, field: str, rows: np.ndarray) -> FieldValues:
        """Return the values of a field that the items of rows, int64 (k,), have, by their places there."""
        first = rows if self.owners is None else self.owners[rows]
        is_put = first >= self._base
        built = np.where(is_put, -1, first)
        laid, changed = self.overlay.columns.at(field, built)
        found = self.version.items.values(field, np.where(laid, -1, built))
        put = [
            (place, value)
            for place in np.flatnonzero(is_put).tolist()
            for value in posted(self.overlay.items[first[place] - self._base].metadata.get(field))
        ]
        return FieldValues.of([*found.pairs(), *changed, *put]) if changed or put else found

    @cached_property
    def facets(self) -> list[Facet]:
        """A facet for each field by name, of the items that can be found."""
        return self.version.items.facets(self._differences())

    def _differences(self) -> Differences:
        """Return what the changes have made of how many items have each value."""
        more: defaultdict[str, Counter[Value]] = defaultdict(Counter)
        for item in self.version.items.by_rows(np.flatnonzero(self.overlay.hidden).tolist()):
            for field, content in item.metadata.items():
                more[field].subtract(posted(content))
        for item in self.overlay.items:
            for field, content in item.metadata.items():
                more[field].update(posted(content))
        for field, column in self.overlay.columns.fields.items():
            rows = np.flatnonzero(column.laid)
            more[field].subtract(self.version.items.values(field, rows).counts())
            more[field].update(self.values(field, rows).counts())
        return more

    def spread(self, count: int) -> list[Item]:
        """Return `count` items, or all; the same ones as long as they can be found.

        Each row has a number of its own that looks random, and those of the lowest numbers are returned.
        """
        put = self._base + np.arange(len(self.overlay.items))
        rows = np.concatenate([np.flatnonzero(~self.overlay.hidden), put])
        numbers = np.random.default_rng(0).random(self._base + len(put))
        return self.by_rows(rows[np.argsort(numbers[rows])[:count]])

    def seen(self, rows: np.ndarray) -> list[Seen]:
        """Return in which photographs the garments of the given rows, int64 (k,), lie, and where."""
        if rows.max(initial=-1) < self._base:
            return _seen(self.version, rows)
        put = rows >= self._base
        stored, since = (
            iter(_seen(views, some))
            for views, some in ((self.version, rows[~put]), (self.overlay.views, rows[put] - self._base))
        )
        return [next(since) if each else next(stored) for each in put.tolist()]

    def maps(self, rows: np.ndarray) -> np.ndarray:
        """Return the part maps of the given rows, int64 (k,): PART_MAP (k,), zero where none is known."""
        found = np.zeros(len(rows), PART_MAP)
        put = rows >= self._base
        found[put] = self.overlay.views.known_maps[rows[put] - self._base]
        if self.version.maps is not None:
            found[~put] = self.version.maps[rows[~put]]
        return found

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""
        if row < self._base or self.overlay.vectors is None:
            return self.version.vectors.vector(row)
        return self.overlay.vectors.vector(row - self._base)

    def allowed(self, where: Filter | None = None) -> Allowed:
        """Return which rows can be found and pass a filter."""
        if where is None:
            return self._visible
        for known, allowed in tuple(self._filtered):
            if known == where:
                return allowed
        base, put = self._passing(where)
        found = Allowed(Rows(self._of_items(base)), Rows(put[self.overlay.owners]))
        self._filtered.append((where, found))
        return found

    @cached_property
    def _filtered(self) -> deque[tuple[Filter, Allowed]]:
        """The rows of the filters that were asked for last; indexes keep what belongs to them, too."""
        return deque(maxlen=_FILTERS_KEPT)

    def _passing(self, where: Filter | None) -> tuple[np.ndarray, np.ndarray]:
        """Return which items of the version, bool (n,), and of what was put, bool (p,), pass a filter."""
        base, put = ~self.overlay.hidden, self.overlay.items
        if where is None:
            return base, np.ones(len(put), bool)
        found = np.zeros(len(base), bool)
        found[self.version.items.matching(where, self.overlay.columns.lay)] = True
        return base & found, np.fromiter((where.matches(item.metadata) for item in put), bool)

    def listing(self, after: str, limit: int, where: Filter | None) -> Listing:
        """Return items in the order of their ids, from the one behind `after` on."""
        base, put = self._passing(where)
        items = self.version.items
        rows = items.rows_by_id()[items.count_up_to(after) :] if after else items.rows_by_id()
        further = sorted(
            item.item_id
            for item, passes in zip(self.overlay.items, put, strict=True)
            if passes and item.item_id > after
        )
        found = self.by_rows(rows[base[rows]][: limit + 1])  # the first row of an item is its number
        listed = self.by_ids(further[: limit + 1])
        merged = sorted([*found, *listed.values()], key=lambda item: item.item_id)
        return Listing(tuple(merged[:limit]), int(base.sum()) + int(put.sum()), more=len(merged) > limit)

    def has_field(self, field: str) -> bool:
        """Return whether an item has a value of a metadata field; items that were deleted count, too."""
        put = any(Has(field).matches(item.metadata) for item in self.overlay.items)
        return put or self.overlay.columns.has_field(field) or self.version.items.has_field(field)

    @cached_property
    def groups(self) -> np.ndarray:
        """A label for each row, equal for duplicates: int64 (n + m,).

        Items that were put are alone until the next build has compared them with the others, unless they have
        the same first photograph.
        """
        items = self.overlay.items
        paths: dict[str, int] = {}
        put = [paths.setdefault(item.file_names[0], row) for row, item in enumerate(items, self._base)]
        base = self._of_items(self.version.items.groups())
        return np.concatenate([base, np.asarray(put, np.int64)[self.overlay.owners]])

    def labels(self, *, collapse: bool) -> np.ndarray | None:
        """Return a label for each row, of which each is listed once; None where all rows are listed."""
        return self.groups if collapse else self.owners

    def distinct(self, labels: np.ndarray, allowed: Allowed) -> int:
        """Return how many different labels, int64 (n + m,), the allowed rows have."""
        if labels is self.owners and allowed is self._visible:
            return self.count
        base, put = len(self.version.items), len(self.overlay.items)
        firsts = allowed.version.mask[:base], allowed.put.mask[:put]
        if labels is self.owners:
            return sum(map(np.count_nonzero, firsts))
        seen = np.zeros(len(labels), bool)
        seen[labels[:base][firsts[0]]] = True
        seen[labels[self._base : self._base + put][firsts[1]]] = True
        return int(np.count_nonzero(seen))

    def search(self, query: np.ndarray, k: int, allowed: Allowed) -> Found:
        """Return at least the `k` nearest of the allowed rows where there are so many.

        Parameters
        ----------
        query : float32 (d,)
        k : int
        allowed : Allowed
        """
        parts = [_part(index, query, k, rows) for index, rows in self._parts(allowed)]
        if len(parts) == 1:
            return _in_order(parts[0])
        scores = np.concatenate([part.scores for part in parts])
        rows = np.concatenate([part.rows + at * self._base for at, part in enumerate(parts)])
        return _in_order(Found(scores, rows, max(part.unseen for part in parts)))

    def scoring(self, query: np.ndarray, min_score: float, allowed: Allowed) -> int:
        """Return how many of the allowed rows score at least `min_score`."""
        if min_score == -math.inf:
            return allowed.count
        return sum(
            int(index.count(query[None], min_score, allowed=rows.filter)[0])
            for index, rows in self._parts(allowed)
        )

    def _parts(self, allowed: Allowed) -> list[tuple[VectorIndex, Rows]]:
        parts = [(self.version.vectors, allowed.version), (self.overlay.vectors, allowed.put)]
        return [(index, rows) for index, rows in parts if index is not None]
