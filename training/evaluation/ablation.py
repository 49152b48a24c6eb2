"""Ablation: each part of the encoder's training left out in turn, trained shortly and alike, and scored.

Every variant trains from scratch on the gallery's cut-outs for a few epochs, with the same seed and without
choosing among epochs. What it gave, float32 (n, d) for gallery and queries, is kept in the cache.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training import device
from training.config import DEFAULT, Config
from training.evaluation.photos import Photos, Side, whole_photo
from training.evaluation.retrieval import Row, row
from training.evaluation.score_table import Cell, Table
from training.files import write_atomically
from training.fit.batches import Batches
from training.fit.dataset import Dataset
from training.fit.loop import compiled
from training.fit.monitor import Progress
from training.model import bundle
from training.model.autoencoder import Autoencoder
from training.model.discriminant import learn_head
from training.parallel import in_order
from training.progress import progress_bar

EPOCHS = 8
VECTORS_FILE = "vectors.npz"
SETTINGS_FILE = "settings.json"
CHECKPOINT = "checkpoint"
COLUMNS = ("left out", "P@10", "change", "macro P@10", "mAP", "10-NN accuracy")


@dataclass(frozen=True)
class Variant:
    """Training with something left out.

    Parameters
    ----------
    name : str
        What is left out.
    changes : mapping
        Fields of `Config` that differ.
    categories : bool
        Whether garments of one category are pulled together.
    cut_out : bool
        Whether the encoder sees the cut-out, or the whole photograph as if all of it were garment.
    head : bool
        Whether the last layer is one of discriminants, or the bottleneck.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    categories: bool = True
    cut_out: bool = True
    head: bool = True


FULL = Variant("nothing")
VARIANTS = (
    FULL,
    Variant("the reconstruction", {"reconstruction_weight": 0.0}),
    Variant("the invariance term", {"invariance_weight": 0.0}),
    Variant("the outline", {"outline": False}),
    Variant("the inner lines", {"inner_lines": False}),
    Variant("disturbances", {"disturbed": False}),
    Variant("dropping the inner lines", {"drop_lines": 0.0}),
    Variant("the cut-out", cut_out=False),
    Variant("the discriminants", head=False),
    Variant("categories", categories=False),
)


def _inputs(variant: Variant, photos: Photos, processes: int | None) -> np.ndarray:
    if variant.cut_out:
        return photos.cutouts
    paths = [item.path for item in photos.items]
    results = in_order(whole_photo, paths, processes=processes, progress="whole photographs")
    return np.stack([result for result in results if isinstance(result, np.ndarray)])


def _digest(photos: Photos) -> str:
    digest = hashlib.sha256(json.dumps([photos.ids, photos.categories]).encode())
    for garment in photos.garments:
        digest.update(garment.cutout.tobytes())
    return digest.hexdigest()


def _settings(variant: Variant, config: Config, gallery: Photos, queries: Photos) -> str:
    """Return, as JSON, all that decides a variant's vectors."""
    settings = {
        "left_out": variant.name,
        "categories": variant.categories,
        "cut_out": variant.cut_out,
        "head": variant.head,
        "config": asdict(config),
        "gallery": _digest(gallery),
        "queries": _digest(queries),
    }
    return json.dumps(settings, indent=2) + "\n"


def _train(config: Config, views: np.ndarray, categories: np.ndarray, folder: Path) -> Autoencoder:
    """Train, or go on training from the checkpoint in `folder`, and return the last epoch's model."""
    keras.utils.set_random_seed(config.seed)
    device.set_precision()
    batches = Batches(views, categories, batch=config.batch, seed=config.seed)
    with device.spread():
        model = compiled(config, len(batches))
    backup = keras.callbacks.BackupAndRestore(
        str(folder / CHECKPOINT), double_checkpoint=True, delete_checkpoint=False
    )
    model.fit(
        batches.stream(),
        steps_per_epoch=len(batches),
        epochs=config.epochs,
        verbose=0,
        callbacks=[backup, Progress(len(batches))],
        shuffle=False,
    )
    return model


