"""How well a ranking answers: each query's gallery ranked by cosine, and scored against labels.

Vectors are float32 (n, d) with unit rows, labels and ids one string a row; nothing here reads an image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 10
CELLS = 4_000_000  # similarities held at once: 66 queries against 60,000 items

SCORE_NAMES = {
    "p_at_1": "P@1",
    "p_at_5": "P@5",
    "p_at_10": "P@10",
    "macro_p_at_10": "macro P@10",
    "map": "mAP",
    "knn_accuracy": "10-NN accuracy",
}


@dataclass(frozen=True)
class Scores:
    """The scores of one descriptor; each is a share in [0, 1], larger is better.

    Parameters
    ----------
    p_at_1, p_at_5, p_at_10 : float
        Mean share of the first 1, 5 and 10 answers that have the query's label.
    macro_p_at_10 : float
        Mean over the queries' labels of their mean P@10, so that a rare label counts as much as a common one.
    map : float
        Mean average precision over the whole ranking.
    knn_accuracy : float
        Share of queries whose label is the majority among their first ten neighbours.
    n_queries : int
        Queries that were scored.
    """

    p_at_1: float
    p_at_5: float
    p_at_10: float
    macro_p_at_10: float
    map: float
    knn_accuracy: float
    n_queries: int


@dataclass(frozen=True)
class QueryScores:
    """What each query achieved; all arrays are (n,), in the order of the queries.

    Parameters
    ----------
    labels : array of str
        The queries' labels.
    p_at_1, p_at_5, p_at_10, average_precision : float64 (n,) in [0, 1]
        The query's precision at each depth, and its average precision.
    knn_hit : bool (n,)
        Whether the vote of its ten nearest neighbours gave its label.
    """

    labels: np.ndarray
    p_at_1: np.ndarray
    p_at_5: np.ndarray
    p_at_10: np.ndarray
    average_precision: np.ndarray
    knn_hit: np.ndarray

    def p_at_10_by_label(self) -> dict[str, float]:
        """Return the mean P@10 of the queries of each label, labels in alphabetical order."""
        known = np.unique(self.labels)
        return {str(label): float(self.p_at_10[self.labels == label].mean()) for label in known}

    def scores(self) -> Scores:
        """Return the means over the queries."""
        return Scores(
            p_at_1=float(self.p_at_1.mean()),
            p_at_5=float(self.p_at_5.mean()),
            p_at_10=float(self.p_at_10.mean()),
            macro_p_at_10=float(np.mean(list(self.p_at_10_by_label().values()))),
            map=float(self.average_precision.mean()),
            knn_accuracy=float(self.knn_hit.mean()),
            n_queries=len(self.labels),
        )


def _codes(first: Sequence[str], second: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give equal strings equal numbers, across both sequences."""
    _, codes = np.unique(np.asarray([*first, *second], dtype=str), return_inverse=True)
    return codes[: len(first)], codes[len(first) :]


def _check(vectors: np.ndarray, labels: Sequence[str], *, name: str) -> None:
    if vectors.ndim != 2 or len(vectors) != len(labels) or not len(labels):
        raise ValueError(
            f"The {name} have {len(labels)} labels for vectors of shape {vectors.shape}. "
            "Accepted is one label for each row of a non-empty (n, d) array. Pass both from the same items."
        )


def _precision(relevant: np.ndarray, depth: int) -> np.ndarray:
    """Share of the first `depth` answers that are relevant; a shorter ranking is filled up with misses."""
    return relevant[:, :depth].sum(axis=1) / depth


def _average_precision(relevant: np.ndarray) -> np.ndarray:
    """Mean over the relevant answers of the precision at their rank; 0 where nothing is relevant."""
    found = relevant.cumsum(axis=1, dtype=np.int32)
    ranks = np.arange(1, relevant.shape[1] + 1)
    total = np.where(relevant, found / ranks, 0.0).sum(axis=1)
    return total / np.maximum(found[:, -1], 1)


