"""Scores as percentiles: the quantiles of the scores of random pairs, closest together in the tails."""

from collections.abc import Sequence

import numpy as np

PAIRS = 1_000_000
ROWS = 2**18
"""How many rows pairs are drawn from at most: they are read in their order, once.

A file larger than the memory, read at each pair's two places, would take most of an hour.
"""

_BATCH = 1024

SHARES = np.concatenate([[0.0], 1 / (1 + 10 ** np.linspace(6, -6, 301)), [1.0]])
"""Shares at which quantiles are kept: of even ratios of odds, so that each tail is 9 % below the last."""


def _all_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.triu_indices(count, 1)
    return left, right


def _drawn_pairs(count: int, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    left = rng.integers(0, count, pairs)
    return left, (left + rng.integers(1, count, pairs)) % count


def pair_scores(vectors: np.ndarray, *, pairs: int = PAIRS, seed: int = 0) -> np.ndarray:
    """Return the scores of pairs of different rows, float32 (m,): of all pairs where these are few enough.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
    pairs : int
        Where there are more than this many pairs, so many are drawn, with replacement; of more than `ROWS`
        rows, from so many of them.
    seed : int
        Makes the draw repeatable.
    """
    if len(vectors) > ROWS:
        vectors = vectors[np.unique(np.random.default_rng(seed).integers(0, len(vectors), ROWS))]
    count = len(vectors)
    few = count * (count - 1) // 2 <= pairs
    left, right = _all_pairs(count) if few else _drawn_pairs(count, pairs, seed)
    scores = np.empty(len(left), np.float32)
    for at in range(0, len(left), _BATCH):
        part = slice(at, at + _BATCH)
        scores[part] = np.einsum("nd,nd->n", vectors[left[part]], vectors[right[part]])
    return scores


def pair_quantiles(vectors: np.ndarray, *, pairs: int = PAIRS, seed: int = 0) -> tuple[float, ...]:
    """Return the scores below which the `SHARES` of random pairs lie, ascending; empty for a single row.

    Parameters are those of `pair_scores`.
    """
    if len(vectors) < 2:
        return ()
    scores = np.sort(pair_scores(vectors, pairs=pairs, seed=seed))  # quicker than to select
    quantiles = np.interp(SHARES * (len(scores) - 1), np.arange(len(scores)), scores)
    return tuple(round(float(quantile), 6) for quantile in quantiles)


_PERCENT = 100 * SHARES


def percentiles(scores: np.ndarray, quantiles: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the share of random pairs that score less, in percent, for each of `scores`: float64 (m,).

    Parameters
    ----------
    scores : float (m,)
    quantiles : sequence of float
        Of `pair_quantiles`; without any, every score is above all.
    """
    if not len(quantiles):
        return np.full(len(scores), 100.0)
    return np.interp(scores, quantiles, _PERCENT)
