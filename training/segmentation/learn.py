"""Training of the segmenter, from catalogues of photographs to `segmenter.tflite` and its scores.

Photographs need no masks: the segmenter from which training starts labels them, whether the garments are laid
out or worn, and the category names the type. Those that are parsed by hand (`training.catalogue.parsed`) are
labelled by that.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training import device
from training.catalogue.parsed import class_table, is_held_out, is_parsed
from training.catalogue.reader import Catalogue
from training.errors import TooFewImages, UnreadableImage
from training.files import write_atomically
from training.fit.loop import checkpoint, cosine_adamw
from training.fit.monitor import Progress
from training.fit.run import claim
from training.model import weights
from training.model.bundle import litert
from training.parallel import cpu_count, in_order
from training.photo.garment_types import CLASSES, PERSON, TYPES
from training.photo.litert import LiteModel
from training.photo.regions import iou
from training.photo.segmenter import MODEL_FILE, Parse, Segmenter, read_output, shipped, squeeze
from training.segmentation import network, turns
from training.segmentation.labels import Label, drawn, drawn_person, labelled
from training.segmentation.scenes import Scenes

METRICS_FILE = "segmenter.json"
WEIGHTS_FILE = "segmenter.npz"
MIN_LABELS = 40
DRAWN = 400
DRAWN_VALIDATION = 100
FIGURES = 800
RANGES = 150
"""About how many photographs give the ranges of the exported network's numbers."""


@dataclass(frozen=True)
class SegmenterConfig:
    """The hyperparameters of the segmenter's training.

    Parameters
    ----------
    epochs, steps : int
        How many epochs, of how many batches; with no epoch, only the head for quarter turns is fitted anew.
    scenes : int
        Scenes in a batch; each is there twice, in two views.
    learning_rate, weight_decay : float
        Peak of the cosine schedule after one epoch of warm-up; AdamW's weight decay.
    seed : int
    """

    epochs: int = 40
    steps: int = 150
    scenes: int = 24
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    seed: int = 1


class SceneBatches(keras.utils.PyDataset):
    """Batches of uint8 pictures and their classes; the second half are other views of the first."""

    def __init__(self, scenes: Scenes, config: SegmenterConfig) -> None:
        many = device.has_gpu()  # which waits for scenes unless every core makes them
        workers = cpu_count() if many else 2  # with 1, TensorFlow waits at an epoch's end, for up to a minute
        super().__init__(workers=workers, use_multiprocessing=many, max_queue_size=4 * workers)
        self.scenes, self.config = scenes, config
        self.epoch = 0

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.config.seed, self.epoch, index))
        first, second = zip(*(self.scenes.views(rng) for _ in range(self.config.scenes)), strict=True)
        pictures, classes = zip(*first, *second, strict=True)
        return np.stack(pictures), np.stack(classes)

    def on_epoch_end(self) -> None:
        """Switch to new scenes."""
        self.epoch += 1


@dataclass(frozen=True)
class _Labels:
    """What is learned from, and what is held out; `skipped` could not be read or labelled."""

    known: list[Label]
    held_out: list[Label]
    skipped: int


def _read(catalogue: Catalogue, teacher: Segmenter, processes: int | None, name: str) -> _Labels:
    table = class_table(catalogue) if is_parsed(catalogue) else None
    label = partial(labelled, segmenter=teacher, table=table, root=catalogue.root or Path())
    found = list(in_order(label, list(catalogue.items), processes=processes, progress=name))
    pairs = [(item, one) for item, one in zip(catalogue.items, found, strict=True) if isinstance(one, Label)]
    known = [one for item, one in pairs if not is_held_out(item)]
    if len(known) < MIN_LABELS:
        unreadable = sum(isinstance(one, UnreadableImage) for one in found) + len(catalogue.bad)
        raise TooFewImages(
            f"{catalogue.source} has {len(known)} photographs to learn from; at least {MIN_LABELS} are "
            f"needed. {unreadable} can't be read; of the others the garments can't be told from the ground. "
            "Add photographs of one garment each, or of one person, near the centre."
        )
    held_out = [one for item, one in pairs if is_held_out(item)]
    return _Labels(known, held_out, len(found) - len(pairs) + len(catalogue.bad))