def _vote(codes: np.ndarray, similarities: np.ndarray, classes: int) -> np.ndarray:
    """Return the most frequent code of each row, (b, k) -> (b,); ties go to the larger summed similarity.

    A similarity of -inf casts no vote.
    """
    rows = np.arange(len(codes))[:, None]
    votes = similarities > -np.inf
    counts = np.zeros((len(codes), classes))
    sums = np.zeros((len(codes), classes))
    np.add.at(counts, (rows, codes), votes)
    np.add.at(sums, (rows, codes), np.where(votes, similarities, 0.0))
    tied = counts == counts.max(axis=1, keepdims=True)
    return np.where(tied, sums, -np.inf).argmax(axis=1)


def rank(
    queries: np.ndarray,
    gallery: np.ndarray,
    *,
    query_ids: Sequence[str] | None = None,
    gallery_ids: Sequence[str] | None = None,
    cells: int = CELLS,
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Rank the gallery for each query by inner product, a chunk of queries at a time.

    Parameters
    ----------
    queries, gallery : float32 (n, d), (m, d)
        Unit rows.
    query_ids, gallery_ids : sequences of str, optional
        Where both are given, a gallery item with the query's id is not its own neighbour: its similarity
        is -inf and it stands last.
    cells : int
        Similarities held in memory at once; the chunk is `cells / m` queries.

    Yields
    ------
    rows : slice
        The queries of this chunk.
    order : int (b, m)
        Gallery positions, the most similar first; equal similarities keep the gallery's order.
    similarities : float32 (b, m)
        In that order.
    """
    query_keys, gallery_keys = _codes(query_ids or (), gallery_ids or ())
    step = max(1, cells // len(gallery))
    for start in range(0, len(queries), step):
        rows = slice(start, min(start + step, len(queries)))
        similarities = queries[rows] @ gallery.T
        if len(query_keys) and len(gallery_keys):
            similarities[query_keys[rows, None] == gallery_keys] = -np.inf
        order = np.argsort(-similarities, axis=1, kind="stable")
        yield rows, order, np.take_along_axis(similarities, order, axis=1)


def score_queries(
    queries: np.ndarray,
    gallery: np.ndarray,
    *,
    query_labels: Sequence[str],
    gallery_labels: Sequence[str],
    query_ids: Sequence[str] | None = None,
    gallery_ids: Sequence[str] | None = None,
    cells: int = CELLS,
) -> QueryScores:
    """Score every query's ranking of the gallery: an answer is relevant where it has the query's label.

    Parameters
    ----------
    queries, gallery : float32 (n, d), (m, d)
        Unit rows.
    query_labels, gallery_labels : sequences of str
        One label a row.
    query_ids, gallery_ids, cells
        As in `rank`.

    Returns
    -------
    QueryScores
        One row a query. A query whose label the gallery lacks has 0 everywhere.

    Raises
    ------
    ValueError
        Labels and vectors do not match, or there are none.
    """
    _check(queries, query_labels, name="queries")
    _check(gallery, gallery_labels, name="gallery")
    wanted, offered = _codes(query_labels, gallery_labels)
    classes = int(max(wanted.max(), offered.max())) + 1
    columns: list[tuple[np.ndarray, ...]] = []
    ranking = rank(queries, gallery, query_ids=query_ids, gallery_ids=gallery_ids, cells=cells)
    for rows, order, similarities in ranking:
        found = offered[order]
        relevant = (found == wanted[rows, None]) & (similarities > -np.inf)
        guess = _vote(found[:, :NEIGHBOURS], similarities[:, :NEIGHBOURS], classes)
        precisions = (_precision(relevant, depth) for depth in (1, 5, 10))
        columns.append((*precisions, _average_precision(relevant), guess == wanted[rows]))
    joined = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    return QueryScores(np.asarray(query_labels, dtype=str), *joined)
