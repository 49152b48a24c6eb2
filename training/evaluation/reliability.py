"""Whether the confidence of answers can be relied on: right answers told from wrong ones, shares as expected.

An answer is the first `FIRST` items of a ranking; it is poor with at most `FEW` of them right, and good with
at least `MOST`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from training.catalogue.reader import Catalogue
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table
from training.fit.calibration import Answers, answer, answer_worn
from training.fit.found_garments import found_garments
from training.photo.confidence import FEW, FIRST, MOST, Calibration
from training.photo.encoder import Encoder
from training.photo.garment import Garment

KEY = "confidence"
TITLE = "Confidence of answers"
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5)
BINS = 5


@dataclass(frozen=True)
class Judged:
    """The answers to some queries; all arrays are (n,).

    Parameters
    ----------
    name : str
        What the queries are.
    confidence : float64 in [0, 1]
    right : int
        How many of the first `FIRST` are right.
    warned : bool
        Whether the answer warns: nothing close, the cut-out uncertain, or no garment found.
    """

    name: str
    confidence: np.ndarray
    right: np.ndarray
    warned: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        """The share of each answer that is wrong, float64 in [0, 1]."""
        return 1 - self.right / FIRST

    @property
    def poor(self) -> np.ndarray:
        """Which answers are poor."""
        return self.right <= FEW

    @property
    def good(self) -> np.ndarray:
        """Which answers are good."""
        return self.right >= MOST


def auroc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Return the area under the ROC: how often a positive scores above a negative; None without either.

    Parameters
    ----------
    scores : float (n,)
    positive : bool (n,)
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return None
    return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * others))


def risk(confidence: np.ndarray, right: np.ndarray, coverage: float) -> float:
    """Return the share of wrong items, float in [0, 1], in the most confident answers, `coverage` of all.

    Parameters
    ----------
    confidence : float (n,)
    right : int (n,)
        Of the first `FIRST`.
    coverage : float in (0, 1]
    """
    kept = np.argsort(-confidence, kind="stable")[: int(np.ceil(coverage * len(right)))]
    return 1 - float(right[kept].mean()) / FIRST


def bins(confidence: np.ndarray) -> list[np.ndarray]:
    """Return which answers, bool (n,), fall into each of `BINS` even parts of [0, 1]."""
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [places == place for place in range(BINS)]


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Return how far confidence and share of right items lie apart: the mean over the bins, by answers."""
    apart = [
        inside.sum() * abs(confidence[inside].mean() - right[inside].mean() / FIRST)
        for inside in bins(confidence)
        if inside.any()
    ]
    return float(sum(apart) / len(confidence))


def _judge(
    name: str,
    found: Sequence[Answers],
    right: Sequence[np.ndarray],
    garments: Sequence[Garment],
    by: Calibration,
) -> Judged:
    """Judge answers by one or more galleries to the same queries."""
    laws = [by.of_garment(worn=garment.worn) for garment in garments] * len(found)
    signals = [one for each in found for one in each.signals]
    confidence = np.array([law.confidence(one) or 0.0 for law, one in zip(laws, signals, strict=True)])
    doubtful = np.array([not garment.found or garment.uncertain for garment in garments])
    warned = (confidence < [law.unsure_below for law in laws]) | np.tile(doubtful, len(found))
    return Judged(name, confidence, np.concatenate(right), warned)


@dataclass(frozen=True)
class _Search:
    """What is searched: labelled photographs, and their embeddings, float32 (n, d)."""

    photos: Photos
    vectors: np.ndarray

    def answer(self, queries: np.ndarray, garments: Sequence[Garment], ids: Sequence[str]) -> Answers:
        return answer(
            queries,
            self.vectors,
            query_types=[garment.type_shares for garment in garments],
            gallery_categories=self.photos.categories,
            query_ids=ids,
            gallery_ids=self.photos.ids,
        )

    def of(self, category: str) -> "_Search":
        rows = [row for row, name in enumerate(self.photos.categories) if name == category]
        return _Search(self.photos.take(rows), self.vectors[rows])


