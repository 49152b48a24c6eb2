"""The result of a training run: the best weights, `metrics.json`, figures and the encoder bundle."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from training import device
from training.catalogue.drawn import draw
from training.catalogue.reader import Catalogue
from training.errors import TooFewImages
from training.files import write_atomically
from training.fit.calibration import calibrate, write_calibration
from training.fit.dataset import Dataset
from training.fit.monitor import BEST_FILE, Monitor
from training.fit.run import METRICS_FILE, Run, read_finished
from training.fit.showcase import draw_curves, draw_figures
from training.model import bundle
from training.model.autoencoder import Autoencoder
from training.model.discriminant import learn_head
from training.photo.encoder import Encoder
from training.photo.garment import isolate
from training.photo.preprocessing import SIDE

OTHERS_WEIGHT = 0.1
"""How much a worn or drawn garment counts in the last layer, beside one of the catalogue."""


def _base(catalogue: str) -> str:
    """Drop the folders of a catalogue's name: they say where this machine keeps it, not what it is."""
    return catalogue.rpartition("/")[2]


def describe(
    run: Run, data: Dataset, held_out: Dataset, monitor: Monitor, *, seconds: float
) -> dict[str, Any]:
    """Return what `encoder.json` says of a run: its data, its scores, its device and duration."""
    return {
        "trained_on": {
            "catalogue": _base(run.catalogue),
            "images": len(data.items),
            "held_out": _base(run.validation) if run.validation else "a tenth of the catalogue",
            "held_out_images": len(held_out.items),
            "supervision": run.supervise,
            "worn": _base(run.worn) if run.worn else None,
            "drawn": run.drawn,
            "init": Encoder.load(Path(run.init), of_any_version=True).fingerprint if run.init else None,
        },
        "scores": {k: v for k, v in (monitor.kept or {}).items() if k != "seconds"},
        "training": {"device": device.describe(), "keras": keras.__version__, "seconds": round(seconds)},
    }


def export(out: Path) -> Encoder:
    """Export the encoder bundle of a finished run (needs TensorFlow as Keras's backend).

    `fit` does so itself on TensorFlow; after a run on another backend this is the last step.

    Raises
    ------
    UnreadableEncoder
        The folder holds no finished run.
    EncoderMismatch
        The exported model and the trained one disagree, or the segmenter is not the run's.
    """
    config, segmenter, description = read_finished(out)
    sample = np.stack([isolate(draw(index)[2], segmenter=segmenter).cutout for index in range(8)])
    return bundle.export(bundle.restore(out, config), out, sample=sample, description=description)


def _calibrate(
    encoder: Encoder, data: Dataset, people: Catalogue | None, out: Path, processes: int | None
) -> None:
    try:
        write_calibration(out, calibrate(encoder, data.items, people=people, processes=processes))
    except TooFewImages as error:
        click.echo(f"Answers will have no confidence. {error}", err=True)


def learn_last_layer(
    model: Autoencoder, views: np.ndarray, categories: np.ndarray, *, catalogue: int
) -> None:
    """Set a trained network's last layer, where there are categories; then round all weights to float16.

    Parameters
    ----------
    model : Autoencoder
    views : uint8 (n, 1 + v, 128, 128, 4)
        All that was learned from, the catalogue's part first.
    categories : int32 (n,)
    catalogue : int
        How many are the catalogue's; each of the others counts `OTHERS_WEIGHT`.
    """
    learn_head(model, views, categories, np.where(np.arange(len(views)) < catalogue, 1.0, OTHERS_WEIGHT))
    bundle.round_weights(model)


def finish(
    run: Run,
    out: Path,
    description: dict[str, Any],
    *,
    learned: Dataset,
    data: Dataset,
    held_out: Dataset,
    people: Catalogue | None,
    monitor: Monitor,
    processes: int | None,
) -> dict[str, Any]:
    """Score the kept epoch's weights as they will be exported, and write everything that a run leaves.

    Parameters
    ----------
    run : Run
    out : Path
    description : dict
        As `describe` returns it.
    learned : Dataset
        All that was learned from, the catalogue's part first.
    data, held_out : Dataset
        The catalogue's part, and the validation set.
    people : Catalogue, optional
        The photographs of people that were learned from, too.
    monitor : Monitor
    processes : int, optional
        Worker processes that cut out again for the calibration; one a core by default.

    Returns
    -------
    metrics : dict
        What stands in `metrics.json`: the description with the final scores.
    """
    click.echo(f"Scoring the epoch that is kept, and writing the encoder and its figures to {out}.", err=True)
    model = Autoencoder(run.config)
    model.build((None, SIDE, SIDE, 4))
    model.load_weights(out / BEST_FILE)
    learn_last_layer(model, learned.views, run.categories(learned), catalogue=len(data.items))
    final = monitor.validation.scores(partial(bundle.embed, model.encoder()))
    metrics = {**description, "scores": {**description["scores"], **final}}
    bundle.save_weights(model, out)
    write_atomically(out / METRICS_FILE, (json.dumps(metrics, indent=2) + "\n").encode())
    draw_curves(monitor.history, out / "figures")
    if keras.backend.backend() == "tensorflow":
        _calibrate(export(out), data, people, out, processes)
        draw_figures(out, gallery=data, queries=held_out, out=out / "figures")
    return metrics
