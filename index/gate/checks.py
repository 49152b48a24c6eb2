"""The checks that embeddings float32 (n, d), and then an index of them, must pass before publication."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from index.errors import GateFailed
from index.gate.golden import GoldenAnswer
from index.vectors import exact
from index.vectors.tuning import best_of_items, owners_of, rows_for_items
from index.vectors.vector_index import Searchable

LAST_GATE = "last-gate.json"
"""Name of the file with the last verdict, in the folder of the notes of builds."""

LISTED = 20
FIRST = 10
TIE = 1e-6

_BATCH = 2**14


@dataclass(frozen=True)
class Limits:
    """The thresholds of the gate.

    Parameters
    ----------
    max_drop : float
        Highest share of the last version's items that may be missing in number.
    norm_tolerance : float
        How far a vector's norm may be from 1.
    agreement : float
        How far the numbers of a photograph that is encoded again may be from those of its vector.
    self_recall : float
        Least share of sampled vectors that find themselves first.
    recall, recall_tolerance : float
        The share of the true first ten that was asked for, and how much less a sample may show.
    latency_ms : float
        Highest median time of one search for 20 items, in milliseconds.
    sample : int
        Vectors that are searched for.
    """

    max_drop: float = 0.2
    norm_tolerance: float = 1e-4
    agreement: float = 1e-4
    self_recall: float = 0.99
    recall: float = 0.98
    recall_tolerance: float = 0.02
    latency_ms: float = 1000.0
    sample: int = 200


@dataclass(frozen=True)
class Verdict:
    """The figures of the checks, and a line for each one that failed."""

    figures: dict[str, float] = field(default_factory=dict)
    failures: tuple[str, ...] = ()

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(self.figures | other.figures, self.failures + other.failures)

    def require(self) -> None:
        """Raise `GateFailed` with a line for every check that failed; do nothing where all passed."""
        if self.failures:
            raise GateFailed(
                "\n".join(
                    [
                        "The new index was not published; the version in use stays. Checks that failed: "
                        f"{len(self.failures)}.",
                        *self.failures,
                    ]
                )
            )


def _counts(items: int, vectors: int, owners: np.ndarray | None = None) -> Verdict:
    figures: dict[str, float] = {"items": items, "vectors": vectors}
    if owners is not None:
        return _owned(figures, items, vectors, owners)
    if items == vectors > 0:
        return Verdict(figures)
    return Verdict(figures, (f"counts ({items} items, {vectors} vectors; as many, and at least 1)",))


def _owned(figures: dict[str, float], items: int, vectors: int, owners: np.ndarray) -> Verdict:
    """Check that the first vectors are those of the items, in their order, and all others of one of them."""
    first = np.array_equal(owners[:items], np.arange(items))
    if first and len(owners) == vectors >= items > 0 and 0 <= owners.min() and owners.max() < items:
        return Verdict(figures)
    failure = (
        f"counts ({items} items, {vectors} vectors of {len(np.unique(owners))} items; at least one of each)"
    )
    return Verdict(figures, (failure,))


def _drop(items: int, before: int | None, limits: Limits, replaced: str | None) -> Verdict:
    if not before:
        return Verdict()
    drop = 1 - items / before
    figures: dict[str, float] = {"items_before": before}
    if drop <= limits.max_drop:
        return Verdict(figures)
    counts = f"{items:,} after {before:,}, {drop:.0%} fewer; {limits.max_drop:.0%} may be missing"
    if replaced is not None:
        why = f"the version in use is of another catalogue, '{replaced}'. To replace it, add --new-catalogue"
    else:
        why = "is the catalogue whole? If so, raise --max-drop"
    return Verdict(figures, (f"items ({counts}: {why})",))


def _units(vectors: np.ndarray, limits: Limits) -> Verdict:
    norms = np.empty(len(vectors), np.float32)
    for at in range(0, len(vectors), _BATCH):
        norms[at : at + _BATCH] = np.linalg.norm(vectors[at : at + _BATCH], axis=1)
    broken = int(np.count_nonzero(~np.isfinite(norms)))
    error = float(np.abs(norms[np.isfinite(norms)] - 1).max(initial=0.0))
    failures = []
    if broken:
        failures.append(f"finite ({broken} vectors hold NaN or infinity)")
    if error > limits.norm_tolerance:
        failures.append(f"unit norm (off by up to {error:.2g}; {limits.norm_tolerance:g} is allowed)")
    return Verdict({"not_finite": broken, "norm_error": error}, tuple(failures))


def _fingerprint(vectors: np.ndarray, rows: np.ndarray, rechecked: np.ndarray, limits: Limits) -> Verdict:
    error = float(np.nan_to_num(np.abs(vectors[rows] - rechecked), nan=2.0).max(initial=0.0))
    figures = {"encoded_anew": len(rows), "encoder_error": error}
    if error <= limits.agreement:
        return Verdict(figures)
    failure = f"fingerprint (photographs encoded again differ by {error:.2g}: not this encoder's vectors)"
    return Verdict(figures, (failure,))


def check_vectors(
    vectors: np.ndarray,
    *,
    items: int,
    owners: np.ndarray | None = None,
    before: int | None = None,
    replaced: str | None = None,
    rechecked: tuple[np.ndarray, np.ndarray] | None = None,
    limits: Limits | None = None,
) -> Verdict:
    """Return the verdict on new embeddings, before an index is made of them.

    Parameters
    ----------
    vectors : float32 (n, d)
    items : int
        How many items stand beside them.
    owners : int64 (n,), optional
        Which item each vector is of, first those of the items in their order; by default each has one.
    before : int, optional
        Items of the version in use, where there is one to compare with.
    replaced : str, optional
        The name of its catalogue, where that is another one.
    rechecked : (int64 (m,), float32 (m, d)), optional
        Some rows, and what the encoder has just made of their photographs.
    limits : Limits, optional
    """
    limits = limits or Limits()
    verdict = _counts(items, len(vectors), owners) + _drop(items, before, limits, replaced)
    verdict += _units(vectors, limits)
    return verdict if rechecked is None else verdict + _fingerprint(vectors, *rechecked, limits)


def _finds_itself(row: int, vectors: np.ndarray, index: Searchable) -> bool:
    query = vectors[row]
    (scores,), (rows,) = index.search(query[None], LISTED)
    tied = scores >= scores[0] - TIE  # photographs with the same vector share the first place
    if tied.all() and index.vector(row) @ query >= scores[0] - TIE:
        return True  # there are more of them than are listed
    return row in rows[tied]


def _self_retrieval(vectors: np.ndarray, index: Searchable, rows: np.ndarray, limits: Limits) -> Verdict:
    found, seconds = [], []
    for row in rows.tolist():
        start = perf_counter()
        found.append(_finds_itself(row, vectors, index))
        seconds.append(perf_counter() - start)
    recall, latency = float(np.mean(found)), float(np.median(seconds)) * 1000
    failures = []
    if recall < limits.self_recall:
        failures.append(f"self-retrieval (R@1 {recall:.3f}; at least {limits.self_recall:g})")
    if latency > limits.latency_ms:
        failures.append(f"latency (median {latency:.1f} ms; at most {limits.latency_ms:g})")
    return Verdict({"self_recall_at_1": recall, "search_ms": round(latency, 3)}, tuple(failures))


def _recall(
    vectors: np.ndarray, index: Searchable, rows: np.ndarray, owners: np.ndarray | None, limits: Limits
) -> Verdict:
    """Compare the first items with brute force; a row's own does not count: it is the easiest to find."""
    items, most = (
        (len(vectors), 1) if owners is None else (int(owners.max()) + 1, int(np.bincount(owners).max()))
    )
    k = min(FIRST, items - 1)
    if k == 0:
        return Verdict()
    queries = vectors[rows]

    def best(scores: np.ndarray, found: np.ndarray) -> np.ndarray:
        own = owners_of(found, owners) == owners_of(rows, owners)[:, None]
        return best_of_items(scores, np.where(own, -1, found), owners, k)

    enough = min((k + 1) * most, len(vectors))
    scores, nearest = exact.compared(vectors, queries, enough)
    found = best(*index.search(queries, rows_for_items(nearest, owners, k + 1)))
    recall = float(np.mean(found >= best(scores, nearest)[:, -1:] - TIE))
    figures = {"recall_at_10": recall}
    if recall >= limits.recall - limits.recall_tolerance:
        return Verdict(figures)
    failure = f"recall@10 ({recall:.3f} of brute force; {limits.recall:g} was asked for)"
    return Verdict(figures, (failure,))


