"""A training run: a catalogue goes in, an encoder bundle with its history, scores and figures comes out."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from training import device
from training.catalogue.drawn import draw
from training.catalogue.reader import Catalogue, check_bad_share, write_report
from training.catalogue.skipped import summary
from training.config import Config, from_dict
from training.errors import TooFewImages, UnreadableEncoder
from training.files import write_atomically
from training.fit.batches import Batches
from training.fit.dataset import Dataset, prepare
from training.fit.monitor import BEST_FILE, Embed, Monitor, Progress, Validation, recorded
from training.fit.run import CHECKPOINT, RUN_FILE, Run, check_hosts, check_run, own_folder
from training.fit.showcase import draw_curves, draw_figures
from training.model import bundle
from training.model.autoencoder import Autoencoder
from training.model.discriminant import learn_head
from training.photo.encoder import Encoder
from training.photo.garment import SIDE, isolate

SKIPPED_FILE = "skipped.csv"
METRICS_FILE = "metrics.json"
MIN_IMAGES = 40
HELD_OUT = 0.1


def _report_skipped(sets: list[Dataset], report: Path, *, max_bad: float) -> None:
    bad = [item for part in sets for item in part.bad]
    if bad:
        write_report(report, bad)
        click.echo("\n".join([f"Skipped {len(bad):,} items:", *summary(bad, report)]), err=True)
    for part in sets:
        check_bad_share(len(part.bad), len(part.bad) + len(part.items), max_bad=max_bad)


def _split(dataset: Dataset, held_out: Dataset | None, config: Config) -> tuple[Dataset, Dataset]:
    if held_out is None:
        order = np.random.default_rng(config.seed).permutation(len(dataset.items))
        cut = max(1, round(HELD_OUT * len(order)))
        dataset, held_out = dataset.take(np.sort(order[cut:])), dataset.take(np.sort(order[:cut]))
    needed = max(MIN_IMAGES, device.count())
    if len(dataset.items) < needed:
        raise TooFewImages(
            f"There are {len(dataset.items)} readable images to train on "
            f"(and {len(held_out.items)} held out); at least {needed} are needed. "
            "Name a larger catalogue."
        )
    return dataset, held_out


def compiled(config: Config, steps: int) -> Autoencoder:
    """Return a new model, ready to be fitted for `config.epochs` of `steps` batches."""
    model = Autoencoder(config)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps * (config.epochs - 1)), warmup_target=config.learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    model.compile(optimizer, jit_compile=device.compiles())
    model.build((None, SIDE, SIDE, 4))
    return model


def _embedding(model: Autoencoder) -> Embed:
    """Return the embedding by a model's weights of the moment, computed by a copy on one device."""
    with device.alone():
        copy = Autoencoder(model.config)
        encoder = copy.encoder()

    def embed(cutouts: np.ndarray) -> np.ndarray:
        with device.alone():
            copy.set_weights(model.get_weights())
            return bundle.embed(encoder, cutouts)

    return embed


def watchers(out: Path, model: Autoencoder, validation: Validation, steps: int) -> tuple[Monitor, list[Any]]:
    """Return the callbacks of a run, the monitor also by itself; they write to `out`."""
    config = model.config
    embed = _embedding(model)
    monitor = Monitor(out, validation, embed, every=config.validate_every, patience=config.patience)
    backup = keras.callbacks.BackupAndRestore(
        str(out / CHECKPOINT), double_checkpoint=True, delete_checkpoint=False
    )
    # None of them reads a step's loss: the device would wait for the next batch while it is read.
    watching = [backup, monitor, Progress(steps)]
    if keras.backend.backend() == "tensorflow":
        watching.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
    return monitor, watching


def _base(catalogue: str) -> str:
    """Drop the folders of a catalogue's name: they say where this machine keeps it, not what it is."""
    return catalogue.rpartition("/")[2]


def _description(
    run: Run, data: Dataset, held_out: Dataset, monitor: Monitor, seconds: float
) -> dict[str, Any]:
    return {
        "trained_on": {
            "catalogue": _base(run.catalogue),
            "images": len(data.items),
            "held_out": _base(run.validation) if run.validation else "a tenth of the catalogue",
            "held_out_images": len(held_out.items),
            "supervision": run.supervise,
            "init": Encoder.load(Path(run.init)).fingerprint if run.init else None,
        },
        "scores": {k: v for k, v in (monitor.best or {}).items() if k != "seconds"},
        "training": {"device": device.describe(), "keras": keras.__version__, "seconds": round(seconds)},
    }


def export(out: Path) -> Encoder:
    """Make the encoder bundle of a finished run (needs TensorFlow as Keras's backend).

    `fit` does so itself on TensorFlow; after a run on another backend this is its last step.

    Raises
    ------
    UnreadableEncoder
        The folder holds no finished run.
    EncoderMismatch
        The exported model and the trained one disagree.
    """
    try:
        config = from_dict(json.loads((out / RUN_FILE).read_text())["config"])
        description = json.loads((out / METRICS_FILE).read_text())
    except OSError as error:
        raise UnreadableEncoder(
            f"'{out}' holds no finished training run: {error.filename} is missing."
        ) from error
    sample = np.stack([isolate(draw(index)[2]).cutout for index in range(8)])
    return bundle.export(bundle.restore(out, config), out, sample=sample, description=description)


