"""Sketches as queries: drawn outlines of the queries' garments must find photographs of their categories."""

import numpy as np

from training.catalogue.reader import Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.baselines import HOG_MASK, hog_of_mask
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table
from training.evaluation.sketches import sketch_of
from training.metrics import mark
from training.photo.encoder import Encoder
from training.photo.garment import Garment, isolate
from training.photo.parallel import in_order
from training.photo.sketch import read_sketch

KEY = "sketch"
TITLE = "Sketch: a drawn outline finds garments of its category"
COLUMNS = ("query", "P@10", "goal P@10", "macro P@10", "mAP")
GOAL = 0.50


def _read(source: tuple[Item, Garment, int]) -> tuple[Garment, Garment]:
    """Draw a garment, and read the drawing as a sketch and as a photograph."""
    item, garment, seed = source
    drawing = sketch_of(garment.mask, item_id=item.item_id, seed=seed)
    return read_sketch(drawing), isolate(drawing)


def _readings(queries: Photos, seed: int, processes: int | None) -> tuple[list[Garment], list[Garment]]:
    sources = [(item, garment, seed) for item, garment in zip(queries.items, queries.garments, strict=True)]
    read, taken = [], []
    for reading in in_order(_read, sources, processes=processes, progress="sketches", unit="sketch"):
        if isinstance(reading, UnreadableImage):
            raise reading
        read.append(reading[0])
        taken.append(reading[1])
    return read, taken


def _row(
    name: str,
    goal: float | None,
    vectors: tuple[np.ndarray, np.ndarray],
    sides: tuple[Photos, Photos],
) -> tuple[Cell, ...]:
    queries, gallery = sides
    scores = mark(
        *vectors,
        query_labels=queries.categories,
        gallery_labels=gallery.categories,
        query_ids=queries.ids,
        gallery_ids=gallery.ids,
    ).scores()
    return name, scores.p_at_10, goal, scores.macro_p_at_10, scores.map


def _drawable(queries: Photos) -> Photos:
    """Those with a category whose garment was found: of the others there is no outline to draw."""
    labelled = queries.labelled()
    found = [row for row, garment in enumerate(labelled.garments) if garment.found]
    if not found:
        raise TooFewImages(
            f"None of the {len(queries.items)} queries has a category and a garment that was found. "
            "Name a catalogue with a 'category' column and photographs of single garments."
        )
    return labelled.take(found)


def sketch(
    encoder: Encoder, gallery: Photos, queries: Photos, *, processes: int | None = None, seed: int = 0
) -> Table:
    """Draw the outline of every query by hand, as it were, and rank the photographs of the gallery for it.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        Those without a category are left out, and queries whose garment was not found. An item is not the
        answer to its own sketch.
    processes : int, optional
        Processes that draw and read; as many as there are cores, unless given.
    seed : int
        Draws the hand's errors; the same seed gives the same table.

    Returns
    -------
    Table
        The encoder on sketches read as sketches, and on sketches read as if they were photographs; HOG of
        the masks; and the encoder on the photographs that were drawn, which says what drawing costs.
    """
    ranked, asked = gallery.labelled(), _drawable(queries)
    read, taken = _readings(asked, seed, processes)
    known = encoder.embed_garments(ranked.garments)
    hogs, known_hogs = (
        np.stack([hog_of_mask(garment) for garment in garments]) for garments in (read, ranked.garments)
    )
    sides = asked, ranked
    rows = (
        _row(f"sketch, {HOG_MASK}", None, (hogs, known_hogs), sides),
        _row("sketch taken for a photograph, encoder", None, (encoder.embed_garments(taken), known), sides),
        _row("sketch, encoder", GOAL, (encoder.embed_garments(read), known), sides),
        _row("its photograph, encoder", None, (encoder.embed_garments(asked.garments), known), sides),
    )
    note = (
        f"{len(asked.items):,} sketches made from the queries' masks, {len(ranked.items):,} photographs in "
        f"the gallery; left out: {len(queries.items) - len(asked.items):,} queries without a category or "
        "without a garment that was found."
    )
    return Table(KEY, TITLE, COLUMNS, rows, note)
