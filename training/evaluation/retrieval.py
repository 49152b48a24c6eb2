"""Category retrieval: each query ranks the gallery by cosine, and an answer is right if of its category."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.catalogue.reader import Catalogue
from training.evaluation.baselines import CHANCE, HOG_MASK
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table, grid
from training.evaluation.side import ENCODER, Side, read_side, side_of
from training.metrics import SCORE_NAMES, Scores, mark
from training.photo.encoder import Encoder

GALLERY_SEED, QUERY_SEED = 1, 2
GOALS = {
    False: {"p_at_10": 0.66, "macro_p_at_10": 0.58, "map": 0.48},
    True: {"p_at_10": 0.82, "macro_p_at_10": 0.78, "map": 0.74},
}
"""The project's goals on the clothing photographs, by whether training saw categories."""


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
    marks = mark(
        queries.vectors[descriptor],
        gallery.vectors[descriptor],
        query_labels=queries.categories,
        gallery_labels=gallery.categories,
        query_ids=queries.ids,
        gallery_ids=gallery.ids,
    )
    return Row(
        descriptor=descriptor,
        scores=marks.scores(),
        p_at_10_by_category=marks.p_at_10_by_label(),
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


def _cells(row: Row, goals: dict[str, float] | None) -> tuple[Cell, ...]:
    cells: list[Cell] = [row.descriptor]
    for field in SCORE_NAMES:
        cells.append(float(getattr(row.scores, field)))
        if goals is not None and field in GOALS[True]:
            cells.append(goals.get(field))
    return tuple(cells)


def _columns(*, goals: bool) -> tuple[str, ...]:
    columns = ["descriptor"]
    for field, name in SCORE_NAMES.items():
        columns += [name, f"goal {name}"] if goals and field in GOALS[True] else [name]
    return tuple(columns)


def _left_out(row: Row) -> str:
    return (
        f"{row.scores.n_queries:,} queries, {row.gallery:,} gallery items; left out: "
        f"{row.uncategorised:,} without a category, {row.unreadable:,} unreadable."
    )


def _supervised(encoder: Encoder) -> bool:
    return bool(encoder.description.get("trained_on", {}).get("supervision"))


def tabulate(rows: Sequence[Row], *, key: str, title: str, encoder: Encoder) -> Table:
    """Return scores as a table, with the goals of its kind of training beside the encoder's.

    Parameters
    ----------
    rows : sequence of Row
    key, title : str
        The table's.
    encoder : Encoder
        The goals depend on whether it was trained with categories.
    """
    supervised = _supervised(encoder)
    cells = [_cells(row, GOALS[supervised] if row.descriptor == ENCODER else {}) for row in rows]
    note = (
        "An answer is right if it has the query's category. The goals are those for training "
        f"{'with' if supervised else 'without'} categories. {_left_out(rows[0])}"
    )
    return Table(key, title, _columns(goals=True), tuple(cells), note)


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
        side_of(encoder, gallery, name="gallery", seed=GALLERY_SEED),
        side_of(encoder, queries, name="queries", seed=QUERY_SEED),
    )


def retrieval(encoder: Encoder, gallery: Photos, queries: Photos) -> list[Table]:
    """Examine category retrieval on photographs.

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
    title = "Category retrieval on photographs"
    return [
        tabulate(rows, key="retrieval", title=title, encoder=encoder),
        _by_category(rows[-1], asked),
    ]


def evaluate(
    encoder: Encoder,
    gallery: Catalogue,
    queries: Catalogue,
    *,
    baselines: bool = True,
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
    processes : int, optional
        Processes that read photographs; as many as there are cores, unless given.

    Returns
    -------
    list of Row
        The baselines, then the encoder.

    Raises
    ------
    TooFewImages
        No item of the gallery, or of the queries, takes part.
    """
    options: dict[str, Any] = {"baselines": baselines, "processes": processes}
    ranked = read_side(encoder, gallery, name="gallery", seed=GALLERY_SEED, **options)
    asked = read_side(encoder, queries, name="queries", seed=QUERY_SEED, **options)
    names = sorted(asked.vectors, key=lambda name: name == ENCODER)
    return [row(name, ranked, asked) for name in names]


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with what took part and what was left out below it."""
    cells = tuple(_cells(row, None) for row in rows)
    return f"{grid(Table('retrieval', '', _columns(goals=False), cells))}\n\n{_left_out(rows[0])}"


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON, scores at full precision, the encoder's with its P@10 of each category."""
    return json.dumps({"results": [_result(row) for row in rows]}, indent=2)
