"""The self-search of a check: sampled vectors, float32 (m, d), must find themselves with a score of 1."""

import numpy as np

_SAMPLE = 20
_TOLERANCE = 3e-4  # a norm may be off by 1e-4, and the score is its square
_FOUND = 0.9  # an approximate kind may miss one


def sampled_rows(count: int) -> list[int]:
    """Return the rows of `count` that are searched for: evenly spread, at most 20."""
    return [int(row) for row in np.unique(np.linspace(0, count - 1, _SAMPLE, dtype=np.int64))]


def failed_searches(scores: np.ndarray) -> list[str]:
    """Return what is wrong, if fewer than 90 % of the sampled vectors found themselves.

    Parameters
    ----------
    scores : float32 (m,)
        The best score of each sampled vector; NaN or -inf where nothing was found.
    """
    right = int(np.count_nonzero(np.abs(scores - 1.0) <= _TOLERANCE))  # NaN is wrong, too
    if right >= _FOUND * len(scores):
        return []
    return [f"only {right} of {len(scores)} vectors find themselves, with a score of 1, when searched for"]
