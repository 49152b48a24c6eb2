"""How near the neighbours of an index's items are, by which a query's answers are judged."""

import numpy as np

from index.pages import first_of_each
from index.vectors.tuning import owners_of
from index.vectors.vector_index import Searchable
from training.photo.confidence import FIRST, neighbour_quantiles

SAMPLE = 500


def neighbourhoods(
    vectors: np.ndarray, index: Searchable, *, owners: np.ndarray | None = None
) -> tuple[float, ...]:
    """Return quantiles of the mean score of items' nearest other items, as a search finds these.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
    index : Searchable
        Of these vectors; `SAMPLE` items, evenly spread, are searched for in it.
    owners : int64 (n,), optional
        Which item each vector is of, first those of the items in their order; by default each has one.

    Returns
    -------
    tuple of float
        As `training.photo.confidence.neighbour_quantiles`; empty for a single item.
    """
    last = len(vectors) - 1 if owners is None else int(owners.max())
    rows = np.unique(np.linspace(0, last, SAMPLE, dtype=np.int64))
    several = -(-len(vectors) // (last + 1))
    scores, found = index.search(vectors[rows], (FIRST + 1) * several)
    heads = []
    for row, row_scores, row_found in zip(rows, scores, found, strict=True):
        known = row_found >= 0
        items, of_them = owners_of(row_found[known], owners), row_scores[known]
        first = first_of_each(items)
        others = of_them[first][items[first] != row][:FIRST]
        if len(others):
            heads.append(float(others.mean()))
    return neighbour_quantiles(np.array(heads))
