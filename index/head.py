"""The head of a ranking, its first 1,000 items: boosted, sorted, and counted by the values of fields.

What lies behind the head keeps its order of similarity, so that pages are still cut from one ranking.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from index.filters.parse import MAX_TEXT
from index.filters.predicates import Filter, Value, order_key, shown

LENGTH = 1000

Placed = Sequence[tuple[int, Value]]
"""Different values of a field that items have: each after the place of its item in the ranking."""


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


def _sorted(order: np.ndarray, placed: Placed, descending: bool) -> np.ndarray:
    """Return places by their lowest, or highest, value; equal ones, and those without, as they were."""
    keys: dict[int, tuple[int, Value]] = {}
    best = max if descending else min
    for place, value in placed:
        key = order_key(value)
        keys[place] = best(keys[place], key) if place in keys else key
    places = order.tolist()
    known = sorted((place for place in places if place in keys), key=keys.__getitem__, reverse=descending)
    return np.array([*known, *(place for place in places if place not in keys)], np.int64)


def _is_listed(value: Value) -> bool:
    return len(value) <= MAX_TEXT if isinstance(value, str | bytes) else math.isfinite(value)


def _counted(field: str, placed: Placed, count: int) -> FacetCounts:
    counts = Counter(value for _, value in placed)
    listed = sorted(filter(_is_listed, counts), key=lambda value: (-counts[value], order_key(value)))
    numbers = [value for value in listed if isinstance(value, int | float)]
    return FacetCounts(
        field,
        tuple((shown(value), counts[value]) for value in listed[:LENGTH]),
        missing=count - len({place for place, _ in placed}),
        lowest=min(numbers, default=None),
        highest=max(numbers, default=None),
    )


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

    def arrange(
        self,
        scores: np.ndarray,
        passing: Callable[[Filter], np.ndarray],
        values: Callable[[str], Placed],
    ) -> tuple[np.ndarray, tuple[FacetCounts, ...]]:
        """Return the places of a ranking in their new order, int64 (n,), and the counts of its head.

        Parameters
        ----------
        scores : float32 (n,), descending
            Of at least the head, where the ranking is that long.
        passing : callable
            Returns which items of the head pass a filter: bool (min(n, `LENGTH`),).
        values : callable
            Returns the values of a field of the items of the head.
        """
        order, head = np.arange(len(scores)), scores[:LENGTH]
        if self.reorders:
            order[: len(head)] = self._order(head, passing, values)
        return order, tuple(_counted(field, values(field), len(head)) for field in self.facets)

    def _order(
        self, scores: np.ndarray, passing: Callable[[Filter], np.ndarray], values: Callable[[str], Placed]
    ) -> np.ndarray:
        boosted = scores.astype(np.float64)
        for boost in self.boosts:
            boosted[passing(boost.where)] += boost.add
        order = np.argsort(-boosted, kind="stable")
        return order if self.sort is None else _sorted(order, values(self.sort.field), self.sort.descending)
