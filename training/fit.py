"""A training run: a catalogue goes in, an encoder bundle with its history, scores and figures comes out."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from training import bundle, device
from training.autoencoder import Autoencoder
from training.catalogue import Catalogue, check_bad_share, write_report
from training.config import Config, from_dict
from training.dataset import Dataset, check_space, prepare
from training.discriminant import learn_head
from training.drawn import draw
from training.encoder import Encoder
from training.errors import RunExists, TooFewImages, UnreadableEncoder
from training.files import write_atomically
from training.garment import SIDE, isolate
from training.monitor import BEST_FILE, Monitor, Progress, Validation
from training.showcase import draw_curves, draw_figures
from training.skipped import summary

RUN_FILE = "run.json"
SKIPPED_FILE = "skipped.csv"
METRICS_FILE = "metrics.json"
MIN_IMAGES = 40
HELD_OUT = 0.1

_RUN_BYTES = 300 * 2**20


@dataclass(frozen=True)
class Run:
    """What decides a training run, as it stands in `run.json`; a resumed run must agree with it.

    Parameters
    ----------
    catalogue : str
        What is trained on.
    validation : str or None
        What chooses the best epoch; without it a tenth of the catalogue is held out.
    init : str or None
        Bundle whose weights the run starts from.
    supervise : str or None
        "category" where garments of one category are to be pulled together too.
    config : Config
    """

    catalogue: str
    validation: str | None
    init: str | None
    supervise: str | None
    config: Config


class Batches(keras.utils.PyDataset):
    """Cut-outs and category numbers in a new random order each epoch; a last, smaller batch is left out."""

    def __init__(self, cutouts: np.ndarray, categories: np.ndarray, *, batch: int, seed: int) -> None:
        super().__init__(workers=2)  # with 1, an epoch ends with TensorFlow waiting, for up to a minute
        self.cutouts, self.categories = cutouts, categories
        self.batch = min(batch, len(cutouts))
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.cutouts) // self.batch

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.sort(self.order[index * self.batch : (index + 1) * self.batch])
        return self.cutouts[rows], self.categories[rows]

    def on_epoch_end(self) -> None:
        """Shuffle."""
        self.order = self.random.permutation(len(self.cutouts))


def _settled(run: Run) -> str:
    return json.dumps(asdict(run), indent=2) + "\n"


def _check_run(run: Run, out: Path, *, resume: bool) -> None:
    """Raise `RunExists` where `out` holds a run that must not be written over, or is another one."""
    path = out / RUN_FILE
    if not path.exists():
        check_space(out, _RUN_BYTES)
    elif not resume:
        raise RunExists(
            f"'{out}' holds a training run already. Go on with it by --resume, or name another --out."
        )
    elif path.read_text() != _settled(run):
        raise RunExists(
            f"The run in '{out}' was started with other settings (see {path}). "
            "Resume with the same catalogue and options, or name another --out."
        )


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
    if len(dataset.items) < MIN_IMAGES:
        raise TooFewImages(
            f"There are {len(dataset.items)} readable images to train on "
            f"(and {len(held_out.items)} held out); at least {MIN_IMAGES} are needed. "
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


def _callbacks(
    out: Path, model: Autoencoder, validation: Validation, steps: int
) -> tuple[Monitor, list[Any]]:
    config = model.config
    monitor = Monitor(out, validation, model.encoder(), every=config.validate_every, patience=config.patience)
    backup = keras.callbacks.BackupAndRestore(
        str(out / "checkpoint"), double_checkpoint=True, delete_checkpoint=False
    )
    watching = [backup, monitor, Progress(steps), keras.callbacks.TerminateOnNaN()]
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
        "scores": {**(monitor.best or {})},
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


def _finish(
    model: Autoencoder,
    out: Path,
    description: dict[str, Any],
    *,
    data: Dataset,
    categories: np.ndarray,
    held_out: Dataset,
    monitor: Monitor,
) -> dict[str, Any]:
    """Take the best epoch's weights, score them as they will be exported, and write all that a run leaves."""
    model.load_weights(out / BEST_FILE)
    learn_head(model, data.cutouts, categories)
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

    Returns
    -------
    metrics : dict
        What stands in `metrics.json`.

    Raises
    ------
    RunExists, TooFewImages, TooManyBadItems, NotEnoughSpace, UnreadableCatalogue, UnreadableEncoder,
    EncoderMismatch
    """
    if run.init is not None:
        Encoder.load(Path(run.init))  # a wrong bundle is told before the work begins
    train, validation = read(run.catalogue), read(run.validation) if run.validation else None
    _check_run(run, out, resume=resume)
    config = run.config
    sets = [prepare(part, cache=cache, processes=processes) for part in (train, validation) if part]
    _report_skipped(sets, out / SKIPPED_FILE, max_bad=max_bad)
    data, held_out = _split(sets[0], sets[1] if validation else None, config)
    write_atomically(out / RUN_FILE, _settled(run).encode())
    keras.utils.set_random_seed(config.seed)
    device.set_precision()
    click.echo(f"Training on {len(data.items):,} photographs with {device.describe()}.", err=True)
    categories = data.categories() if run.supervise == "category" else np.full(len(data.items), -1, np.int32)
    batches = Batches(data.cutouts, categories, batch=config.batch, seed=config.seed)
    examination = Validation.of(data, held_out, seed=config.seed)
    started = time.monotonic()
    with device.spread():
        model = compiled(config, len(batches))
        if run.init is not None:
            bundle.load_weights(model, Path(run.init))
        monitor, callbacks = _callbacks(out, model, examination, len(batches))
    model.fit(batches, epochs=config.epochs, verbose=0, callbacks=callbacks)
    description = _description(run, data, held_out, monitor, time.monotonic() - started)
    return _finish(
        model, out, description, data=data, categories=categories, held_out=held_out, monitor=monitor
    )
