"""The calibration of an encoder's confidence: labelled photographs search each other, and a model is fitted.

Vectors are float32 (n, d) with unit rows.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages, UnreadableImage
from training.files import write_atomically
from training.fit.found_garments import found_garments
from training.parallel import in_order
from training.photo.confidence import (
    BIAS,
    FEW,
    FIRST,
    MOST,
    SIGNALS,
    VOTERS,
    Calibration,
    Signals,
    agreement,
    nearness,
    neighbour_quantiles,
    type_match,
    votes,
)
from training.photo.encoder import DESCRIPTION_FILE, Encoder
from training.photo.garment import WORKING_SIZE, Garment, isolate
from training.photo.garment_types import type_of
from training.photo.images import decode
from training.photo.segmenter import Segmenter
from training.retrieval_metrics import rank

LIMIT = 4_000
"""Photographs of each kind that are searched with, at most."""

LEAST = 40
"""Photographs without which there is no calibration."""

MISTAKEN, MISTAKEN_WORN = 0.01, 0.05
"""Share of the good answers that are called unsure where the threshold is chosen: laid out, and worn.

Poor answers to worn garments are told worse, so that more of the good ones are called unsure with them.
"""

RIDGE = 1.0

OWN = 0.9
"""Share of the queries in a shop of one category that are taken to be of this one."""


@dataclass(frozen=True)
class Trials:
    """Answers of which it is known how much of them is right.

    Parameters
    ----------
    signals : sequence of Signals
        Of each answer.
    right : int (n,)
        How many of its first `FIRST` are right.
    counts : float (n,), optional
        How often each counts; once by default.
    """

    signals: Sequence[Signals]
    right: np.ndarray
    counts: np.ndarray | None = None


def _regression(values: np.ndarray, shares: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Fit shares in [0, 1], float (n,), to values (n, k): bias and weights (1 + k,), no weight negative."""
    inputs = np.column_stack([np.ones(len(values)), values])
    ridge = np.array([0.0, *[RIDGE] * values.shape[1]])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = inputs @ weights
        deviance = counts @ (np.logaddexp(0, logits) - shares * logits)
        slope = inputs.T @ (counts * (expit(logits) - shares))
        return float(deviance + ridge @ weights**2 / 2), slope + ridge * weights

    bounds = [(None, None), *[(0.0, None)] * values.shape[1]]
    return np.asarray(minimize(loss, np.zeros(len(ridge)), jac=True, bounds=bounds, method="L-BFGS-B").x)


def _fitted(trials: Trials, names: tuple[str, ...]) -> dict[str, float] | None:
    """Return bias and weights of some signals; None where no answer has them all."""
    table = np.array([[getattr(one, name) for name in names] for one in trials.signals], float)
    rows = np.isfinite(table).all(axis=1)
    if not rows.any():
        return None
    counts = np.ones(len(table)) if trials.counts is None else trials.counts
    weights = _regression(table[rows], trials.right[rows] / FIRST, counts[rows])
    return dict(zip((BIAS, *names), weights.round(4).tolist(), strict=True))


def fit_calibration(
    mixed: Trials, single: Trials | None = None, *, mistaken: float = MISTAKEN
) -> Calibration:
    """Fit a calibration.

    Parameters
    ----------
    mixed : Trials
        In an index of several categories.
    single : Trials, optional
        In indexes of one category each, in which neighbours could not but agree.
    mistaken : float in [0, 1]
        Share of the good answers of `mixed` below the threshold, which lies between what is poor and what is
        good.

    Returns
    -------
    Calibration
        No signal lowers the confidence.
    """
    sets = []
    for count in range(len(SIGNALS), 0, -1):
        for names in combinations(SIGNALS, count):
            alike = "type_match" in names and "agreement" not in names  # of one category, or both are known
            weights = (_fitted(single, names) if alike and single else None) or _fitted(mixed, names)
            if weights:
                sets.append(weights)
    fitted = Calibration(0.0, tuple(sets))
    good = [
        found
        for one, count in zip(mixed.signals, mixed.right, strict=True)
        if count >= MOST and (found := fitted.confidence(one)) is not None
    ]
    threshold = float(np.quantile(good, mistaken)) if good else 0.5
    least, highest = (FEW + 0.5) / FIRST, (MOST - 0.5) / FIRST
    return replace(fitted, unsure_below=round(min(max(threshold, least), highest), 4))