def _golden(answers: Sequence[GoldenAnswer]) -> Verdict:
    if not answers:
        return Verdict()
    right = [not answer.missing for answer in answers]
    figures = {"golden_queries": len(answers), "golden_right": float(np.mean(right))}
    return Verdict(figures, tuple(str(answer) for answer in answers if answer.missing))


def check_index(
    vectors: np.ndarray,
    index: Searchable,
    *,
    owners: np.ndarray | None = None,
    golden: Sequence[GoldenAnswer] = (),
    limits: Limits | None = None,
    seed: int = 0,
) -> Verdict:
    """Return the verdict on a new index.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows, n at least 1
        The embeddings from which the index was built.
    index : Searchable
        As it will be searched.
    owners : int64 (n,), optional
        The item of each vector; by default each has one.
    golden : sequence of GoldenAnswer
        What it answers to the golden queries.
    limits : Limits, optional
    seed : int
        Makes the sample of queries repeatable.
    """
    limits = limits or Limits()
    counted = _counts(len(vectors), len(index))
    if counted.failures:
        return counted
    size = min(limits.sample, len(vectors))
    rows = np.random.default_rng(seed).choice(len(vectors), size, replace=False)
    found = _self_retrieval(vectors, index, rows, limits) + _recall(vectors, index, rows, owners, limits)
    return counted + found + _golden(golden)