def _learn(
    variant: Variant,
    config: Config,
    gallery: Photos,
    queries: Photos,
    *,
    folder: Path,
    processes: int | None,
) -> None:
    """Train a variant and write its vectors to `folder`."""
    data = Dataset(_inputs(variant, gallery, processes)[:, None], gallery.items, ())
    numbers = data.categories() if variant.categories else np.full(len(data.items), -1, np.int32)
    model = _train(config, data.views, numbers, folder)
    if variant.head:
        learn_head(model, data.views, numbers)
    encoder = model.encoder()
    asked = _inputs(variant, queries, processes)
    found, wanted = bundle.embed(encoder, data.cutouts), bundle.embed(encoder, asked)
    np.savez(folder / f"new-{VECTORS_FILE}", gallery=found, queries=wanted)
    (folder / f"new-{VECTORS_FILE}").replace(folder / VECTORS_FILE)
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)


def vectors(
    variant: Variant,
    config: Config,
    gallery: Photos,
    queries: Photos,
    *,
    cache: Path,
    processes: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a variant's embeddings of gallery and queries, trained now unless the cache has them.

    Parameters
    ----------
    variant : Variant
    config : Config
        Of the full training; the variant's changes are made to it.
    gallery, queries : Photos
        The gallery, all of it, is trained on.
    cache : Path
        Below it, a folder of its own keeps a training that was stopped, and what a finished one gave.
    processes : int, optional
        Worker processes that read photographs.

    Returns
    -------
    gallery, queries : float32 (n, d), (m, d)
        Unit rows.
    """
    config = replace(config, **variant.changes)
    settings = _settings(variant, config, gallery, queries)
    folder = cache / "ablation" / hashlib.sha256(settings.encode()).hexdigest()[:16]
    if not (folder / VECTORS_FILE).exists():
        write_atomically(folder / SETTINGS_FILE, settings.encode())
        _learn(variant, config, gallery, queries, folder=folder, processes=processes)
    with np.load(folder / VECTORS_FILE) as stored:
        return stored["gallery"], stored["queries"]


def _side(photos: Photos, found: np.ndarray, name: str) -> Side:
    rows = np.array([item.category is not None for item in photos.items])
    labelled = photos.labelled()
    return Side(labelled.items, {name: found[rows]}, int((~rows).sum()), len(photos.bad))


def _cells(scored: Row, full: Row) -> tuple[Cell, ...]:
    scores = scored.scores
    change = None if scored is full else scores.p_at_10 - full.scores.p_at_10
    return (
        scored.descriptor,
        scores.p_at_10,
        change,
        scores.macro_p_at_10,
        scores.map,
        scores.knn_accuracy,
    )


def ablation(
    gallery: Photos,
    queries: Photos,
    *,
    cache: Path,
    config: Config = DEFAULT,
    epochs: int = EPOCHS,
    variants: Sequence[Variant] = VARIANTS,
    processes: int | None = None,
) -> Table:
    """Train each variant and score it by category retrieval.

    Parameters
    ----------
    gallery, queries : Photos
    cache : Path
        Trainings are resumed and kept in its folder `ablation`; remove that after a change of the code.
    config : Config
        The full training, apart from its length.
    epochs : int
        Passes over the gallery, for each variant.
    variants : sequence of Variant
        The first is what the others are compared with.
    processes : int, optional
        Worker processes that read photographs.
    """
    config = replace(config, epochs=epochs)
    rows: list[Row] = []
    for variant in progress_bar(variants, desc="ablation", unit="variant"):
        found, asked = vectors(variant, config, gallery, queries, cache=cache, processes=processes)
        name = variant.name
        rows.append(row(name, _side(gallery, found, name), _side(queries, asked, name)))
    note = (
        f"Each variant was trained from scratch on the gallery for {epochs} epochs, with the same seed, and "
        "scored after the last; 'change' is that of P@10. Without the outline or the inner lines the encoder "
        "never sees that channel; without the cut-out it sees the whole photograph."
    )
    return Table(
        "ablation", "Ablation: parts left out in turn", COLUMNS, tuple(_cells(r, rows[0]) for r in rows), note
    )
