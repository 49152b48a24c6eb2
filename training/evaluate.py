"""The examination: an encoder beside the baselines, on one gallery and one set of queries with categories."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from training.baselines import CHANCE, Reading, chance, read_all
from training.catalogue import Catalogue, Item
from training.encoder import Encoder
from training.errors import TooFewImages, UnreadableImage
from training.metrics import SCORE_NAMES, Scores, mark

ENCODER = "encoder"
BATCH = 256  # cut-outs held at once before they are embedded
GALLERY_SEED, QUERY_SEED = 1, 2


@dataclass(frozen=True)
class Side:
    """The gallery's or the queries' items that take part, described.

    Parameters
    ----------
    items : tuple of Item
        Those with a category and a readable photograph.
    vectors : dict
        Float32 (n, d) with unit rows by descriptor, one row an item.
    uncategorised, unreadable : int
        Items left out because they have no category, or no readable photograph.
    """

    items: tuple[Item, ...]
    vectors: dict[str, np.ndarray]
    uncategorised: int
    unreadable: int

    @property
    def ids(self) -> list[str]:
        """The items' ids."""
        return [item.item_id for item in self.items]

    @property
    def categories(self) -> list[str]:
        """The items' categories."""
        return [str(item.category) for item in self.items]


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


def _readings(
    items: list[Item], *, name: str, baselines: bool, processes: int | None
) -> Iterator[tuple[Item, Reading]]:
    """Yield the items whose photographs can be read, in order, with what was read."""
    readings = read_all([item.path for item in items], described=baselines, processes=processes)
    pairs = zip(items, readings, strict=True)
    for item, reading in tqdm(pairs, desc=name, total=len(items), unit="photo", disable=None):
        if not isinstance(reading, UnreadableImage):
            yield item, reading


def _batches(readings: Iterator[tuple[Item, Reading]]) -> Iterator[list[tuple[Item, Reading]]]:
    while batch := list(islice(readings, BATCH)):
        yield batch


def _check(items: list[Item], catalogue: Catalogue, *, name: str, wanted: str) -> None:
    if not items:
        raise TooFewImages(
            f"None of the {len(catalogue.items)} items of the {name} {catalogue.source!r} has {wanted}. "
            "Name a catalogue with a 'category' column, or a folder with one subfolder a category."
        )


def _describe(
    encoder: Encoder, catalogue: Catalogue, *, name: str, seed: int, baselines: bool, processes: int | None
) -> Side:
    """Embed a catalogue's labelled items, a batch of cut-outs at a time, beside their baselines."""
    labelled = [item for item in catalogue.items if item.category is not None]
    _check(labelled, catalogue, name=name, wanted="a category")
    kept: list[Item] = []
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    readings = _readings(labelled, name=name, baselines=baselines, processes=processes)
    for batch in _batches(readings):
        kept += [item for item, _ in batch]
        columns[ENCODER] += [encoder.embed_garments([reading.garment for _, reading in batch])]
        for descriptor in batch[0][1].descriptors:
            columns[descriptor] += [np.stack([reading.descriptors[descriptor] for _, reading in batch])]
    _check(kept, catalogue, name=name, wanted="a category and a readable photograph")
    vectors = {CHANCE: chance(len(kept), seed=seed)} if baselines else {}
    vectors |= {descriptor: np.concatenate(columns.pop(descriptor)) for descriptor in [*columns]}
    return Side(tuple(kept), vectors, len(catalogue.items) - len(labelled), len(labelled) - len(kept))


def _row(descriptor: str, gallery: Side, queries: Side) -> Row:
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


def _cells(row: Row) -> list[str]:
    return [row.descriptor, *(f"{getattr(row.scores, field):.3f}" for field in SCORE_NAMES)]


def _result(row: Row) -> dict[str, Any]:
    scores = asdict(row.scores)
    result = {"descriptor": row.descriptor, **{field: scores[field] for field in SCORE_NAMES}}
    result |= {"queries": row.scores.n_queries, "gallery": row.gallery}
    result |= {"uncategorised": row.uncategorised, "unreadable": row.unreadable}
    if row.descriptor == ENCODER:
        result["p_at_10_by_category"] = row.p_at_10_by_category
    return result


def evaluate(
    encoder: Encoder,
    gallery: Catalogue,
    queries: Catalogue,
    *,
    baselines: bool = True,
    processes: int | None = None,
) -> list[Row]:
    """Rank the gallery for every query by each descriptor, and score the answers by category.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Catalogue
        Items without a category are left out, and so are those whose photograph cannot be read; both are
        counted in the rows. A query that stands in the gallery, by its id, is not its own answer.
    baselines : bool
        Whether to score the baselines, too: random vectors for chance, and the descriptors of
        `training.baselines`.
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
    ranked = _describe(encoder, gallery, name="gallery", seed=GALLERY_SEED, **options)
    asked = _describe(encoder, queries, name="queries", seed=QUERY_SEED, **options)
    names = sorted(asked.vectors, key=lambda name: name == ENCODER)
    return [_row(name, ranked, asked) for name in names]


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with what took part and what was left out below it."""
    first = rows[0]
    lines = [["descriptor", *SCORE_NAMES.values()], ["---", *["---:"] * len(SCORE_NAMES)], *map(_cells, rows)]
    table = [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join(
        [
            *table,
            "",
            f"{first.scores.n_queries:,} queries, {first.gallery:,} gallery items; left out: "
            f"{first.uncategorised:,} without a category, {first.unreadable:,} unreadable.",
        ]
    )


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON, scores at full precision, the encoder's with its P@10 of each category."""
    return json.dumps({"results": [_result(row) for row in rows]}, indent=2)
