"""Validation by retrieval: held-out shapes search the gallery's, and the score chooses the best epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.fit.dataset import Dataset
from training.model.augment import Disturb
from training.retrieval_metrics import score_queries

Embed = Callable[[np.ndarray], np.ndarray]


def _disturbed(cutouts: np.ndarray, seed: int) -> np.ndarray:
    """Return one fixed disturbed view of each cut-out, as a grey cut-out, uint8 (n, 128, 128, 4)."""
    grey, mask = Disturb(seed=seed)(cutouts.astype(np.float32) / 255.0)
    grey, mask = (np.rint(np.asarray(x) * 255).astype(np.uint8) for x in (grey, mask))
    return np.concatenate([grey, grey, grey, mask], axis=-1)


def _categories(dataset: Dataset) -> list[str]:
    return [str(item.category) for item in dataset.items]


@dataclass(frozen=True)
class Validation:
    """The queries, the gallery and the score by which a model is validated while it trains.

    Where the held-out garments have categories, each queries the gallery and the score is P@10 by category
    (they choose the epoch; they take no part in the gradient). Where they have none, a disturbed view of
    each must find its undisturbed twin, and the score is mean reciprocal rank, which equals mAP here.

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
        """Return the validation of a model that is trained on `train`, by what is held out."""
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

    def scores(self, embed: Embed) -> dict[str, float]:
        """Return the scores of an embedding, named `val_...`, among them `metric`."""
        scored = score_queries(
            embed(self.queries),
            embed(self.gallery),
            query_labels=self.query_labels,
            gallery_labels=self.gallery_labels,
        )
        scores = scored.scores()
        named = {"val_p_at_1": scores.p_at_1, "val_p_at_10": scores.p_at_10, "val_map": scores.map}
        return {name: float(score) for name, score in named.items()}