def _apart(labels: Sequence[Label]) -> tuple[list[Label], list[Label]]:
    """Part photographs that show one garment alone from those of people."""
    return [one for one in labels if one.alone], [one for one in labels if not one.alone]


def _held_out(photos: _Labels, people: _Labels) -> dict[str, list[Label]]:
    """Return what the scores are of, by their names; a catalogue may show garments alone and people."""
    alone, dressed = _apart(photos.held_out)
    return {
        "photographs": alone,
        "drawn": [drawn(index) for index in range(DRAWN, DRAWN + DRAWN_VALIDATION)],
        "worn": [*people.held_out, *dressed],
    }


def _parses(model: keras.Model, labels: Sequence[Label]) -> list[Parse]:
    photos = np.stack([squeeze(label.photo) for label in labels])
    return [*map(read_output, model.predict(photos, batch_size=64, verbose=0))]


def _mean(overlaps: list[float]) -> float | None:
    return float(np.mean(overlaps)) if overlaps else None


def _scores(model: keras.Model, held_out: dict[str, list[Label]]) -> dict[str, float | None]:
    """Return the mean IoU of garment, person and each type by labels, `model` giving probabilities."""
    scores: dict[str, float | None] = {}
    for name, labels in held_out.items():
        if not labels:
            continue
        small = [squeezed(label) for label in labels]
        found = _parses(model, labels)
        pairs = list(zip(found, small, strict=True))
        scores[f"iou_{name}"] = _mean([iou(one.garment > 0.5, label.garment) for one, label in pairs])
        if name != "worn":
            continue
        person = CLASSES.index(PERSON)
        scores["iou_person"] = _mean([iou(one.person > 0.5, label.classes == person) for one, label in pairs])
        for number, kind in enumerate(TYPES):
            truths = [(one, label.classes == number + 2) for one, label in pairs]
            scores[f"iou_{kind}"] = _mean(
                [iou(_of_type(one, number), truth) for one, truth in truths if truth.mean() > 0.01]
            )
    return scores


def _of_type(one: Parse, number: int) -> np.ndarray:
    best = one.types.argmax(axis=-1).repeat(2, axis=0).repeat(2, axis=1)
    return (one.garment > 0.5) & (best == number)


def squeezed(label: Label) -> Label:
    """Return a label at the network's size."""
    rows, columns = (
        (np.arange(network.SIDE) + 0.5) * length // network.SIDE for length in label.classes.shape
    )
    return Label(squeeze(label.photo), label.classes[rows.astype(int)[:, None], columns.astype(int)])


def _deepest(model: keras.Model, labels: Sequence[Label]) -> turns.Deepest:
    """Return what gives the deepest maps in eight bits, as the exported head will see them."""
    return LiteModel(eight_bits(network.deepest(model), labels)).run


def _turn_head(
    model: keras.Model, scenes: Scenes, photos: _Labels, people: _Labels, seed: int
) -> tuple[keras.Model, float | None]:
    """Fit the head that tells quarter turns; return it, and which share of those held out it tells."""
    deepest = _deepest(model, [*photos.known, *people.known])
    head = turns.fit(turns.features(deepest, turns.upright(scenes, turns.PICTURES, seed)), seed)
    alone, worn = (
        [one.photo for one in part.held_out if turns.tells(one.classes)] for part in (photos, people)
    )
    if not alone + worn:
        return head, None
    logs = turns.looked_twice(deepest, head, alone + worn)
    factor = turns.scale(logs[: len(alone)])
    turns.rescale(head, factor)
    return head, float((turns.told(factor * logs) == np.arange(turns.TURNS))[:, 1:].mean())