def _categories(run: Run, data: Dataset) -> np.ndarray:
    """Return the numbers of the categories that supervise, int32 (n,): all -1 where none shall."""
    return data.categories() if run.supervise == "category" else np.full(len(data.items), -1, np.int32)


def _train(run: Run, out: Path, data: Dataset, held_out: Dataset) -> Monitor:
    """Fit a new model, or go on from the checkpoint in `out`; the best epoch's weights are left there."""
    config = run.config
    keras.utils.set_random_seed(config.seed)
    device.set_precision()
    click.echo(f"Training on {len(data.items):,} photographs with {device.describe()}.", err=True)
    batches = Batches(data.cutouts, _categories(run, data), batch=config.batch, seed=config.seed)
    steps, epoch = len(batches), 1 + len(recorded(out))
    check_hosts(run, data.items, epoch=epoch)
    examination = Validation.of(data, held_out, seed=config.seed)
    with device.spread():
        model = compiled(config, steps)
        if run.init is not None:
            bundle.load_weights(model, Path(run.init))
    monitor, callbacks = watchers(out, model, examination, steps)
    stream = batches.stream(epoch=epoch)
    model.fit(
        stream, steps_per_epoch=steps, epochs=config.epochs, verbose=0, callbacks=callbacks, shuffle=False
    )
    device.leave()
    return monitor


def _finish(
    run: Run,
    out: Path,
    description: dict[str, Any],
    *,
    data: Dataset,
    held_out: Dataset,
    monitor: Monitor,
) -> dict[str, Any]:
    """Take the best epoch's weights, score them as they will be exported, and write all that a run leaves."""
    model = Autoencoder(run.config)
    model.build((None, SIDE, SIDE, 4))
    model.load_weights(out / BEST_FILE)
    learn_head(model, data.cutouts, _categories(run, data))
    bundle.round_weights(model)
    final = monitor.validation.scores(partial(bundle.embed, model.encoder()))
    metrics = {**description, "scores": {**description["scores"], **final}}
    bundle.save_weights(model, out)
    write_atomically(out / METRICS_FILE, (json.dumps(metrics, indent=2) + "\n").encode())
    draw_curves(monitor.history, out / "figures")
    if keras.backend.backend() == "tensorflow":
        export(out)
        draw_figures(out, gallery=data, queries=held_out, out=out / "figures")
    return metrics


def fit(
    run: Run,
    out: Path,
    *,
    read: Callable[[str], Catalogue],
    cache: Path = Path("cache"),
    resume: bool = False,
    max_bad: float = 0.5,
    processes: int | None = None,
    hosts: device.Hosts | None = None,
) -> dict[str, Any]:
    """Train an encoder and write its bundle, `metrics.json` and figures to `out`.

    Parameters
    ----------
    run : Run
    out : Path
        The run's folder; a killed run leaves its last checkpoint there.
    read : function
        From a catalogue's name to the catalogue.
    cache : Path
        Where prepared cut-outs are kept.
    resume : bool
        Go on with the run in `out` (or start it, if it did not get that far).
    max_bad : float
        Highest share of unusable items; they are listed in skipped.csv.
    processes : int, optional
        Worker processes for cutting out.
    hosts : Hosts, optional
        Train together with other hosts, each of which is given the same arguments. Only the first writes to
        `out`; to resume, all must see it.

    Returns
    -------
    metrics : dict
        What stands in `metrics.json`; on other hosts than the first what they know of it.

    Raises
    ------
    RunExists, TooFewImages, TooManyBadItems, NotEnoughSpace, UnreadableCatalogue, UnreadableEncoder,
    EncoderMismatch, UnsupportedBackend, HostsDisagree
    """
    if hosts is not None:
        device.join(hosts)
    with own_folder(out, resume=resume) as folder:
        if run.init is not None:
            Encoder.load(Path(run.init))  # a wrong bundle is told before the work begins
        train, validation = read(run.catalogue), read(run.validation) if run.validation else None
        check_run(run, folder, resume=resume)
        sets = [prepare(part, cache=cache, processes=processes) for part in (train, validation) if part]
        _report_skipped(sets, folder / SKIPPED_FILE, max_bad=max_bad)
        data, held_out = _split(sets[0], sets[1] if validation else None, run.config)
        write_atomically(folder / RUN_FILE, run.as_json().encode())
        started = time.monotonic()
        monitor = _train(run, folder, data, held_out)
        description = _description(run, data, held_out, monitor, time.monotonic() - started)
        if not device.is_first():
            return description
        with device.alone():
            return _finish(run, folder, description, data=data, held_out=held_out, monitor=monitor)
