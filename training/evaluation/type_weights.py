"""How much types are to count beside shapes: searches with what was held out, by the weight of types."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.catalogue.reader import Catalogue, Item
from training.evaluation.photos import ENCODER, Photos, Side, read_photos
from training.evaluation.retrieval import row
from training.evaluation.score_table import Cell, Table
from training.evaluation.worn_search import cut_out_worn
from training.fit.dataset import held_out
from training.photo.encoder import Encoder, with_types
from training.photo.garment import Garment

KEY = "types"
TITLE = "Weight of types"
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
SCORES = ("P@10", "macro P@10", "mAP")


class _Described:
    """Garments with a category, and the vectors of their shapes, float32 (n, k)."""

    def __init__(self, encoder: Encoder, items: tuple[Item, ...], garments: tuple[Garment, ...]) -> None:
        self._items, self._garments = items, garments
        self._shapes = encoder.embed_cutouts(np.stack([garment.cutout for garment in garments]))

    def side(self, weight: float) -> Side:
        """Return them by vectors in which types have a weight."""
        return Side(self._items, {ENCODER: with_types(self._shapes, self._garments, weight)}, 0, 0)


def _photos(encoder: Encoder, photos: Photos) -> _Described:
    labelled = photos.labelled()
    return _Described(encoder, labelled.items, labelled.garments)


def type_weights(
    encoder: Encoder,
    catalogue: Catalogue,
    gallery: Photos,
    *,
    parsed: Catalogue | None = None,
    processes: int | None = None,
) -> Table:
    """Score searches by each of `WEIGHTS`.

    Parameters
    ----------
    encoder : Encoder
    catalogue : Catalogue
        What it was trained on: the tenth that was held out is searched for among the rest.
    gallery : Photos
        Of the catalogue, as an index cuts them out.
    parsed : Catalogue, optional
        Photographs of people, whose held-out garments are searched for in all of the gallery.
    processes : int, optional
        Worker processes; as many as there are cores, unless given.

    Raises
    ------
    TooFewImages
        Nothing is left to search for.
    """
    rows = held_out(len(gallery.items), seed=encoder.description["config"]["seed"])
    apart = replace(catalogue, items=tuple(gallery.items[at] for at in rows))
    asked = read_photos(apart, segmenter=encoder.segmenter, processes=processes, progress="held out")
    others = gallery.take(np.setdiff1d(np.arange(len(gallery.items)), rows).tolist())
    searches = {"laid out": (_photos(encoder, asked), _photos(encoder, others))}
    note = "Laid out: the tenth of the gallery that the training has held out, among the rest."
    if parsed is not None:
        categories = set(gallery.labelled().categories)
        items, _, own = cut_out_worn(parsed, categories, segmenter=encoder.segmenter, processes=processes)
        searches["worn"] = _Described(encoder, items, tuple(own)), _photos(encoder, gallery)
        source = Path(parsed.source).name
        note += f" Worn: held-out garments of {source}, by the segmenter's masks, among the gallery."
    table: list[tuple[Cell, ...]] = []
    for weight in WEIGHTS:
        cells: list[Cell] = []
        for queries, ranked in searches.values():
            scores = row(ENCODER, ranked.side(weight), queries.side(weight)).scores
            cells += [scores.p_at_10, scores.macro_p_at_10, scores.map]
        table.append((f"{weight:g}", *cells))
    columns = ("weight", *(f"{name}, {score}" for name in searches for score in SCORES))
    return Table(KEY, TITLE, columns, tuple(table), note)
