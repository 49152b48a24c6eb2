"""Invariance: each query photograph, disturbed and cut out anew, must find its undisturbed twin again."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from training.catalogue.reader import Item
from training.errors import UnreadableImage
from training.evaluation.baselines import HOG_MASK, hog_of_mask
from training.evaluation.disturbances import BLUR, DISTURBANCES, NOISE, disturb
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, Garment, isolate, mask_in_photo
from training.photo.images import decode
from training.photo.orientation import QUARTERS, Orientation, choose, likely
from training.photo.segmenter import Segmenter, turn

KEY = "invariance"
TITLE = "Invariance: the disturbed photograph finds its undisturbed twin"
COLUMNS = ("disturbance", "R@1", f"R@1, {HOG_MASK}")

Way = tuple[Orientation, Garment]
"""A way in which a photograph may stand, and its main garment then."""


def _disturbed(
    query: tuple[Item, Garment, int], *, segmenter: Segmenter
) -> tuple[list[Garment], list[list[Way]]]:
    """Cut a photograph out again after each disturbance, and in all likely ways after each quarter turn."""
    item, garment, seed = query
    rgb = decode(item.path, size=WORKING_SIZE)
    mask = mask_in_photo(garment, height=rgb.shape[0], width=rgb.shape[1])
    views = [disturb(rgb, mask, each, item_id=item.item_id, seed=seed) for each in DISTURBANCES]
    turned = [turn(rgb, degrees) for degrees in QUARTERS]
    ways = [[(way, way.main(photo)) for way in likely(photo, segmenter)] for photo in turned]
    return [isolate(view, segmenter=segmenter) for view in views], ways


def _upright(ways: Sequence[Way], encoder: Encoder, known: np.ndarray) -> Way:
    """Choose how a photograph stands, as a search among `known`, float32 (n, d), does."""
    scores = encoder.embed_garments([garment for _, garment in ways]) @ known.T
    return ways[choose([way for way, _ in ways], scores.max(axis=1))]


def finds_twin(disturbed: np.ndarray, known: np.ndarray, twin: int) -> np.ndarray:
    """Return whether nothing is nearer than the twin, a row of `known`: (k, d) and (n, d) -> bool (k,)."""
    similarities = disturbed @ known.T
    return similarities[:, twin] >= similarities.max(axis=1)


def _hogs(garments: Sequence[Garment]) -> np.ndarray:
    return np.stack([hog_of_mask(garment) for garment in garments])


def _rows(ours: np.ndarray, hogs: np.ndarray) -> tuple[tuple[Cell, ...], ...]:
    """One row a disturbance, their mean, and one a quarter turn, from bool (queries, views) each."""
    shares = np.stack([ours.mean(axis=0), hogs.mean(axis=0)])
    quarters = (f"turned {degrees}°" for degrees in QUARTERS[1:])
    names = [*(each.name for each in DISTURBANCES), "mean", *quarters]
    disturbed, turned = np.split(shares, [len(DISTURBANCES)], axis=1)
    columns = [*disturbed.T, disturbed.mean(axis=1), *turned.T]
    return tuple((name, float(share), float(hog)) for name, (share, hog) in zip(names, columns, strict=True))


def invariance(
    encoder: Encoder, gallery: Photos, queries: Photos, *, processes: int | None = None, seed: int = 0
) -> Table:
    """Disturb every query in every way, and look for its twin among gallery and queries.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        Undisturbed; their categories play no part.
    processes : int, optional
        Processes that disturb and cut out; as many as there are cores, unless given.
    seed : int
        Draws colours, prints, logos and grounds; the same seed gives the same table.

    Returns
    -------
    Table
        A row for each disturbance, their mean, and one for each quarter turn: the share of queries whose
        nearest is their twin.
    """
    garments = [*gallery.garments, *queries.garments]
    known, known_hogs = encoder.embed_garments(garments), _hogs(garments)
    ours, hogs, wrongly, unsure = [], [], [], []
    sources = [(item, garment, seed) for item, garment in zip(queries.items, queries.garments, strict=True)]
    cut = partial(_disturbed, segmenter=encoder.segmenter)
    results = in_order(cut, sources, processes=processes, progress="disturbed queries")
    for twin, result in enumerate(results, start=len(gallery.garments)):
        if isinstance(result, UnreadableImage):
            raise result
        disturbed, (as_it_is, *turned) = result
        views = [*disturbed, *(_upright(ways, encoder, known)[1] for ways in turned)]
        ours.append(finds_twin(encoder.embed_garments(views), known, twin))
        hogs.append(finds_twin(_hogs(views), known_hogs, twin))
        wrongly.append(_upright(as_it_is, encoder, np.delete(known, twin, axis=0))[0].turned != 0)
        unsure.append(len(as_it_is) > 1)
    note = (
        f"{len(queries.items):,} queries, their twins among {len(garments):,} photographs; blur of "
        f"{BLUR:g} pixels and noise of deviation {NOISE:g}, at {WORKING_SIZE} pixels a side. Turned, zoomed "
        "and shifted pictures repeat their border. Quarter turns are to be recognised and undone, as a "
        "search does it; the mean is without them. Of the queries as they are, their twins left out, "
        f"{np.mean(wrongly):.1%} are taken for turned, and {np.mean(unsure):.1%} are searched several ways."
    )
    return Table(KEY, TITLE, COLUMNS, _rows(np.stack(ours), np.stack(hogs)), note)
