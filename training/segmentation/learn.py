"""Training of the segmenter, from a catalogue of photographs to `segmenter.tflite` and its scores.

It has two rounds of pseudo-labels. In the first, GrabCut starts from the centre of each photograph, and masks
on which two initialisations agree are used; in the second, GrabCut refines the predictions of the network.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from scipy.special import expit

from training import device
from training.catalogue.drawn import render, render_mask, sample
from training.catalogue.reader import Catalogue
from training.errors import RunExists, TooFewImages, UnreadableImage
from training.files import write_atomically
from training.fit.loop import checkpoint, cosine_adamw
from training.fit.monitor import Progress
from training.model.bundle import litert
from training.parallel import in_order
from training.photo.litert import LiteModel
from training.photo.segmenter import MODEL_FILE, squeeze
from training.segmentation import network
from training.segmentation.labels import Label, first_label, iou, next_label_of, read_squeezed
from training.segmentation.scenes import Scenes

METRICS_FILE = "segmenter.json"
RUN_FILE = "run.json"
MIN_LABELS = 40
HELD_OUT = 0.05
DRAWN = 400
DRAWN_VALIDATION = 100


@dataclass(frozen=True)
class SegmenterConfig:
    """The hyperparameters of the segmenter's training.

    Parameters
    ----------
    epochs : tuple of int
        Epochs of each round; an epoch has as many scenes as there are photographs.
    batch : int
    learning_rate, weight_decay : float
        Peak of each round's cosine schedule after one epoch of warm-up; AdamW's weight decay.
    seed : int
    """

    epochs: tuple[int, ...] = (8, 24)
    batch: int = 48
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    seed: int = 20


class SceneBatches(keras.utils.PyDataset):
    """`steps` batches an epoch of uint8 pictures and float32 masks, with new scenes in every epoch."""

    def __init__(self, scenes: Scenes, *, steps: int, batch: int, seed: int) -> None:
        super().__init__(workers=2)  # with 1, an epoch ends with TensorFlow waiting, for up to a minute
        self.scenes, self.steps, self.batch, self.seed = scenes, steps, batch, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        pictures, masks = zip(*(self.scenes.scene(rng) for _ in range(self.batch)), strict=True)
        return np.stack(pictures), np.stack(masks)[..., None]

    def on_epoch_end(self) -> None:
        """Switch to new scenes."""
        self.epoch += 1


def _drawn(index: int) -> Label:
    shape, appearance = sample(index, seed=1)
    mask = squeeze(render_mask(shape, appearance).astype(np.uint8) * 255) > 127
    return Label(squeeze(render(shape, appearance)), mask, 1.0)


def _predicted(model: keras.Model, photos: np.ndarray) -> np.ndarray:
    """Return the probability of garment, averaged with the mirrored photograph's: float32 (n, 128, 128)."""
    straight, mirrored = (
        model.predict(batch, batch_size=64, verbose=0)[..., 0] for batch in (photos, photos[:, :, ::-1])
    )
    return expit((straight + mirrored[:, :, ::-1]) / 2)


