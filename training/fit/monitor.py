"""The callbacks of a training run: validation, best weights, early stopping, history and progress bar."""

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training import device
from training.files import write_atomically
from training.fit.run import HISTORY_FILE
from training.fit.validation import Embed, Validation
from training.progress import progress_bar

BEST_FILE = "best.weights.h5"


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Return the records of a run's epochs; none where it has not begun."""
    path = folder / HISTORY_FILE
    return json.loads(path.read_text()) if path.exists() else []


class Monitor(keras.callbacks.Callback):
    """Validates, keeps the best weights, stops when the score no longer rises, writes `history.json`.

    Its state is in the run's folder, so that a resumed run goes on with the same best score.

    Parameters
    ----------
    folder : Path
        The run's folder.
    validation : Validation
    every, patience : int
        Epochs between validations; validations without a better score before training stops.
    embed : function
        From cut-outs to their embeddings by the model's current weights.
    last : bool
        Whether the last weights are kept instead of the best, and training goes on to its end: for networks
        whose last layer is learned afterwards, so that the validation does not see what ships.
    """

    def __init__(
        self,
        folder: Path,
        validation: Validation,
        embed: Embed,
        *,
        every: int,
        patience: int,
        last: bool = False,
    ) -> None:
        super().__init__()
        self.folder, self.validation, self.embed = folder, validation, embed
        self.every, self.patience, self.last = every, patience, last
        self.history: list[dict[str, Any]] = []
        self.started = time.monotonic()

    @property
    def kept(self) -> dict[str, Any] | None:
        """The record of the epoch whose weights are kept: that with the highest score, or the last scored."""
        metric = self.validation.metric
        scored = [record for record in self.history if metric in record]
        if self.last:
            return scored[-1] if scored else None
        return max(scored, key=lambda record: record[metric], default=None)

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the history of the epochs that the checkpoint holds."""
        done = self.model._initial_epoch or 0
        self.history = [record for record in recorded(self.folder) if record["epoch"] <= done]
        self.started = time.monotonic() - (self.history[-1].get("seconds", 0) if self.history else 0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Record the epoch, and validate when it is due."""
        record: dict[str, Any] = {"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}}
        before = self.kept
        last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every == 0 or last:
            record |= self.validation.scores(self.embed)
        record["seconds"] = round(time.monotonic() - self.started, 1)
        self.history.append(record)
        if self.kept is not before:
            self.model.save_weights(self.folder / BEST_FILE)
        write_atomically(self.folder / HISTORY_FILE, json.dumps(self.history, indent=1).encode())
        if logs is not None:
            logs |= {k: v for k, v in record.items() if k.startswith("val_")}
        if device.gather(np.array(self._is_over()))[0]:  # all hosts stop when the first does
            self.model.stop_training = True

    def _is_over(self) -> bool:
        """Return whether patience has run out without a better score, or the loss is not finite."""
        kept = self.kept
        metric = self.validation.metric
        since = [r for r in self.history if metric in r and kept and r["epoch"] > kept["epoch"]]
        return len(since) >= self.patience or not np.isfinite(self.history[-1].get("loss", 0.0))


class Progress(keras.callbacks.Callback):
    """One progress bar over all steps, with rate, time left, the losses and the last validation score."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.bar: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the bar, advanced to where a resumed run stands."""
        epochs, done = self.params["epochs"], self.model._initial_epoch or 0
        total = self.steps * epochs
        self.bar = progress_bar(
            total=total, initial=self.steps * done, desc="training", unit="step", mininterval=1
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Advance by a step."""
        if self.bar is not None:
            self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the epoch's losses and scores beside the bar."""
        if self.bar is not None and logs:
            names = ("loss", "reconstruction", "invariance", "category", "val_p_at_1", "val_p_at_10")
            self.bar.set_postfix({"epoch": epoch + 1, **{n: f"{logs[n]:.3f}" for n in names if n in logs}})

    def on_train_end(self, logs: Any = None) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
