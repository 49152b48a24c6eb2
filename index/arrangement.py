"""The head of a ranking, its first 1,000 items: boosted, sorted, and counted by the values of fields.

What lies behind the head keeps its order of similarity, so that pages are still cut from one ranking. All
that is asked of the items is the values of fields.
"""

import math
from dataclasses import dataclass

import numpy as np

from index.filters.field_values import FieldValues, Values, mask_of
from index.filters.parse import MAX_TEXT
from index.filters.predicates import Filter, shown

LENGTH = 1000


@dataclass(frozen=True)
class Boost:
    """Items whose metadata passes a filter count as if they scored more, or less, by `add`."""

    where: Filter
    add: float


@dataclass(frozen=True)
class Sort:
    """By the lowest value of a field; descending, by the highest. Items without a value are last."""

    field: str
    descending: bool = False


@dataclass(frozen=True)
class FacetCounts:
    """How many items of a head have each value of a field.

    Parameters
    ----------
    field : str
    values : tuple of (int or float or str or bool, int)
        The most common first, then in the order of filters; at most `LENGTH`, and none that JSON or a filter
        can't hold: infinity, and texts of more than 255 characters.
    missing : int
        Items that have no value.
    lowest, highest : int or float, optional
        Of the numbers among them.
    """

    field: str
    values: tuple[tuple[int | float | str | bool, int], ...]
    missing: int
    lowest: int | float | None = None
    highest: int | float | None = None


def _sorted(order: np.ndarray, found: FieldValues, descending: bool) -> np.ndarray:
    """Return places by their lowest, or highest, value; equal ones, and those without, as they were."""
    ascending = np.full(len(order), len(found.table))
    if descending:
        np.minimum.at(ascending, found.places, -found.codes)
    else:
        np.minimum.at(ascending, found.places, found.codes)
    return order[np.argsort(ascending[order], kind="stable")]


def _counted(field: str, found: FieldValues, count: int) -> FacetCounts:
    codes, counts = np.unique(found.codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    values: list[tuple[int | float | str | bool, int]] = []
    numbers = []
    known = map(found.table.__getitem__, codes[order].tolist())
    for value, items in zip(known, counts[order].tolist(), strict=True):
        if isinstance(value, str):
            if len(value) <= MAX_TEXT:
                values.append((value, items))
        elif isinstance(value, bytes):
            values.append((shown(value), items))
        elif -math.inf < value < math.inf:
            values.append((value, items))
            numbers.append(value)
    return FacetCounts(
        field,
        tuple(values[:LENGTH]),
        missing=count - int(np.count_nonzero(np.bincount(found.places))),
        lowest=min(numbers, default=None),
        highest=max(numbers, default=None),
    )


@dataclass(frozen=True, eq=False)
class Arranged:
    """A ranking that was arranged.

    Parameters
    ----------
    order : int64 (n,)
        The places of its items in their new order.
    facets : tuple of FacetCounts
    unseen : frozenset of str
        The fields that were asked for and that no item of the head has a value of.
    """

    order: np.ndarray
    facets: tuple[FacetCounts, ...]
    unseen: frozenset[str]


@dataclass(frozen=True)
class Arrangement:
    """What is done with the head of a ranking: boosted first, then sorted; counting changes no order.

    Parameters
    ----------
    boosts : tuple of Boost
    sort : Sort, optional
        Equal items, and those without a value, stay in the order of their boosted scores.
    facets : tuple of str
        The fields that are counted.
    """

    boosts: tuple[Boost, ...] = ()
    sort: Sort | None = None
    facets: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.reorders or bool(self.facets)

    @property
    def reorders(self) -> bool:
        """Whether it may change the order."""
        return bool(self.boosts) or self.sort is not None

    def arrange(self, scores: np.ndarray, values: Values) -> Arranged:
        """Arrange a ranking.

        Parameters
        ----------
        scores : float32 (n,), descending
            Of at least the head, where the ranking is that long.
        values : callable
            Asked once for each field.
        """
        if not self:
            return Arranged(np.arange(len(scores)), (), frozenset())
        found: dict[str, FieldValues] = {}

        def known(field: str) -> FieldValues:
            if field not in found:
                found[field] = values(field)
            return found[field]

        order, count = np.arange(len(scores)), min(len(scores), LENGTH)
        if self.reorders:
            order[:count] = self._order(scores[:count], known)
        facets = tuple(_counted(field, known(field), count) for field in self.facets)
        return Arranged(
            order, facets, frozenset(field for field, each in found.items() if not len(each.places))
        )

    def _order(self, scores: np.ndarray, values: Values) -> np.ndarray:
        boosted = scores.astype(np.float64)
        for boost in self.boosts:
            boosted[mask_of(boost.where, values, len(scores))] += boost.add
        order = np.argsort(-boosted, kind="stable")
        return order if self.sort is None else _sorted(order, values(self.sort.field), self.sort.descending)
