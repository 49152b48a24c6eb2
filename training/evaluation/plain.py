"""The original idea: a plain autoencoder on the Sobel edges of the whole photograph, and nothing else.

It reconstructs float32 (n, 64, 64, 1) edges in [0, 1]; its bottleneck describes the photograph.
"""

import math

import keras
import numpy as np
from keras import layers
from skimage.filters import sobel

from training.evaluation.baselines import THUMBNAIL_SIDE
from training.fit.monitor import Progress

EPOCHS = 6
BATCH = 64
WIDTHS = (16, 32, 64)
BOTTLENECK = 128
SEED = 7


def sobel_edges(thumbnails: np.ndarray) -> np.ndarray:
    """Return the Sobel magnitude of grey pictures, uint8 (n, 64, 64), as float32 (n, 64, 64, 1) in [0, 1]."""
    edges = [sobel(picture.astype(np.float32) / 255) for picture in thumbnails]
    return np.minimum(np.stack(edges)[..., None] * 4, 1).astype(np.float32)


def build(*, bottleneck: int = BOTTLENECK) -> tuple[keras.Model, keras.Model]:
    """Return the autoencoder and its encoding half, which share their weights."""
    edges = keras.Input((THUMBNAIL_SIDE, THUMBNAIL_SIDE, 1))
    x = edges
    for width in WIDTHS:
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    shape = x.shape[1:]
    code = layers.Dense(bottleneck)(layers.Flatten()(x))
    x = layers.Reshape(shape)(layers.Dense(int(np.prod(shape)), activation="relu")(code))
    for width in reversed(WIDTHS[:-1]):
        x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid", dtype="float32")(x)
    return keras.Model(edges, x), keras.Model(edges, code)


def _unit(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float32)
    return codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-12)


def plain_autoencoder(
    gallery: np.ndarray, queries: np.ndarray, *, epochs: int = EPOCHS
) -> tuple[np.ndarray, np.ndarray]:
    """Train on the gallery, from a fixed seed, and describe both sides.

    Parameters
    ----------
    gallery, queries : uint8 (n, 64, 64), (m, 64, 64)
        Photographs in grey, squeezed into the square.
    epochs : int
        Passes over the gallery.

    Returns
    -------
    gallery, queries : float32 (n, 128), (m, 128)
        The bottleneck, unit rows.
    """
    keras.utils.set_random_seed(SEED)
    edges = sobel_edges(gallery)
    autoencoder, encoder = build()
    autoencoder.compile(keras.optimizers.Adam(1e-3), loss="binary_crossentropy", jit_compile=False)
    bar = Progress(math.ceil(len(edges) / BATCH))
    autoencoder.fit(edges, edges, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[bar])
    codes = (encoder.predict(x, batch_size=256, verbose=0) for x in (edges, sobel_edges(queries)))
    described, asked = (_unit(code) for code in codes)
    return described, asked