def eight_bits(model: keras.Model, labels: Sequence[Label]) -> bytes:
    """Export a network that computes in eight bits; some photographs of `labels`, turned, give the ranges."""
    import tensorflow as tf

    some = labels[:: max(1, len(labels) // RANGES)]

    def photographs() -> Iterator[list[np.ndarray]]:
        turned = (np.rot90(squeeze(label.photo), place % turns.TURNS) for place, label in enumerate(some))
        return ([np.ascontiguousarray(one)[None]] for one in turned)

    return litert(model, optimizations=[tf.lite.Optimize.DEFAULT], representative_dataset=photographs)


def _train(model: keras.Model, scenes: Scenes, config: SegmenterConfig, folder: Path) -> None:
    optimizer = cosine_adamw(
        model,
        config.steps,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    model.compile(optimizer, loss=network.loss, jit_compile=device.compiles())
    watching = [checkpoint(folder / "checkpoint"), Progress(config.steps)]
    model.fit(SceneBatches(scenes, config), epochs=config.epochs, verbose=0, callbacks=watching)


def learn(
    catalogue: Catalogue,
    out: Path,
    *,
    worn: Catalogue | None = None,
    init: Path | None = None,
    config: SegmenterConfig = SegmenterConfig(),  # noqa: B008 (frozen)
    processes: int | None = None,
) -> dict[str, Any]:
    """Train the segmenter.

    Parameters
    ----------
    catalogue : Catalogue
        Photographs of garments, laid out or worn; categories name the types.
    out : Path
        Folder for `segmenter.tflite`, its weights and `segmenter.json`; a killed run resumes from its last
        epoch there.
    worn : Catalogue, optional
        Further photographs of people, best parsed.
    init : Path, optional
        Folder with the weights to start from; its segmenter labels what is not parsed, else the one that
        ships does.
    config : SegmenterConfig
    processes : int, optional
        Worker processes for reading and labelling.

    Returns
    -------
    metrics : dict
        What stands in `segmenter.json`. With a backend other than TensorFlow, which can't export, the weights
        alone are written and the settings returned: a run of no epoch from there finishes it.

    Raises
    ------
    TooFewImages, UnreadableCatalogue, RunExists, UnreadableEncoder, EncoderMismatch
    """
    teacher = Segmenter.of_bundle(init) if init is not None else shipped()
    settings = {
        "catalogue": catalogue.source,
        "worn": worn.source if worn else None,
        "init": str(init) if init else None,
        "teacher": teacher.fingerprint[:12],
        "config": asdict(config),
    }
    claim(out, settings)
    photos = _read(catalogue, teacher, processes, "Labelling")
    people = _read(worn, teacher, processes, "Reading") if worn is not None else _Labels([], [], 0)
    alone, dressed = _apart(photos.known)
    laid = [drawn(index) for index in range(DRAWN)]
    drawing = in_order(drawn_person, list(range(FIGURES)), processes=processes, progress="Drawing")
    figures = [one for one in drawing if isinstance(one, Label)]
    keras.utils.set_random_seed(config.seed)
    model = network.build()
    if init is not None:
        weights.assign(model.weights, [*weights.read(init / WEIGHTS_FILE).values()], init / WEIGHTS_FILE)
    scenes = Scenes(alone, [*people.known, *dressed], laid, figures)
    if config.epochs:
        _train(model, scenes, config, out)
    weights.save(model.weights, out / WEIGHTS_FILE)
    if keras.backend.backend() != "tensorflow":
        return settings
    head, turns_told = _turn_head(model, scenes, photos, people, config.seed)
    final = network.exported(model, head)
    data = eight_bits(final, [*photos.known, *people.known])
    held_out = _held_out(photos, people)
    metrics = {
        **settings,
        "catalogue": Path(catalogue.source).name,
        "photographs": len(alone),
        "worn": len(people.known) + len(dressed),
        "skipped": photos.skipped + people.skipped,
        "held_out": {name: len(labels) for name, labels in held_out.items()},
        "scores": {**_scores(final, held_out), "turns_told": turns_told},
        "export_difference": _check_agreement(data, final, photos.known[:8]),
        "training": {"device": device.describe(), "keras": keras.__version__},
    }
    write_atomically(out / MODEL_FILE, data)
    write_atomically(out / METRICS_FILE, (json.dumps(metrics, indent=2) + "\n").encode())
    return metrics


def _check_agreement(exported: bytes, model: keras.Model, labels: Sequence[Label]) -> float:
    """Return the mean difference in probability between the exported and the trained network."""
    exact = _parses(model, labels)
    found = map(read_output, LiteModel(exported).run(np.stack([squeeze(label.photo) for label in labels])))
    pairs = zip(found, exact, strict=True)
    return float(
        np.mean(
            [np.abs(a - b).mean() for both in pairs for a, b in zip(*(one.maps for one in both), strict=True)]
        )
    )
