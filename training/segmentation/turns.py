"""The quarter turns of photographs, told by the trained network's deepest features; no labels are needed.

Every photograph is turned four ways. That it stood upright before is taken for granted.
"""

from collections.abc import Sequence

import keras
import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from training.photo.preprocessing import SURE_OF_TURN
from training.photo.regions import turn_log_odds
from training.photo.segmenter import squeeze
from training.segmentation.labels import Label
from training.segmentation.network import TurnHead, deepest

TURNS = 4
PENALTY = 1e-2
"""Of the weights' squares, beside the mean cross-entropy; features have a standard deviation of 1."""

WRONGLY_TURNED = 0.004
"""Share of upright photographs, held out, that the head may take for turned."""

ITERATIONS = 150


def features(model: keras.Model, labels: Sequence[Label]) -> np.ndarray:
    """Return the deepest features of photographs turned by 0 to 3 quarters to the left: float32 (n, 4, d)."""
    photos = np.stack([squeeze(label.photo) for label in labels])
    deep = deepest(model)
    turned = [np.ascontiguousarray(np.rot90(photos, quarters, axes=(1, 2))) for quarters in range(TURNS)]
    return np.stack([deep.predict(views, batch_size=64, verbose=0) for views in turned], axis=1)


def fit(known: np.ndarray) -> TurnHead:
    """Fit the head by logistic regression to features, float32 (n, 4, d).

    With h quarters to the left, a photograph needs h to the right: its class is h.
    """
    count, _, depth = known.shape
    inputs = known.reshape(-1, depth)
    mean, scale = inputs.mean(axis=0), float(inputs.std()) or 1.0
    inputs = (inputs - mean) / scale
    truth = np.tile(np.eye(TURNS, dtype=np.float32), (count, 1))

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.astype(np.float32).reshape(depth + 1, TURNS)
        logs = log_softmax(inputs @ weights[:-1] + weights[-1], axis=-1)
        slope = (np.exp(logs) - truth) / len(truth)
        value = -(logs * truth).sum() / len(truth) + PENALTY / 2 * np.square(weights[:-1]).sum()
        by_weight = np.vstack([inputs.T @ slope + PENALTY * weights[:-1], slope.sum(axis=0)])
        return float(value), by_weight.ravel().astype(np.float64)

    start = np.zeros((depth + 1) * TURNS)
    best = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x
    weights = best.reshape(depth + 1, TURNS)
    scaled = weights[:-1] / scale
    return TurnHead(scaled.astype(np.float32), (weights[-1] - mean @ scaled).astype(np.float32))


def careful(head: TurnHead, held_out: np.ndarray) -> TurnHead:
    """Make the head less sure until few enough upright photographs are taken for turned.

    Parameters
    ----------
    head : TurnHead
    held_out : float32 (n, 4, d)
        Features of photographs that the head was not fitted to.
    """
    if not len(held_out):
        return head
    _, odds = _looked_twice(head, held_out)
    upright = np.sort(odds[:, 0])
    highest = float(upright[len(upright) - 1 - int(WRONGLY_TURNED * len(upright))])
    factor = min(1.0, SURE_OF_TURN / (highest + 1e-2)) if highest > 0 else 1.0
    return TurnHead(head.weights * np.float32(factor), head.bias * np.float32(factor))


def _looked_twice(head: TurnHead, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest class of each turned photograph, and its log odds after a second look: (n, 4)."""
    logs = log_softmax(seen @ head.weights + head.bias, axis=-1)
    likeliest = logs.argmax(axis=-1)
    odds = [
        [
            turn_log_odds(one[at], one[(at - quarters) % TURNS], quarters)
            for at, quarters in enumerate(classes)
        ]
        for one, classes in zip(logs, likeliest.tolist(), strict=True)
    ]
    return likeliest, np.array(odds).reshape(-1, TURNS)


def told(head: TurnHead, seen: np.ndarray) -> np.ndarray:
    """Return by how many quarters each turned photograph, float32 (n, 4, d), would be turned: int (n, 4)."""
    likeliest, odds = _looked_twice(head, seen)
    return np.where(odds >= SURE_OF_TURN, likeliest, 0)
