"""Category retrieval: each query ranks the gallery by cosine, and an answer is right if of its category."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.catalogue.reader import Catalogue
from training.evaluation.baselines import CHANCE, HOG_MASK
from training.evaluation.photos import ENCODER, GALLERY, SHIPPED, Photos, Side, read_side, side_of
from training.evaluation.score_table import Table
from training.photo.encoder import Encoder
from training.retrieval_metrics import SCORE_NAMES, Scores, score_queries

GALLERY_SEED, QUERY_SEED = 1, 2
ABOUT = "An answer is right if it has the query's category. "


@dataclass(frozen=True)
class Row:
    """What one descriptor achieved.

    Parameters
    ----------
    descriptor : str
        Its name; ours is "encoder".
    scores : Scores
    p_at_10_by_category : dict
        Mean P@10 of each category's queries.
    gallery : int
        Items that were ranked.
    uncategorised, unreadable : int
        Items of gallery and queries left out because they have no category, or no readable photograph.
    """

    descriptor: str
    scores: Scores
    p_at_10_by_category: dict[str, float]
    gallery: int
    uncategorised: int
    unreadable: int


def row(descriptor: str, gallery: Side, queries: Side) -> Row:
    """Score one of the descriptors that both sides have."""
    scored = score_queries(
        queries.vectors[descriptor],
        gallery.vectors[descriptor],
        query_labels=queries.categories,
        gallery_labels=gallery.categories,
        query_ids=queries.ids,
        gallery_ids=gallery.ids,
    )
    return Row(
        descriptor=descriptor,
        scores=scored.scores(),
        p_at_10_by_category=scored.p_at_10_by_label(),
        gallery=len(gallery.items),
        uncategorised=gallery.uncategorised + queries.uncategorised,
        unreadable=gallery.unreadable + queries.unreadable,
    )


def _result(row: Row) -> dict[str, Any]:
    scores = asdict(row.scores)
    result = {"descriptor": row.descriptor, **{field: scores[field] for field in SCORE_NAMES}}
    result |= {"queries": row.scores.n_queries, "gallery": row.gallery}
    result |= {"uncategorised": row.uncategorised, "unreadable": row.unreadable}
    if row.descriptor == ENCODER:
        result["p_at_10_by_category"] = row.p_at_10_by_category
    return result


def _left_out(row: Row) -> str:
    return (
        f"{row.scores.n_queries:,} queries, {row.gallery:,} gallery items; left out: "
        f"{row.uncategorised:,} without a category, {row.unreadable:,} unreadable."
    )


def tabulate(rows: Sequence[Row], *, key: str = "retrieval", title: str = "", about: str = "") -> Table:
    """Return scores as a table, with what took part and what was left out in its note.

    Parameters
    ----------
    rows : sequence of Row
    key, title : str
        The table's.
    about : str
        What the note says first.
    """
    cells = tuple((row.descriptor, *(getattr(row.scores, field) for field in SCORE_NAMES)) for row in rows)
    return Table(key, title, ("descriptor", *SCORE_NAMES.values()), cells, f"{about}{_left_out(rows[0])}")


def _by_category(row: Row, queries: Side) -> Table:
    counts = {name: queries.categories.count(name) for name in row.p_at_10_by_category}
    cells = tuple((name, counts[name], score) for name, score in row.p_at_10_by_category.items())
    return Table(
        "retrieval-by-category",
        "Category retrieval: the encoder in each category",
        ("category", "queries", "P@10"),
        cells,
    )


def sides(encoder: Encoder, gallery: Photos, queries: Photos) -> tuple[Side, Side]:
    """Describe gallery and queries by chance, by the encoder and by the photographs' own descriptors."""
    return (
        side_of(encoder, gallery, name=GALLERY, seed=GALLERY_SEED),
        side_of(encoder, queries, name="queries", seed=QUERY_SEED),
    )


def retrieval(encoder: Encoder, gallery: Photos, queries: Photos) -> list[Table]:
    """Evaluate category retrieval on photographs.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        With their descriptors. Items without a category are left out and counted; a query that stands in
        the gallery, by its id, is not its own answer.

    Returns
    -------
    list of Table
        Chance, HOG of the mask and the encoder; then the encoder's P@10 in each category.
    """
    ranked, asked = sides(encoder, gallery, queries)
    rows = [row(name, ranked, asked) for name in (CHANCE, HOG_MASK, ENCODER) if name in asked.vectors]
    return [
        tabulate(rows, title="Category retrieval on photographs", about=ABOUT),
        _by_category(rows[-1], asked),
    ]


def evaluate(
    encoder: Encoder,
    gallery: Catalogue,
    queries: Catalogue,
    *,
    baselines: bool = True,
    shipped: Encoder | None = None,
    processes: int | None = None,
) -> list[Row]:
    """Rank the gallery for every query by each descriptor, and score the answers by category.

    Photographs are embedded as they are read and not kept, so a gallery may be larger than memory.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Catalogue
        Items without a category are left out, and so are those whose photograph cannot be read; both are
        counted in the rows. A query that stands in the gallery, by its id, is not its own answer.
    baselines : bool
        Whether to score the baselines, too: random vectors for chance, and the descriptors of
        `training.evaluation.baselines`.
    shipped : Encoder, optional
        The encoder that ships, to score it, too.
    processes : int, optional
        Processes that read photographs; as many as there are cores, unless given.

    Returns
    -------
    list of Row
        The baselines, the encoder that ships, then the encoder.

    Raises
    ------
    TooFewImages
        No item of the gallery, or of the queries, takes part.
    """

    def scored(judged: Encoder, baselines: bool) -> dict[str, Row]:
        options: dict[str, Any] = {"baselines": baselines, "processes": processes}
        ranked = read_side(judged, gallery, name=GALLERY, seed=GALLERY_SEED, **options)
        asked = read_side(judged, queries, name="queries", seed=QUERY_SEED, **options)
        return {name: row(name, ranked, asked) for name in asked.vectors}

    rows = scored(encoder, baselines)
    beside = [replace(scored(shipped, False)[ENCODER], descriptor=SHIPPED)] if shipped else []
    ours = rows.pop(ENCODER)
    return [*rows.values(), *beside, ours]


def beside_shipped(rows: Sequence[Row]) -> str | None:
    """Say in a line how the encoder compares with the one that ships; None where that was not scored."""
    scores = {row.descriptor: row.scores for row in rows}
    if SHIPPED not in scores:
        return None
    own, theirs = (scores[name].p_at_10 for name in (ENCODER, SHIPPED))
    figures = f"P@10 {own:.3f}; the encoder that ships has {theirs:.3f} on the same photographs."
    if own >= theirs:
        return f"This encoder is at least as good here: {figures}"
    return (
        f"This encoder is WORSE here: {figures} Do not index with it. Train on from the one that ships: "
        "python -m training fit --init training/pretrained"
    )


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON, scores at full precision, the encoder's with its P@10 of each category."""
    return json.dumps({"results": [_result(row) for row in rows]}, indent=2)
