"""The calibration of an encoder's confidence: labelled photographs search each other, and a model is fitted.

Vectors are float32 (n, d) with unit rows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from training.catalogue.reader import Item
from training.errors import TooFewImages, UnreadableImage
from training.files import write_atomically
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
"""Photographs that search each other, at most."""

LEAST = 40
"""Photographs without which there is no calibration."""

MISTAKEN = 0.01
"""Share of the good answers that are called unsure where the threshold is chosen."""

RIDGE = 1.0


def _regression(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Fit shares in [0, 1], float (n,), to values (n, k): bias and weights (1 + k,), no weight negative."""
    inputs = np.column_stack([np.ones(len(values)), values])
    ridge = np.array([0.0, *[RIDGE] * values.shape[1]])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = inputs @ weights
        deviance = np.logaddexp(0, logits).sum() - shares @ logits
        slope = inputs.T @ (expit(logits) - shares)
        return float(deviance + ridge @ weights**2 / 2), slope + ridge * weights

    bounds = [(None, None), *[(0.0, None)] * values.shape[1]]
    return np.asarray(minimize(loss, np.zeros(len(ridge)), jac=True, bounds=bounds, method="L-BFGS-B").x)


def fit_calibration(signals: Sequence[Signals], right: np.ndarray) -> Calibration:
    """Fit a calibration to answers of which it is known how much of them is right.

    Parameters
    ----------
    signals : sequence of Signals
        Of each answer.
    right : int (n,)
        How many of its first `FIRST` are right.

    Returns
    -------
    Calibration
        No signal lowers the confidence. One in `1 / MISTAKEN` of the good answers is below the threshold,
        which lies between what is poor and what is good.
    """
    table = np.array([[getattr(one, name) for name in SIGNALS] for one in signals], float)
    sets = []
    for count in range(len(SIGNALS), 0, -1):
        for columns in combinations(range(len(SIGNALS)), count):
            rows = np.isfinite(table[:, columns]).all(axis=1)
            if rows.any():
                weights = _regression(table[rows][:, columns], right[rows] / FIRST)
                names = (BIAS, *(SIGNALS[column] for column in columns))
                sets.append(dict(zip(names, weights.round(4).tolist(), strict=True)))
    fitted = Calibration(0.0, tuple(sets))
    good = [
        found
        for one, count in zip(signals, right, strict=True)
        if count >= MOST and (found := fitted.confidence(one)) is not None
    ]
    threshold = float(np.quantile(good, MISTAKEN)) if good else 0.5
    least, highest = (FEW + 0.5) / FIRST, (MOST - 0.5) / FIRST
    return Calibration(round(min(max(threshold, least), highest), 4), fitted.coefficients)


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
    names = np.asarray(gallery_categories)
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
                    max(shares.values(), default=None),
                    type_match(shares, query_types[row]),
                )
            )
    return Answers(tuple(signals), first)


def _read(item: Item, *, segmenter: Segmenter) -> tuple[Garment, Garment]:
    """Cut out of an item's photograph what a query takes, the main garment, and what the index holds."""
    photo, kind = decode(item.path, size=WORKING_SIZE), type_of(item.category)
    main = isolate(photo, segmenter=segmenter)
    return main, main if kind in (None, main.type) else isolate(photo, kind, segmenter=segmenter)


def calibrate(encoder: Encoder, items: Sequence[Item], *, processes: int | None = None) -> Calibration:
    """Calibrate the confidence of an encoder: each item is searched for among all others.

    Parameters
    ----------
    encoder : Encoder
    items : sequence of Item
        Those with a category, at most `LIMIT` of them, a random sample. They may be what it was trained on.
    processes : int, optional
        Worker processes; one a core by default.

    Raises
    ------
    TooFewImages
        Fewer than `LEAST` have a category and a readable photograph, or all have the same.
    """
    labelled = [item for item in items if item.category is not None]
    if len(labelled) > LIMIT:
        rows = np.random.default_rng(0).choice(len(labelled), LIMIT, replace=False)
        labelled = [labelled[row] for row in np.sort(rows)]
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
    ids = [item.item_id for item, _ in read]
    found = answer(
        queries,
        gallery,
        query_types=[main.type_shares for _, (main, _) in read],
        gallery_categories=categories.tolist(),
        query_ids=ids,
        gallery_ids=ids,
    )
    return fit_calibration(found.signals, found.right(categories[:, None] == categories))


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write a calibration into the description of the bundle in `folder`, in the place of an earlier one."""
    path = folder / DESCRIPTION_FILE
    description = json.loads(path.read_text()) | {"confidence": calibration.as_dict()}
    write_atomically(path, (json.dumps(description, indent=2) + "\n").encode())
