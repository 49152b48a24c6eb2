"""The confidence of an answer: the share of its first garments expected to have the query's shape.

A logistic regression on what is at hand once an index was searched; its coefficients lie in the bundle's
`encoder.json`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from training.photo.garment_types import TYPES, type_of

FIRST = 8
"""How many garments at the head of a ranking the confidence speaks of."""

FEW, MOST = 3, 7
"""An answer is poor with at most `FEW` right of the first `FIRST`, and good with at least `MOST`."""

VOTERS = 10
"""How many of the nearest items that have a category vote for one."""

BIAS = "bias"
QUANTILES = np.linspace(0, 1, 51)
"""Shares of an index's items at which the scores of their neighbours are kept."""


@dataclass(frozen=True)
class Signals:
    """What speaks for an answer, each in [0, 1]; None where it is not known.

    Parameters
    ----------
    nearness : float or None
        Share of the index's items whose own neighbours are not as near to them as the answers to the query.
    agreement : float or None
        Share of the votes of the neighbours that go to the foremost category; None where the index has no
        other.
    type_match : float or None
        Probability, by the parser, that the query is of the type of its neighbours: the mean over the votes.
    """

    nearness: float | None = None
    agreement: float | None = None
    type_match: float | None = None

    def known(self) -> dict[str, float]:
        """Return the signals that are known, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


SIGNALS = tuple(field.name for field in fields(Signals))


def votes(categories: Iterable[str], scores: Iterable[float]) -> dict[str, float]:
    """Return the share of the votes that each category has; a neighbour votes with its score.

    A negative score has no vote. Without any vote there is no category.
    """
    weights: dict[str, float] = {}
    for category, score in zip(categories, scores, strict=True):
        if score > 0:
            weights[category] = weights.get(category, 0.0) + score
    total = sum(weights.values())
    return {category: weight / total for category, weight in weights.items()}


def agreement(shares: Mapping[str, float], categories: int | None) -> float | None:
    """Return the share of the foremost category, None where neighbours could not but agree.

    Parameters
    ----------
    shares : dict
        Of `votes`.
    categories : int or None
        How many the index has; None where it is not known.
    """
    return None if categories == 1 else max(shares.values(), default=None)


def type_match(shares: Mapping[str, float], types: Sequence[float]) -> float | None:
    """Return the probability that a garment has the type of those that vote, float in [0, 1].

    Parameters
    ----------
    shares : dict
        Of `votes`; categories that name no type of garment are left out.
    types : sequence of float
        The garment's probability of each of `TYPES`; none where they are not known.
    """
    kinds = {category: kind for category in shares if (kind := type_of(category)) is not None}
    total = sum(shares[category] for category in kinds)
    if not kinds or not types:
        return None
    return sum(shares[category] * types[TYPES.index(kind)] for category, kind in kinds.items()) / total


def neighbour_quantiles(heads: np.ndarray) -> tuple[float, ...]:
    """Return the quantiles of how near the neighbours of items are; none without items.

    Parameters
    ----------
    heads : float (n,)
        For each item the mean score of its first `FIRST` neighbours, itself left out.
    """
    if not len(heads):
        return ()
    return tuple(round(float(quantile), 6) for quantile in np.quantile(heads, QUANTILES))


def nearness(head: float, quantiles: Sequence[float]) -> float | None:
    """Return the share of an index's items whose neighbours are less near than `head`; None if not known."""
    return float(np.interp(head, quantiles, QUANTILES)) if quantiles else None


@dataclass(frozen=True)
class Calibration:
    """What makes a confidence of signals.

    Parameters
    ----------
    unsure_below : float in [0, 1]
        The confidence below which an answer is called unsure.
    coefficients : tuple of dict
        A bias and a weight for each signal: a logistic regression for each set of signals that may be known.
    worn : Calibration, optional
        That of answers to garments which people wear, where it is another.
    """

    unsure_below: float
    coefficients: tuple[Mapping[str, float], ...]
    worn: Self | None = None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the calibration that a bundle's description holds.

        Raises
        ------
        KeyError, TypeError, ValueError
            It is malformed.
        """
        sets = [{str(name): float(value) for name, value in one.items()} for one in fields["coefficients"]]
        if unknown := {name for one in sets for name in one}.difference({BIAS, *SIGNALS}):
            raise ValueError(f"unknown signals: {', '.join(sorted(unknown))}")
        worn = cls.of(fields["worn"]) if "worn" in fields else None
        return cls(float(fields["unsure_below"]), tuple(sets), worn)

    def as_dict(self) -> dict[str, Any]:
        """Return what a bundle's description holds."""
        fields = {"unsure_below": self.unsure_below, "coefficients": [*self.coefficients]}
        return fields if self.worn is None else {**fields, "worn": self.worn.as_dict()}

    def of_garment(self, *, worn: bool) -> "Calibration":
        """Return the calibration of answers to a garment that somebody wears, or that lies or hangs."""
        return self.worn if worn and self.worn is not None else self

    def confidence(self, signals: Signals) -> float | None:
        """Return the share of the first `FIRST` answers expected to be right; None where nothing is known."""
        known = signals.known()
        for weights in self.coefficients:
            if weights.keys() - {BIAS} == known.keys():
                total = weights[BIAS] + sum(weights[name] * value for name, value in known.items())
                return (1 + math.tanh(total / 2)) / 2
        return None
