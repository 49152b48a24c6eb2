"""The training loop: an autoencoder is compiled, fitted to batches of cut-outs, saved and validated."""

from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from training import device
from training.config import Config
from training.fit.batches import Batches
from training.fit.dataset import Dataset
from training.fit.monitor import Monitor, Progress, recorded
from training.fit.run import CHECKPOINT, Run, check_hosts
from training.fit.validation import Embed, Validation
from training.model import bundle
from training.model.autoencoder import Autoencoder
from training.photo.preprocessing import SIDE


def cosine_adamw(
    model: keras.Model, steps: int, *, epochs: int, learning_rate: float, weight_decay: float
) -> keras.optimizers.Optimizer:
    """Return AdamW for `epochs` of `steps` batches of a model: one epoch of warm-up, a cosine decay to zero.

    Its variables are there at once: TensorFlow would trace a step that creates them twice.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps * (epochs - 1)), warmup_target=learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    optimizer.build(model.trainable_variables)
    return optimizer


def checkpoint(folder: Path) -> keras.callbacks.Callback:
    """Return the callback that keeps the state of the last epoch in `folder`, and goes on from it."""
    return keras.callbacks.BackupAndRestore(str(folder), double_checkpoint=True, delete_checkpoint=False)


def compiled(config: Config, steps: int) -> Autoencoder:
    """Return a new model, ready to be fitted for `config.epochs` of `steps` batches."""
    model = Autoencoder(config)
    optimizer = cosine_adamw(
        model,
        steps,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    model.compile(optimizer, jit_compile=device.compiles())
    model.build((None, SIDE, SIDE, 4))
    return model


def begun(
    config: Config, views: np.ndarray, categories: np.ndarray, *, init: Path | None = None
) -> tuple[Autoencoder, Batches]:
    """Return a new model with the weights of its seed, and the batches of garments that it is fitted to.

    Parameters
    ----------
    config : Config
    views : uint8 (n, 1 + v, 128, 128, 4)
    categories : int32 (n,)
    init : Path, optional
        Encoder bundle whose weights it gets instead.

    Raises
    ------
    UnreadableEncoder, EncoderMismatch
        See `training.model.bundle.load_weights`.
    """
    keras.utils.set_random_seed(config.seed)
    device.set_precision()
    batches = Batches(views, categories, batch=config.batch, seed=config.seed)
    with device.spread():
        model = compiled(config, len(batches))
        if init is not None:
            bundle.load_weights(model, init)
    return model, batches


def current_embedding(model: Autoencoder) -> Embed:
    """Return the embedding by the weights that a model has when it is called, computed on one device."""
    with device.alone():
        copy = Autoencoder(model.config)
        encoder = copy.encoder()

    def embed(cutouts: np.ndarray) -> np.ndarray:
        with device.alone():
            copy.set_weights(model.get_weights())
            return bundle.embed(encoder, cutouts)

    return embed


def callbacks(
    out: Path, model: Autoencoder, validation: Validation, steps: int, *, last: bool = False
) -> tuple[Monitor, list[Any]]:
    """Return the callbacks of a run, and its monitor also by itself; they write to `out`."""
    config = model.config
    embed = current_embedding(model)
    settings: Any = {"every": config.validate_every, "patience": config.patience, "last": last}
    monitor = Monitor(out, validation, embed, **settings)
    # None of them reads a step's loss: the device would wait for the next batch while it is read.
    found = [checkpoint(out / CHECKPOINT), monitor, Progress(steps)]
    if keras.backend.backend() == "tensorflow":
        found.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
    return monitor, found


def train(run: Run, out: Path, data: Dataset, validation: Validation) -> Monitor:
    """Fit a new model, or go on from the checkpoint in `out`, where the best epoch's weights are left.

    Parameters
    ----------
    run : Run
    out : Path
    data : Dataset
        What is learned from.
    validation : Validation

    Returns
    -------
    monitor : Monitor
        With the history of the run.
    """
    config, epoch = run.config, 1 + len(recorded(out))
    check_hosts(run, data.items, epoch=epoch)
    init = Path(run.init) if run.init else None
    model, batches = begun(config, data.views, run.categories(data), init=init)
    click.echo(f"Training on {len(data.items):,} photographs with {device.describe()}.", err=True)
    steps = len(batches)
    monitor, watching = callbacks(out, model, validation, steps, last=run.supervise is not None)
    stream = batches.stream(epoch=epoch)
    model.fit(
        stream, steps_per_epoch=steps, epochs=config.epochs, verbose=0, callbacks=watching, shuffle=False
    )
    device.leave()
    return monitor
