"""Baselines that learn on the gallery without categories, and a table of all baselines beside the encoder."""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from PIL import Image
from scipy.sparse.linalg import svds
from skimage.filters import sobel

from training.evaluation.baselines import CHANCE, HOG_CUTOUT, HOG_MASK, HOG_PHOTO, SOBEL_PHOTO, THUMBNAIL_SIDE
from training.evaluation.photos import ENCODER, Photos
from training.evaluation.retrieval import ABOUT, row, sides, tabulate
from training.evaluation.score_table import Table
from training.fit.monitor import Progress
from training.photo.encoder import Encoder
from training.photo.garment import LUMINANCE, Garment

EPOCHS = 6
BATCH = 64
WIDTHS = (16, 32, 64)
BOTTLENECK = 128
AUTOENCODER_SEED = 7


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


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
    keras.utils.set_random_seed(AUTOENCODER_SEED)
    edges = sobel_edges(gallery)
    autoencoder, encoder = build()
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(autoencoder.trainable_variables)  # else TensorFlow traces the first step twice
    autoencoder.compile(optimizer, loss="binary_crossentropy", jit_compile=False)
    bar = Progress(math.ceil(len(edges) / BATCH))
    autoencoder.fit(edges, edges, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[bar])
    codes = (encoder.predict(x, batch_size=256, verbose=0) for x in (edges, sobel_edges(queries)))
    described, asked = (_unit(code) for code in codes)
    return described, asked


EDGE_SIDE = 64
COMPONENTS = 128
PCA_SEED = 5


def _half(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels).resize((EDGE_SIDE, EDGE_SIDE), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32) / 255


def edge_map(garment: Garment) -> np.ndarray:
    """Return the Sobel edges of a cut-out's mask and of its luminance within, float32 (2 * 64 * 64,)."""
    mask = _half(garment.mask)
    luminance = _half(np.rint(garment.rgb @ LUMINANCE).astype(np.uint8))
    return np.concatenate([sobel(mask), sobel(luminance) * mask], axis=None, dtype=np.float32)


def principal_edges(
    gallery: Sequence[Garment], queries: Sequence[Garment], *, components: int = COMPONENTS
) -> tuple[np.ndarray, np.ndarray]:
    """Describe garments by the principal components that the gallery's edge maps have.

    Parameters
    ----------
    gallery, queries : sequences of Garment
    components : int
        At most one less than the gallery has garments.

    Returns
    -------
    gallery, queries : float32 (n, components), (m, components)
        Unit rows.
    """
    edges = np.stack([edge_map(garment) for garment in gallery])
    mean = edges.mean(axis=0)
    count = min(components, len(edges) - 1)
    axes = svds(edges - mean, k=count, rng=np.random.default_rng(PCA_SEED))[2]
    asked = np.stack([edge_map(garment) for garment in queries])
    return _unit((edges - mean) @ axes.T), _unit((asked - mean) @ axes.T)


PCA = "PCA of the cut-out's edge maps"
PLAIN = "plain autoencoder on the photo's Sobel edges"
ORDER = (CHANCE, SOBEL_PHOTO, PLAIN, PCA, HOG_PHOTO, HOG_CUTOUT, HOG_MASK, ENCODER)


def comparison(encoder: Encoder, gallery: Photos, queries: Photos) -> Table:
    """Score the baselines beside the encoder by category retrieval.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        With their descriptors. What a baseline has to learn it learns on the gallery, without categories.
    """
    ranked, asked = sides(encoder, gallery, queries)
    labelled = gallery.labelled(), queries.labelled()
    learned = {
        PLAIN: plain_autoencoder(*(photos.thumbnails for photos in labelled)),
        PCA: principal_edges(*(photos.garments for photos in labelled)),
    }
    for name, (found, wanted) in learned.items():
        ranked.vectors[name], asked.vectors[name] = found, wanted
    rows = [row(name, ranked, asked) for name in ORDER]
    return tabulate(rows, key="baselines", title="Baselines on the same photographs", about=ABOUT)
