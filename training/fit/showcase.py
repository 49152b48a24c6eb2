"""The figures of an encoder bundle on real photographs, for people to judge it by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.config import from_dict
from training.figures import sheet
from training.figures.garment_sheet import garment_rows
from training.figures.history import curves
from training.figures.layers import feature_maps, kernels
from training.figures.result_sheet import Answered, Shown, result_sheet
from training.fit.dataset import Dataset
from training.fit.walk import activations
from training.model import bundle
from training.photo.encoder import Encoder
from training.photo.images import decode
from training.retrieval_metrics import rank, score_queries

ROWS = 6
ANSWERS = 6

_LOSSES = ("loss", "reconstruction", "invariance", "category")


def draw_curves(history: Sequence[dict[str, Any]], out: Path) -> Path:
    """Plot the losses and retrieval scores of a run's history to `curves.png` and return its path."""
    names = {name for record in history for name in record} - {"epoch", "seconds"}
    series = {
        (f"{name} loss" if name in _LOSSES[1:] else name): [record.get(name, np.nan) for record in history]
        for name in sorted(names)
    }
    path = out / "curves.png"
    sheet.save(curves(series, best="val_p_at_10"), path)
    return path


def _photo(dataset: Dataset, row: int) -> np.ndarray:
    return decode(dataset.items[row].path, size=320)


def _shown(dataset: Dataset, row: int, **more: Any) -> Shown:
    return Shown(image=_photo(dataset, row), label=dataset.items[row].category or "", **more)


def _answered(encoder: Encoder, gallery: Dataset, queries: Dataset) -> list[Answered]:
    ids = [[item.item_id for item in part.items] for part in (queries, gallery)]
    vectors = [encoder.embed_cutouts(part.cutouts) for part in (queries, gallery)]
    found = []
    for rows, order, similarities in rank(*vectors, query_ids=ids[0], gallery_ids=ids[1]):
        for row, best, scores in zip(range(*rows.indices(len(ids[0]))), order, similarities, strict=True):
            category = queries.items[row].category
            answers = tuple(
                _shown(
                    gallery,
                    int(i),
                    score=float(score),
                    right=None if category is None else gallery.items[int(i)].category == category,
                )
                for i, score in zip(best[:ANSWERS], scores[:ANSWERS], strict=True)
            )
            found.append(Answered(query=_shown(queries, row), answers=answers))
    return found


def _varied(dataset: Dataset, count: int, *, seed: int = 3) -> Dataset:
    """Sample rows at random, one of each category before the second of any."""
    order = np.random.default_rng(seed).permutation(len(dataset.items))
    seen: dict[str | None, int] = {}
    turn = []
    for row in order:
        category = dataset.items[row].category
        seen[category] = seen.get(category, 0) + 1
        turn.append(seen[category])
    return dataset.take(order[np.argsort(turn, kind="stable")][:count])


def _failing(encoder: Encoder, gallery: Dataset, queries: Dataset) -> Dataset:
    """Sample from the tenth of the queries with the lowest average precision by category."""
    asked, searched = (
        part.take(np.flatnonzero([item.category is not None for item in part.items]))
        for part in (queries, gallery)
    )
    if not asked.items or not searched.items:
        return asked.take(np.arange(0))
    scored = score_queries(
        *(encoder.embed_cutouts(part.cutouts) for part in (asked, searched)),
        query_labels=[str(item.category) for item in asked.items],
        gallery_labels=[str(item.category) for item in searched.items],
        query_ids=[item.item_id for item in asked.items],
        gallery_ids=[item.item_id for item in searched.items],
    )
    worst = np.argsort(scored.average_precision, kind="stable")
    return _varied(asked.take(worst[: max(ROWS, len(worst) // 10)]), ROWS)


def draw_figures(folder: Path, *, gallery: Dataset, queries: Dataset, out: Path) -> list[Path]:
    """Draw what the encoder of a bundle sees, what it has learned and what it finds.

    Parameters
    ----------
    folder : Path
        The bundle.
    gallery, queries : Dataset
        A few queries of different categories are sampled from `queries` and searched for in `gallery`, by
        their shapes alone; a query that is in the gallery, too, is not its own answer.
    out : Path
        Folder of `garments.png`, `results.png`, `kernels.png` and `feature_maps.png`; where there are
        categories also of `failures.png`, the queries with the worst results.

    Returns
    -------
    paths : list of Path

    Raises
    ------
    UnreadableEncoder, EncoderMismatch
        The bundle is damaged or its weights are missing.
    """
    encoder = Encoder.load(folder)
    model = bundle.restore(folder, from_dict(encoder.description["config"]))
    chosen = _varied(queries, ROWS)
    seen = model(chosen.cutouts, training=False)
    edges = np.asarray(model.clean_edges(chosen.cutouts))
    photos = [_photo(chosen, row) for row in range(len(chosen.items))]
    weights = next(np.asarray(w) for w in model.trunk.weights if len(w.shape) == 4)
    drawn = {
        "garments": garment_rows(photos, chosen.cutouts, edges, np.asarray(seen["reconstruction"])),
        "results": result_sheet(_answered(encoder, gallery, chosen)),
        "kernels": kernels(weights),
        "feature_maps": feature_maps(activations(model, edges[0]), edges[0]),
    }
    failing = _failing(encoder, gallery, queries)
    if failing.items:
        drawn["failures"] = result_sheet(_answered(encoder, gallery, failing))
    for name, figure in drawn.items():
        sheet.save(figure, out / f"{name}.png")
    return [out / f"{name}.png" for name in drawn]