def _train(model: keras.Model, scenes: Scenes, config: SegmenterConfig, number: int, folder: Path) -> None:
    epochs = config.epochs[number]
    steps = max(1, len(scenes.labels) // config.batch)
    optimizer = cosine_adamw(
        steps, epochs=epochs, learning_rate=config.learning_rate, weight_decay=config.weight_decay
    )
    model.compile(optimizer, loss=network.loss, jit_compile=device.compiles())
    batches = SceneBatches(scenes, steps=steps, batch=config.batch, seed=config.seed + number)
    backup = checkpoint(folder / f"checkpoint-{number}")
    model._initial_epoch = None  # Keras would begin this round where a resumed one before it began
    model.fit(batches, epochs=epochs, verbose=0, callbacks=[backup, Progress(steps)])


def _scores(model: keras.Model, held_out: Sequence[Label]) -> dict[str, float]:
    """Return the mean IoU on held-out photographs (by their labels) and drawn garments (by true masks)."""
    drawn = [_drawn(index) for index in range(DRAWN, DRAWN + DRAWN_VALIDATION)]
    scores = {}
    for name, labels in (("iou_photographs", held_out), ("iou_drawn", drawn)):
        if not labels:
            continue
        masks = _predicted(model, np.stack([label.photo for label in labels])) > 0.5
        overlaps = [iou(mask, label.mask) for mask, label in zip(masks, labels, strict=True)]
        scores[name] = float(np.mean(overlaps))
    return scores


def _read(catalogue: Catalogue, processes: int | None) -> tuple[np.ndarray, int]:
    paths = [item.path for item in catalogue.items]
    read = list(in_order(read_squeezed, paths, processes=processes, progress="Reading"))
    photos = [photo for photo in read if not isinstance(photo, UnreadableImage)]
    if len(photos) < MIN_LABELS:
        raise TooFewImages(
            f"{catalogue.source} has {len(photos)} readable photographs; at least {MIN_LABELS} are needed. "
            "Name a larger catalogue."
        )
    return np.stack(photos), len(read) - len(photos) + len(catalogue.bad)


def _check_run(out: Path, catalogue: Catalogue, config: SegmenterConfig) -> None:
    """Raise `RunExists` where `out` holds a training with other settings; else write this one's there."""
    settings = json.dumps({"catalogue": catalogue.source, "config": asdict(config)}, indent=2) + "\n"
    path = out / RUN_FILE
    if path.exists() and path.read_text() != settings:
        raise RunExists(
            f"'{out}' holds a training with another catalogue or configuration (see {path}). "
            "Name another --out."
        )
    write_atomically(path, settings.encode())


def _reliable(labels: list[Label], number: int) -> list[Label]:
    kept = [label for label in labels if label.reliable]
    click.echo(f"Round {number + 1}: {len(kept):,} of {len(labels):,} masks are reliable.", err=True)
    if len(kept) < MIN_LABELS:
        raise TooFewImages(
            f"Only {len(kept)} photographs have a garment that can be separated from its background; at "
            f"least {MIN_LABELS} are needed. Add photographs of one garment each, near the centre."
        )
    return kept


def _labels(photos: np.ndarray, model: keras.Model | None, processes: int | None) -> list[Label]:
    if model is None:
        results = in_order(first_label, list(photos), processes=processes, progress="Labelling")
    else:
        pairs = list(zip(photos, _predicted(model, photos), strict=True))
        results = in_order(next_label_of, pairs, processes=processes, progress="Labelling")
    return [result for result in results if isinstance(result, Label)]


def half_precision(model: keras.Model) -> bytes:
    """Export a network with float16 weights that computes in float32."""
    import tensorflow as tf

    types = {"supported_types": [tf.float16]}
    return litert(model, optimizations=[tf.lite.Optimize.DEFAULT], target_spec=types)


def _check_agreement(exported: bytes, model: keras.Model, photos: np.ndarray) -> float:
    """Return the largest difference in probability between the exported and the trained network."""
    there = expit(LiteModel(exported).run(photos))
    return float(np.abs(there - expit(model.predict(photos, verbose=0))).max())


def learn(
    catalogue: Catalogue,
    out: Path,
    *,
    config: SegmenterConfig = SegmenterConfig(),  # noqa: B008 (frozen)
    processes: int | None = None,
) -> dict[str, Any]:
    """Train the segmenter on photographs without masks; categories are not used.

    Parameters
    ----------
    catalogue : Catalogue
        Photographs of one garment each.
    out : Path
        Folder for `segmenter.tflite` and `segmenter.json`; a killed run resumes from its last epoch there.
    config : SegmenterConfig
    processes : int, optional
        Worker processes for reading and labelling.

    Returns
    -------
    metrics : dict
        What stands in `segmenter.json`.

    Raises
    ------
    TooFewImages, RunExists
    """
    _check_run(out, catalogue, config)
    photos, skipped = _read(catalogue, processes)
    order = np.random.default_rng(config.seed).permutation(len(photos))
    cut = round(HELD_OUT * len(photos))
    held_out, photos = photos[order[:cut]], photos[np.sort(order[cut:])]
    drawn = [_drawn(index) for index in range(DRAWN)]
    keras.utils.set_random_seed(config.seed)
    model = network.build()
    counts = []
    for number in range(len(config.epochs)):
        labels = _reliable(_labels(photos, model if number else None, processes), number)
        counts.append(len(labels))
        _train(model, Scenes(labels, drawn), config, number, out)
    validation = [label for label in _labels(held_out, None, processes) if label.reliable]
    data = half_precision(model)
    metrics = {
        "config": asdict(config),
        "catalogue": Path(catalogue.source).name,
        "photographs": len(photos),
        "skipped": skipped,
        "labelled": counts,
        "held_out": len(validation),
        "scores": _scores(model, validation),
        "export_difference": _check_agreement(data, model, held_out[:8]),
        "training": {"device": device.describe(), "keras": keras.__version__},
    }
    write_atomically(out / MODEL_FILE, data)
    write_atomically(out / METRICS_FILE, (json.dumps(metrics, indent=2) + "\n").encode())
    return metrics
