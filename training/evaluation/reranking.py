"""Re-ranking by alignment: the first answers, ordered anew by how well the query's garment lies on theirs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from training.alignment.registration import COARSE, best_cosines, channels, smaller
from training.catalogue.reader import Catalogue, Item
from training.errors import UnreadableImage
from training.evaluation.disturbances import DISTURBANCES, disturb
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table
from training.evaluation.worn_search import cut_out_worn
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, Garment, encoder_input, isolate, mask_in_photo
from training.photo.images import decode
from training.photo.segmenter import Segmenter
from training.retrieval_metrics import score_queries

HEAD = 100
"""Answers that are ranked anew."""

WEIGHTS = (0.05, 0.1, 0.2, 0.4)
TWINS_EVERY = 4
"""One in so many queries is disturbed, in every way."""

_BATCH = 64


@dataclass(frozen=True)
class _Side:
    """Garments, by embedding, float32 (n, d), and by small maps, float32 (n, 3, 32, 32)."""

    vectors: np.ndarray
    maps: np.ndarray


def _side(encoder: Encoder, garments: Sequence[Garment]) -> _Side:
    """Describe garments."""
    cutouts = np.stack([garment.cutout for garment in garments])
    parts = [
        smaller(channels(encoder_input(cutouts[at : at + _BATCH])), COARSE)
        for at in range(0, len(cutouts), _BATCH)
    ]
    return _Side(encoder.embed_garments(garments), np.concatenate(parts))


class _Ranking:
    """The similarities of queries and gallery, and how well the first of each query are aligned."""

    def __init__(self, queries: _Side, gallery: _Side) -> None:
        self._similarities = queries.vectors @ gallery.vectors.T
        self._head = np.argsort(-self._similarities, axis=1, kind="stable")[:, :HEAD]
        started = time.process_time()
        pairs = zip(queries.maps, self._head, strict=True)
        self._aligned = np.stack([best_cosines(gallery.maps[head], maps) for maps, head in pairs])
        self.milliseconds = (time.process_time() - started) * 1000 / len(queries.maps)

    def similarities(self, weight: float | None) -> np.ndarray:
        """Return similarities that order the first anew, float (n, m); by alignment alone for None."""
        rows = np.arange(len(self._head))[:, None]
        anew = self._similarities.copy()
        cosines = 0 if weight is None else anew[rows, self._head]
        anew[rows, self._head] = 2 + cosines + (1 if weight is None else weight) * self._aligned
        return anew


def _disturbed(query: tuple[Item, Garment], *, segmenter: Segmenter) -> list[Garment]:
    """Cut a photograph out again after each disturbance."""
    item, garment = query
    rgb = decode(item.path, size=WORKING_SIZE)
    mask = mask_in_photo(garment, height=rgb.shape[0], width=rgb.shape[1])
    views = [disturb(rgb, mask, each, item_id=item.item_id, seed=0) for each in DISTURBANCES]
    return [isolate(view, segmenter=segmenter) for view in views]


def _twins(encoder: Encoder, queries: Photos, processes: int | None) -> tuple[list[Garment], np.ndarray]:
    """Return disturbed garments, and the row among the queries of each one's twin, int64 (n,)."""
    chosen = range(0, len(queries.items), TWINS_EVERY)
    sources = [(queries.items[row], queries.garments[row]) for row in chosen]
    cut = partial(_disturbed, segmenter=encoder.segmenter)
    views: list[Garment] = []
    for result in in_order(cut, sources, processes=processes, progress="disturbed queries"):
        if isinstance(result, UnreadableImage):
            raise result
        views += result
    return views, np.repeat(list(chosen), len(DISTURBANCES))


def _scores(similarities: np.ndarray, asked: Sequence[str], known: Sequence[str]) -> tuple[float, float]:
    """Return P@10 and mAP of similarities, float (n, m), by the labels of queries and gallery."""
    every = np.eye(similarities.shape[1], dtype=np.float32)  # of which similarities are inner products
    scored = score_queries(similarities, every, query_labels=asked, gallery_labels=known).scores()
    return scored.p_at_10, scored.map


def reranking(
    encoder: Encoder,
    gallery: Photos,
    queries: Photos,
    *,
    parsed: Catalogue | None = None,
    processes: int | None = None,
) -> Table:
    """Score rankings whose first answers are ordered anew by how well the garments can be aligned.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        Without a category, items are left out.
    parsed : Catalogue, optional
        Photographs of people, whose held-out garments are searched for in the gallery, too.
    processes : int, optional
        Worker processes; as many as there are cores, unless given.

    Returns
    -------
    Table
        A row for the encoder alone, for each weight of alignment beside it, and for alignment alone.
    """
    known, asked = gallery.labelled(), queries.labelled()
    ranked, ours = _side(encoder, known.garments), _side(encoder, asked.garments)
    views, twins = _twins(encoder, asked, processes)
    everything = _Side(
        np.concatenate([ours.vectors, ranked.vectors]), np.concatenate([ours.maps, ranked.maps])
    )
    searches = [(_Ranking(ours, ranked), asked.categories)]
    if parsed is not None:
        items, _, worn = cut_out_worn(
            parsed, set(known.categories), segmenter=encoder.segmenter, processes=processes
        )
        searches.append((_Ranking(_side(encoder, worn), ranked), [str(item.category) for item in items]))
    disturbed = _Ranking(_side(encoder, views), everything)
    rows = []
    for weight in (0.0, *WEIGHTS, None):
        cells: list[Cell] = []
        for ranking, labels in searches:
            cells += _scores(ranking.similarities(weight), labels, known.categories)
        found = disturbed.similarities(weight)
        cells += [None] * (4 - len(cells))
        cells.append(float((found[np.arange(len(twins)), twins] >= found.max(axis=1)).mean()))
        name = "alignment alone" if weight is None else f"{weight:g} of alignment" if weight else "encoder"
        rows.append((name, *cells))
    note = (
        f"The first {HEAD} of {len(known.items):,} gallery items are ordered anew by the cosine of the "
        "embeddings and a share of the highest cosine of outline, lines and mask, shifted and scaled, at "
        f"{COARSE} x {COARSE} pixels: {searches[0][0].milliseconds:.1f} ms of CPU a query, maps at hand. "
        f"{len(asked.items):,} queries; twins are those of one in {TWINS_EVERY} after {len(DISTURBANCES)} "
        "disturbances, among gallery and queries."
    )
    columns = ("ranking", "P@10", "mAP", "worn P@10", "worn mAP", "twins R@1")
    return Table("alignment", "Re-ranking by alignment", columns, tuple(rows), note)
