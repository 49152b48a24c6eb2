"""Connected components of masks, and those that are not small beside the largest.

They are found from runs, the stretches of a row that belong to a mask. `scipy.ndimage.label` takes longer,
and its import costs every process 0.2 s and 20 MB (decision 083).
"""

import numpy as np

from training.photo.preprocessing import CONNECTIVITY, SMALLEST_PART

_CORNERS = CONNECTIVITY - 1
"""By how many pixels two runs in rows that follow each other may miss each other, and still touch."""


def _runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where runs begin and end, int64 (n,), in a picture one column wider: they end with rows."""
    height, width = mask.shape
    wider = np.zeros((height, width + 1), bool)
    wider[:, :-1] = mask
    pixels = wider.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    if pixels[:1].any():
        changes = np.concatenate([[0], changes])
    return changes[::2], changes[1::2]


def _numbered(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return the runs, the component of each, counted from 0 in the order of first runs, and their number."""
    starts, ends = _runs(mask)
    width = mask.shape[1] + 1
    firsts = np.searchsorted(ends, starts - width - _CORNERS, side="right")  # of the runs above that touch
    lasts = np.searchsorted(starts, ends - width + _CORNERS)
    parents = np.where(firsts < lasts, firsts, np.arange(len(starts))).tolist()

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    for run in np.flatnonzero(lasts - firsts > 1).tolist():
        for other in range(firsts[run] + 1, lasts[run]):
            low, high = sorted((root(run), root(other)))
            parents[high] = low
    numbers: list[int] = []
    count = 0
    for run, parent in enumerate(parents):  # a parent stands before its runs
        numbers.append(count if parent == run else numbers[parent])
        count += parent == run
    return starts, ends, np.array(numbers, np.int64), count


def _painted(values: np.ndarray, starts: np.ndarray, ends: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a picture, int32 (h, w), of runs with these values, int or bool (n,)."""
    (height, width), values = shape, values.astype(np.int32)
    steps = np.zeros(height * (width + 1) + 1, np.int32)
    steps[starts] = values
    steps[ends] = -values
    return steps.cumsum(dtype=np.int32)[:-1].reshape(height, width + 1)[:, :-1]


def components(mask: np.ndarray) -> list[np.ndarray]:
    """Split a mask, bool (h, w), into its connected components, in the order of their first pixels."""
    starts, ends, numbers, count = _numbered(mask)
    if count == 1:
        return [mask]
    painted = _painted(numbers + 1, starts, ends, mask.shape)
    return [painted == number for number in range(1, count + 1)]


def main_parts(mask: np.ndarray) -> np.ndarray:
    """Keep the largest component of a mask, bool (h, w), and those that are not small beside it."""
    starts, ends, numbers, count = _numbered(mask)
    if count < 2:
        return mask
    areas = np.bincount(numbers, ends - starts)
    return _painted((areas >= SMALLEST_PART * areas.max())[numbers], starts, ends, mask.shape) > 0
