"""The network of part features, and the search by which it is trained: edges (n, 30, 30, 8) in.

It is trained to rank: the features of a part are laid on those of all garments of a batch, as a search does
it (`training.parts.part_matching`), and the order is compared with what each answer is worth.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from training.parts.part_maps import CELLS, CHANNELS, DIRECTIONS, EDGE_CELLS
from training.parts.part_matching import FAR, REACH, steps

Tensor = Any

WIDTHS = (32, 48)
BLOCKS = 3
SHARPNESS = 12.0
"""What the scores of a search are multiplied by at first; then it is learned."""

TEMPERATURE = 0.07
"""By how much less an answer is worth that ought to have 1/e of another's share."""

_NEVER = -1e4
_LOST = (FAR * np.hypot(*steps(REACH).T) / CELLS).astype(np.float32)


def _convolved(x: Tensor, width: int, *, strides: int = 1) -> Tensor:
    x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.95)(x)


def build() -> keras.Model:
    """Build the network: uint8 (n, 30, 30, 8) to float32 (n, 15, 15, 8) in [-1, 1]; 142,000 weights."""
    cells = keras.Input((EDGE_CELLS, EDGE_CELLS, DIRECTIONS), dtype="uint8")
    x = layers.Rescaling(1 / 64)(cells)
    x = layers.ReLU()(_convolved(x, WIDTHS[0]))
    x = layers.ReLU()(_convolved(x, WIDTHS[1], strides=2))
    for _ in range(BLOCKS):
        inner = _convolved(layers.ReLU()(_convolved(x, WIDTHS[1])), WIDTHS[1])
        x = layers.ReLU()(layers.Add()([x, inner]))
    features = layers.Conv2D(CHANNELS, 1, activation="tanh", dtype="float32")(x)
    return keras.Model(cells, features, name="part_features")


def correlations(features: Tensor, windows: Tensor) -> Tensor:
    """Return how well a part of each garment is found in every garment of a batch.

    Parameters
    ----------
    features : float32 (n, 15, 15, 8)
    windows : float32 (n, 15, 15) in [0, 1]
        How much of each cell the part covers.

    Returns
    -------
    float32 (n, n)
        Row by row, the highest normalised cross-correlation over all shifts, less what distance costs.
    """
    reach = [(0, 0), (REACH, REACH), (REACH, REACH), (0, 0)]
    padded = ops.pad(features, reach)
    places = range(2 * REACH + 1)
    shifted = ops.stack([padded[:, y : y + CELLS, x : x + CELLS] for y in places for x in places], axis=1)
    size = CELLS * CELLS
    parts = ops.reshape(features * windows[..., None], (-1, size * CHANNELS))
    flat = ops.reshape(windows, (-1, size))
    own = ops.sum(ops.reshape(ops.sum(features * features, axis=-1), (-1, size)) * flat, axis=1)
    products = ops.matmul(parts, ops.transpose(ops.reshape(shifted, (-1, size * CHANNELS))))
    energies = ops.matmul(flat, ops.transpose(ops.reshape(ops.sum(shifted * shifted, axis=-1), (-1, size))))
    cosines = products / ops.sqrt(own[:, None] * energies + 1e-3)
    return ops.max(ops.reshape(cosines, (-1, ops.shape(features)[0], len(_LOST))) - _LOST, axis=-1)


class PartNetwork(keras.Model):
    """The network within its search: edges and windows (n, 15, 15) in, scores float32 (n, n) out."""

    def __init__(self) -> None:
        super().__init__(name="part_network")
        self.features = build()
        start = keras.initializers.Constant(float(np.log(SHARPNESS)))
        self.sharpness = self.add_weight(shape=(), initializer=start, name="sharpness")

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Return `correlations`, sharpened."""
        cells, windows = inputs
        return ops.exp(self.sharpness) * correlations(self.features(cells, training=training), windows)


def listwise(gains: Tensor, scores: Tensor) -> Tensor:
    """Return how far the order of answers lies from what they are worth: float32 (n,).

    The Kullback-Leibler divergence of two distributions over the answers, one by gains, one by scores.

    Parameters
    ----------
    gains : float32 (n, n) in [0, 1]
        NaN where an answer is not compared.
    scores : float32 (n, n)

    References
    ----------
    Z. Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007.
    """
    left_out = ops.isnan(gains)
    truth = ops.log_softmax(ops.where(left_out, _NEVER, ops.nan_to_num(gains) / TEMPERATURE))
    found = ops.log_softmax(ops.where(left_out, _NEVER, scores))
    return ops.sum(ops.exp(truth) * (truth - found), axis=-1)