@dataclass(frozen=True)
class Answers:
    """The answers to some queries, one a row.

    Parameters
    ----------
    signals : tuple of Signals
    first : int (n, FIRST)
        Rows of the gallery, the nearest first; -1 behind the last where there are fewer.
    """

    signals: tuple[Signals, ...]
    first: np.ndarray

    def right(self, relevant: np.ndarray) -> np.ndarray:
        """Return how many of the first `FIRST` answers are right, int (n,), by bool (n, gallery)."""
        hits = np.take_along_axis(relevant, np.maximum(self.first, 0), axis=1)
        return np.asarray((hits & (self.first >= 0)).sum(axis=1))


def _heads(vectors: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """Return for each row the mean score of its first neighbours, float (n,); of one row alone none."""
    ranking = rank(vectors, vectors, query_ids=ids, gallery_ids=ids)
    scores = np.concatenate([scores[:, :FIRST] for _, _, scores in ranking])
    known = np.isfinite(scores)
    return np.where(known, scores, 0).sum(axis=1)[known.any(axis=1)] / known.sum(axis=1)[known.any(axis=1)]


def answer(
    queries: np.ndarray,
    gallery: np.ndarray,
    *,
    query_types: Sequence[Sequence[float]],
    gallery_categories: Sequence[str],
    query_ids: Sequence[str],
    gallery_ids: Sequence[str],
) -> Answers:
    """Search a gallery as an index of it would be searched, with the signals of each answer.

    Parameters
    ----------
    queries, gallery : float32 (n, d), (m, d)
        Unit rows.
    query_types : sequence of sequences of float
        Of each query the probability of each of `TYPES`; none where they are not known.
    gallery_categories : sequence of str
    query_ids, gallery_ids : sequences of str
        A gallery item with the query's id is not its own answer.
    """
    quantiles = neighbour_quantiles(_heads(gallery, gallery_ids))
    names, categories = np.asarray(gallery_categories), len(set(gallery_categories))
    signals: list[Signals] = []
    first = np.full((len(queries), FIRST), -1)
    for rows, order, scores in rank(queries, gallery, query_ids=query_ids, gallery_ids=gallery_ids):
        for row, places, found in zip(range(*rows.indices(len(queries))), order, scores, strict=True):
            found = found[found > -np.inf]
            first[row, : len(found)] = places[: min(len(found), FIRST)]
            shares = votes(names[places[: len(found)][:VOTERS]].tolist(), found[:VOTERS].tolist())
            signals.append(
                Signals(
                    nearness(float(found[:FIRST].mean()), quantiles) if len(found) else None,
                    agreement(shares, categories),
                    type_match(shares, query_types[row]),
                )
            )
    return Answers(tuple(signals), first)


def _sample(items: Sequence[Item]) -> Sequence[Item]:
    """Return at most `LIMIT` items, drawn at random, in their order."""
    if len(items) <= LIMIT:
        return items
    rows = np.random.default_rng(0).choice(len(items), LIMIT, replace=False)
    return [items[row] for row in np.sort(rows)]


def _read(item: Item, *, segmenter: Segmenter) -> tuple[Garment, Garment]:
    """Cut out of an item's photograph what a query takes, the main garment, and what the index holds."""
    photo, kind = decode(item.path, size=WORKING_SIZE), type_of(item.category)
    main = isolate(photo, segmenter=segmenter)
    return main, main if kind in (None, main.type) else isolate(photo, kind, segmenter=segmenter)


def calibrate(
    encoder: Encoder, items: Sequence[Item], *, people: Catalogue | None = None, processes: int | None = None
) -> Calibration:
    """Calibrate the confidence of an encoder: each item is searched for among all others.

    What people wear is not cut out as surely as what is laid out, and its type is less sure still: answers
    to such queries have a calibration of their own.

    Parameters
    ----------
    encoder : Encoder
    items : sequence of Item
        Those with a category, at most `LIMIT` of them, a random sample. They may be what it was trained on.
    people : Catalogue, optional
        Parsed photographs of people; what they wear is searched for, too, except in photographs that are
        held out of training. Right is what has its type.
    processes : int, optional
        Worker processes; one a core by default.

    Raises
    ------
    UnreadableCatalogue
        Nothing says what the labels of `people` mean.
    TooFewImages
        Fewer than `LEAST` have a category and a readable photograph, or all have the same.
    """
    labelled = _sample([item for item in items if item.category is not None])
    cut = partial(_read, segmenter=encoder.segmenter)
    results = zip(labelled, in_order(cut, labelled, processes=processes, progress="calibrating"), strict=True)
    read = [(item, found) for item, found in results if not isinstance(found, UnreadableImage)]
    categories = np.array([str(item.category) for item, _ in read])
    if len(read) < LEAST or len(np.unique(categories)) < 2:
        raise TooFewImages(
            f"There are {len(read)} readable photographs of {len(np.unique(categories))} categories to "
            f"calibrate with; at least {LEAST} of two are needed. Name a larger catalogue with categories."
        )
    queries, gallery = (encoder.embed_garments([found[side] for _, found in read]) for side in (0, 1))
    ids, types = [item.item_id for item, _ in read], [main.type_shares for _, (main, _) in read]

    def trials(asked: np.ndarray, held: np.ndarray) -> Trials:
        found = answer(
            queries[asked],
            gallery[held],
            query_types=[types[row] for row in asked],
            gallery_categories=categories[held].tolist(),
            query_ids=[ids[row] for row in asked],
            gallery_ids=[ids[row] for row in held],
        )
        return Trials(found.signals, found.right(categories[asked, None] == categories[held]))

    everything = np.arange(len(read))
    single = _of_single(categories, trials, lambda name: categories == name)
    calibration = fit_calibration(trials(everything, everything), single)
    if people is None:
        return calibration
    sample = replace(people, items=tuple(_sample(people.items)))
    kinds, garments = found_garments(sample, encoder.segmenter, held_out=False, processes=processes)
    if not garments:
        return calibration

    worn = encoder.embed_garments(garments)

    def worn_trials(asked: np.ndarray, held: np.ndarray) -> Trials:
        found, right = answer_worn(
            worn[asked],
            [kinds[row] for row in asked],
            [garments[row] for row in asked],
            gallery=gallery[held],
            ids=[ids[row] for row in held],
            categories=categories[held].tolist(),
        )
        return Trials(found.signals, right)

    mixed = worn_trials(np.arange(len(garments)), everything)
    single = _of_single(categories, worn_trials, lambda name: np.array(kinds) == type_of(name))
    return replace(calibration, worn=fit_calibration(mixed, single, mistaken=MISTAKEN_WORN))


def answer_worn(
    queries: np.ndarray,
    kinds: Sequence[str],
    garments: Sequence[Garment],
    *,
    gallery: np.ndarray,
    ids: Sequence[str],
    categories: Sequence[str],
) -> tuple[Answers, np.ndarray]:
    """Search a gallery with worn garments; right is what has the true type.

    Parameters
    ----------
    queries : float32 (n, d)
        Unit rows, the embeddings of the garments.
    kinds : sequence of n str
        The true type of each garment.
    garments : sequence of n Garment
    gallery : float32 (m, d)
        Unit rows.
    ids, categories : sequences of m str

    Returns
    -------
    answers : Answers
    right : int (n,)
        How many of the first `FIRST` of each are right.
    """
    found = answer(
        queries,
        gallery,
        query_types=[garment.type_shares for garment in garments],
        gallery_categories=categories,
        query_ids=[""] * len(garments),
        gallery_ids=ids,
    )
    held = np.array([str(type_of(category)) for category in categories])
    return found, found.right(np.array(kinds)[:, None] == held)


def _of_single(
    categories: np.ndarray,
    trials: Callable[[np.ndarray, np.ndarray], Trials],
    of_its_own: Callable[[str], np.ndarray],
) -> Trials | None:
    """Return the answers in an index of each category alone, to queries of its own and as many others.

    Parameters
    ----------
    categories : str (n,)
        Of the items.
    trials : function
        From rows of queries, and rows of items that are searched, to the answers.
    of_its_own : function
        From a category to which queries are of it, bool (m,).
    """
    found = []
    for name in np.unique(categories):
        held, own = np.flatnonzero(categories == name), of_its_own(name)
        others_first = np.random.default_rng(0).permutation(len(own))
        others = others_first[~own[others_first]][: own.sum()]
        if len(held) > FIRST and len(others):
            own = np.flatnonzero(own)
            found += [(trials(own, held), OWN), (trials(others, held), (1 - OWN) * len(own) / len(others))]
    if not found:
        return None
    signals = [one for part, _ in found for one in part.signals]
    right = np.concatenate([part.right for part, _ in found])
    return Trials(
        signals, right, np.repeat([count for _, count in found], [len(part.right) for part, _ in found])
    )


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into the description of the bundle in `folder`, in the place of an earlier one."""
    path = folder / DESCRIPTION_FILE
    description = json.loads(path.read_text()) | {"confidence": calibration.as_dict()}
    write_atomically(path, (json.dumps(description, indent=2) + "\n").encode())
