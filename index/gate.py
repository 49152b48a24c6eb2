"""The checks that an index of unit vectors float32 (n, d) must pass before it is published."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from index.errors import GateFailed
from index.vectors import VectorIndex

LISTED = 20
TIE = 1e-6


@dataclass(frozen=True)
class Limits:
    """What an index must reach.

    Parameters
    ----------
    norm_tolerance : float
        How far a vector's norm may be from 1.
    self_recall : float
        Least share of sampled vectors that find themselves first.
    latency_ms : float
        Highest median time of one search for 20 items, in milliseconds.
    sample : int
        Vectors that are searched for.
    """

    norm_tolerance: float = 1e-4
    self_recall: float = 0.99
    latency_ms: float = 1000.0
    sample: int = 200


@dataclass(frozen=True)
class Verdict:
    """The figures of the checks, and a line for each one that failed."""

    figures: dict[str, float] = field(default_factory=dict)
    failures: tuple[str, ...] = ()

    def require(self) -> None:
        """Raise `GateFailed` naming every check that failed; do nothing where all passed."""
        if self.failures:
            raise GateFailed(
                f"The new index failed {len(self.failures)} of its checks and was not published: "
                f"{'; '.join(self.failures)}. The version in use stays as it is."
            )


def _counts(vectors: np.ndarray, index: VectorIndex, items: int) -> Verdict:
    figures: dict[str, float] = {"items": items, "vectors": len(index)}
    if items == len(index) == len(vectors) > 0:
        return Verdict(figures)
    return Verdict(figures, (f"counts ({items} items, {len(index)} vectors; as many, and at least 1)",))


def _units(vectors: np.ndarray, limits: Limits) -> Verdict:
    norms = np.linalg.norm(vectors, axis=1)
    broken = int(np.count_nonzero(~np.isfinite(norms)))
    error = float(np.abs(norms[np.isfinite(norms)] - 1).max(initial=0.0))
    failures = []
    if broken:
        failures.append(f"finite ({broken} vectors hold NaN or infinity)")
    if error > limits.norm_tolerance:
        failures.append(f"unit norm (off by up to {error:.2g}; {limits.norm_tolerance:g} is allowed)")
    return Verdict({"not_finite": broken, "norm_error": error}, tuple(failures))


def _finds_itself(row: int, vectors: np.ndarray, index: VectorIndex) -> bool:
    query = vectors[row]
    (scores,), (rows,) = index.search(query[None], LISTED)
    tied = scores >= scores[0] - TIE  # photographs with the same vector share the first place
    if tied.all() and index.vector(row) @ query >= scores[0] - TIE:
        return True  # more of them than are listed
    return row in rows[tied]


def _retrieval(vectors: np.ndarray, index: VectorIndex, limits: Limits, seed: int) -> Verdict:
    size = min(limits.sample, len(vectors))
    found, seconds = [], []
    for row in np.random.default_rng(seed).choice(len(vectors), size, replace=False):
        start = perf_counter()
        found.append(_finds_itself(int(row), vectors, index))
        seconds.append(perf_counter() - start)
    recall, latency = float(np.mean(found)), float(np.median(seconds)) * 1000
    failures = []
    if recall < limits.self_recall:
        failures.append(f"self-retrieval (R@1 {recall:.3f}; at least {limits.self_recall:g})")
    if latency > limits.latency_ms:
        failures.append(f"latency (median {latency:.1f} ms; at most {limits.latency_ms:g})")
    return Verdict({"self_recall_at_1": recall, "search_ms": round(latency, 3)}, tuple(failures))


def check(
    vectors: np.ndarray, index: VectorIndex, *, items: int, limits: Limits | None = None, seed: int = 0
) -> Verdict:
    """Return the verdict on a new index.

    Parameters
    ----------
    vectors : float32 (n, d)
        The embeddings from which the index was built.
    index : VectorIndex
        The index, as loaded from the files that are to be published.
    items : int
        How many items stand beside it.
    limits : Limits, optional
    seed : int
        Makes the sample for self-retrieval repeatable.
    """
    limits = limits or Limits()
    verdicts = [_counts(vectors, index, items), _units(vectors, limits)]
    if not any(verdict.failures for verdict in verdicts):
        verdicts.append(_retrieval(vectors, index, limits, seed))
    figures = {name: figure for verdict in verdicts for name, figure in verdict.figures.items()}
    return Verdict(figures, tuple(failure for verdict in verdicts for failure in verdict.failures))
