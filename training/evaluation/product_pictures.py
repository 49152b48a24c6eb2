"""Category retrieval on Fashion-MNIST: 60,000 product pictures, uint8 (28, 28), are asked for by 10,000."""

from functools import partial
from pathlib import Path

import numpy as np

from training.catalogue.fashion_mnist import CLASSES, read_split
from training.errors import UnreadableCatalogue
from training.evaluation.baselines import CHANCE, HOG_MASK, Reading, chance, hog_of_mask
from training.evaluation.photos import ENCODER, embed_readings
from training.evaluation.score_table import Table
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import isolate
from training.photo.segmenter import Segmenter
from training.retrieval_metrics import Scores, score_queries

KEY = "fashion-mnist"
TITLE = "Category retrieval on Fashion-MNIST"
FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""

SHARES = {"train": 1, "test": 6}  # the gallery, and a sixth as many queries
FRAME = 4  # pixels of black around a picture, whose garment else touches the border
COLUMNS = ("descriptor", "P@10", "macro P@10", "mAP", "10-NN accuracy")


def _read(picture: np.ndarray, *, segmenter: Segmenter) -> Reading:
    garment = isolate(np.dstack([np.pad(picture, FRAME)] * 3), segmenter=segmenter)
    return Reading(garment, {HOG_MASK: hog_of_mask(garment)}, picture)


def _vectors(
    encoder: Encoder, pictures: np.ndarray, *, name: str, seed: int, processes: int | None
) -> dict[str, np.ndarray]:
    label = f"Fashion-MNIST {name}"
    read = partial(_read, segmenter=encoder.segmenter)
    results = in_order(read, list(pictures), processes=processes, progress=label, unit="picture")
    readings = (result for result in results if isinstance(result, Reading))
    return {CHANCE: chance(len(pictures), seed=seed), **embed_readings(encoder, readings)}


def _row(name: str, scores: Scores) -> tuple[str | float | None, ...]:
    return name, scores.p_at_10, scores.macro_p_at_10, scores.map, scores.knn_accuracy


def _evaluated(encoder: Encoder, folder: Path, limit: int | None, processes: int | None) -> Table:
    labels: dict[str, list[str]] = {}
    vectors: dict[str, dict[str, np.ndarray]] = {}
    for seed, (split, share) in enumerate(SHARES.items()):
        images, numbers = read_split(folder, split)
        count = len(images) if limit is None else max(1, limit // share)
        labels[split] = [CLASSES[number] for number in numbers[:count]]
        vectors[split] = _vectors(encoder, images[:count], name=split, seed=seed, processes=processes)
    rows = []
    for name in (CHANCE, HOG_MASK, ENCODER):
        asked, ranked = vectors["test"][name], vectors["train"][name]
        scored = score_queries(asked, ranked, query_labels=labels["test"], gallery_labels=labels["train"])
        rows.append(_row(name, scored.scores()))
    note = (
        f"{len(labels['test']):,} queries (the test split), {len(labels['train']):,} gallery pictures (the "
        f"train split), each with a frame of {FRAME} black pixels, cut out as a photograph is."
    )
    return Table(KEY, TITLE, COLUMNS, tuple(rows), note)


def product_pictures(
    encoder: Encoder, *, folder: Path = FOLDER, limit: int | None = None, processes: int | None = None
) -> Table:
    """Evaluate category retrieval on Fashion-MNIST, or say that it is not there.

    Parameters
    ----------
    encoder : Encoder
    folder : Path
        Of the four IDX files.
    limit : int, optional
        Take only the first so many of the gallery, and a sixth as many queries.
    processes : int, optional
        Worker processes; all cores without it.

    Returns
    -------
    Table
        Chance, HOG of the mask and the encoder; no rows where the files are missing, as the note says.
    """
    try:
        return _evaluated(encoder, folder, limit, processes)
    except UnreadableCatalogue as error:
        return Table(KEY, TITLE, COLUMNS, (), f"Not evaluated: {error}")