def _worn(encoder: Encoder, search: _Search, people: Catalogue, processes: int | None) -> Judged | None:
    """Search with the garments that people wear, in the photographs that are held out of training."""
    kinds, garments = found_garments(people, encoder.segmenter, held_out=True, processes=processes)
    if not garments:
        return None
    answers, right = answer_worn(
        encoder.embed_garments(garments),
        kinds,
        garments,
        gallery=search.vectors,
        ids=search.photos.ids,
        categories=search.photos.categories,
    )
    return _judge("worn", [answers], [right], garments, _calibration(encoder))


def _calibration(encoder: Encoder) -> Calibration:
    if encoder.calibration is None:
        raise ValueError("The encoder has no calibration.")
    return encoder.calibration


def judge(
    encoder: Encoder, gallery: Photos, queries: Photos, *, people: Catalogue | None, processes: int | None
) -> list[Judged]:
    """Search, and judge the answers of an encoder that has a calibration.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        Items without a category are left out; a query that stands in the gallery is not its own answer.
    people : Catalogue, optional
        Parsed photographs of people; those held out of training are searched with, too.
    processes : int, optional
        Worker processes; all cores without it.

    Returns
    -------
    list of Judged
        Of the queries in the gallery; in galleries of a single category each, with all queries; and of worn
        garments, where right is what has their type.
    """
    ranked, asked = gallery.labelled(), queries.labelled()
    search = _Search(ranked, encoder.embed_garments(ranked.garments))
    vectors, garments = encoder.embed_garments(asked.garments), asked.garments
    labels = np.array(asked.categories)

    def judged(name: str, shops: Sequence[_Search]) -> Judged:
        found = [shop.answer(vectors, garments, asked.ids) for shop in shops]
        right = [
            answers.right(labels[:, None] == np.array(shop.photos.categories))
            for answers, shop in zip(found, shops, strict=True)
        ]
        return _judge(name, found, right, garments, _calibration(encoder))

    shops = [search.of(category) for category in sorted(set(ranked.categories))]
    large = [shop for shop in shops if len(shop.vectors) > FIRST]
    results = [judged("laid out", [search])]
    if large:
        results.append(judged("shops of one category", large))
    worn = None if people is None else _worn(encoder, search, people, processes)
    return results if worn is None else [*results, worn]


def _share(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def tables(results: Iterable[Judged]) -> list[Table]:
    """Return the scores of confidence, and how it agrees with what is right in each of `BINS` parts."""
    results = list(results)
    names = ("answers", "right", "poor", "good", "AUROC", "ECE", "poor, warned", "good, warned")
    risks = tuple(f"risk at {coverage:.0%}" for coverage in COVERAGES)
    rows: list[tuple[Cell, ...]] = []
    for one in results:
        told = one.poor | one.good
        rows.append(
            (
                one.name,
                len(one.right),
                float(one.right.mean()) / FIRST,
                int(one.poor.sum()),
                int(one.good.sum()),
                auroc(one.confidence[told], one.good[told]),
                calibration_error(one.confidence, one.right),
                _share(one.warned[one.poor]),
                _share(one.warned[one.good]),
                *(risk(one.confidence, one.right, coverage) for coverage in COVERAGES),
            )
        )
    note = (
        f"Confidence is the share of the first {FIRST} items expected to be right: of the query's category, "
        f"for worn garments of its type. An answer is poor with at most {FEW} right, good with at least "
        f"{MOST}. AUROC is how often a good one is more confident than a poor one, ECE the expected "
        "calibration error, risk the share of wrong items in the most confident answers. Warnings are "
        "nothing_close, cutout_uncertain and garment_not_found."
    )
    parts = [
        (
            f"{one.name}, {place / BINS:.1f} to {(place + 1) / BINS:.1f}",
            int(inside.sum()),
            _share(one.confidence[inside]),
            float(one.right[inside].mean()) / FIRST if inside.any() else None,
        )
        for one in results
        for place, inside in enumerate(bins(one.confidence))
    ]
    return [
        Table(KEY, TITLE, ("queries", *names, *risks), tuple(rows), note),
        Table(
            f"{KEY}-reliability",
            f"{TITLE}: what is expected, and what is right",
            ("confidence", "answers", "expected", "right"),
            tuple(parts),
        ),
    ]
