"""What watches a training run: validation by retrieval, best weights, early stopping, progress, history."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from training import device
from training.files import write_atomically
from training.fit.dataset import Dataset
from training.metrics import mark
from training.model.augment import Disturb

HISTORY_FILE = "history.json"
BEST_FILE = "best.weights.h5"

Embed = Callable[[np.ndarray], np.ndarray]


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Return the records of the epochs of a run, none where it has not begun."""
    path = folder / HISTORY_FILE
    return json.loads(path.read_text()) if path.exists() else []


def _disturbed(cutouts: np.ndarray, seed: int) -> np.ndarray:
    """One fixed disturbed view of each cut-out, as a grey cut-out, uint8 (n, 128, 128, 4)."""
    grey, mask = Disturb(seed=seed)(cutouts.astype(np.float32) / 255.0)
    grey, mask = (np.rint(np.asarray(x) * 255).astype(np.uint8) for x in (grey, mask))
    return np.concatenate([grey, grey, grey, mask], axis=-1)


@dataclass(frozen=True)
class Validation:
    """The retrieval examination of a model in training.

    Where the held-out garments have categories, each queries the gallery and the score is P@10 by category
    (they choose the epoch; they take no part in the gradient). Where they have none, a disturbed view of
    each must find its undisturbed twin, and the score is mean reciprocal rank, which mAP then is.

    Parameters
    ----------
    gallery, queries : uint8 (n, 128, 128, 4)
    gallery_labels, query_labels : list of str
    metric : str
        The name in `scores` of the score that chooses the epoch.
    """

    gallery: np.ndarray
    queries: np.ndarray
    gallery_labels: list[str]
    query_labels: list[str]
    metric: str = "val_p_at_10"

    @classmethod
    def of(cls, train: Dataset, held_out: Dataset, *, seed: int) -> "Validation":
        """Make the examination from what is trained on and what is held out."""
        known = {item.category for item in train.items} - {None}
        rows = np.array([i for i, item in enumerate(held_out.items) if item.category in known], int)
        if len(rows):
            gallery = train.take(np.flatnonzero([item.category is not None for item in train.items]))
            queries = held_out.take(rows)
            return cls(gallery.cutouts, queries.cutouts, _categories(gallery), _categories(queries))
        both = np.concatenate([held_out.cutouts, train.cutouts])
        names = [str(row) for row in range(len(both))]
        disturbed = _disturbed(held_out.cutouts, seed)
        return cls(both, disturbed, names, names[: len(disturbed)], metric="val_map")

    def scores(self, encode: Embed) -> dict[str, float]:
        """Return the scores of an embedding, named `val_...`, among them `metric`."""
        marks = mark(
            encode(self.queries),
            encode(self.gallery),
            query_labels=self.query_labels,
            gallery_labels=self.gallery_labels,
        )
        scores = marks.scores()
        named = {"val_p_at_1": scores.p_at_1, "val_p_at_10": scores.p_at_10, "val_map": scores.map}
        return {name: float(score) for name, score in named.items()}


def _categories(dataset: Dataset) -> list[str]:
    return [str(item.category) for item in dataset.items]


class Monitor(keras.callbacks.Callback):
    """Validates, keeps the best weights, stops when the score no longer rises, and writes `history.json`.

    Its state lies in the run's folder, so that a resumed run goes on with the same best score.

    Parameters
    ----------
    folder : Path
        The run's folder.
    validation : Validation
    every, patience : int
        Epochs between validations; validations without a better score before training stops.
    embed : function
        From cut-outs to their embeddings by the weights as they are when it is called.
    """

    def __init__(
        self, folder: Path, validation: Validation, embed: Embed, *, every: int, patience: int
    ) -> None:
        super().__init__()
        self.folder, self.validation, self.embed = folder, validation, embed
        self.every, self.patience = every, patience
        self.history: list[dict[str, Any]] = []
        self.started = time.monotonic()

    @property
    def best(self) -> dict[str, Any] | None:
        """The record of the epoch with the highest score so far."""
        metric = self.validation.metric
        scored = [record for record in self.history if metric in record]
        return max(scored, key=lambda record: record[metric], default=None)

    def on_train_begin(self, logs: Any = None) -> None:
        """Take up the history of the epochs that a checkpoint holds."""
        done = self.model._initial_epoch or 0
        self.history = [record for record in recorded(self.folder) if record["epoch"] <= done]
        self.started = time.monotonic() - (self.history[-1].get("seconds", 0) if self.history else 0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Record the epoch; validate when it is time."""
        record: dict[str, Any] = {"epoch": epoch + 1, **{k: float(v) for k, v in (logs or {}).items()}}
        before = self.best
        last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every == 0 or last:
            record |= self.validation.scores(self.embed)
        record["seconds"] = round(time.monotonic() - self.started, 1)
        self.history.append(record)
        if self.best is not before:
            self.model.save_weights(self.folder / BEST_FILE)
        write_atomically(self.folder / HISTORY_FILE, json.dumps(self.history, indent=1).encode())
        if logs is not None:
            logs |= {k: v for k, v in record.items() if k.startswith("val_")}
        if device.gather(np.array(self._is_over()))[0]:  # all hosts stop when the first does
            self.model.stop_training = True

    def _is_over(self) -> bool:
        """Return whether the score has long been rising no more, or the loss is no number any more."""
        best = self.best
        metric = self.validation.metric
        since = [r for r in self.history if metric in r and best and r["epoch"] > best["epoch"]]
        return len(since) >= self.patience or not np.isfinite(self.history[-1].get("loss", 0.0))


class Progress(keras.callbacks.Callback):
    """One bar over all steps of the run, with rate, time left, the losses and the last validation score."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.bar: tqdm | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the bar where a resumed run stands."""
        epochs, done = self.params["epochs"], self.model._initial_epoch or 0
        total = self.steps * epochs
        self.bar = tqdm(total=total, initial=self.steps * done, desc="training", unit="step", mininterval=1)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Advance by a step."""
        if self.bar is not None:
            self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the epoch's figures behind the bar."""
        if self.bar is not None and logs:
            names = ("reconstruction", "invariance", "category", "val_p_at_1", "val_p_at_10")
            self.bar.set_postfix({"epoch": epoch + 1, **{n: f"{logs[n]:.3f}" for n in names if n in logs}})

    def on_train_end(self, logs: Any = None) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
