"""The convolutional autoencoder: cut-outs, uint8 (n, 128, 128, 4), to unit embeddings, float32 (n, d).

It sees two disturbed views of each garment and reconstructs its clean edge maps from each (denoising). The
projections of both views are pulled together and away from every other garment's (the invariance term); where
garments have categories, the embeddings of one category are pulled together, too. The embedding is the
bottleneck or, with categories, a linear layer on the same features that `training.model.discriminant` learns
after the training. The target of the reconstruction is the mean of the edge maps and their mirror image, so
that left and right need not be distinguished.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from training import device
from training.config import Config
from training.model.augment import Disturb
from training.model.edges import SobelEdges, edge_maps
from training.photo.garment import LUMINANCE, SIDE

Tensor = Any

RECONSTRUCTION_SIDE = SIDE // 2


def _convolved(x: Tensor, width: int, *, kernel: int = 3, strides: int = 1) -> Tensor:
    x = layers.Conv2D(width, kernel, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def _stage(x: Tensor, width: int, blocks: int) -> Tensor:
    x = layers.ReLU()(_convolved(x, width, strides=2))
    for _ in range(blocks):
        x = layers.ReLU()(layers.Add()([x, _convolved(x, width)]))
    return x


def build_trunk(config: Config) -> keras.Model:
    """Build the network from edge maps, float32 (n, 128, 128, 2), to features, float32 (n, 64 config.neck).

    It has no global pooling, so that the positions of sleeve ends and hems are kept.
    """
    edges = keras.Input((SIDE, SIDE, 2))
    x = layers.ReLU()(_convolved(edges, config.widths[0], kernel=5, strides=2))
    for width, blocks in zip(config.widths[1:], config.blocks, strict=True):
        x = _stage(x, width, blocks)
    x = layers.ReLU()(_convolved(x, config.neck, kernel=1))
    return keras.Model(edges, layers.Flatten()(x), name="trunk")


def build_bottleneck(config: Config) -> keras.Model:
    """Build the layer from features, (n, 64 config.neck), to the bottleneck, (n, config.dimension)."""
    features = keras.Input((64 * config.neck,))
    return keras.Model(features, layers.Dense(config.dimension)(features), name="bottleneck")


def build_projector(config: Config) -> keras.Model:
    """Build the projection head before the invariance term, used in training only: (n, d) to (n, d).

    Information that the term discards is lost here and not in the embedding.

    References
    ----------
    T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
    representations", ICML 2020, section 4.2.
    """
    bottleneck = keras.Input((config.dimension,))
    hidden = layers.Dense(config.dimension, activation="relu")(bottleneck)
    return keras.Model(bottleneck, layers.Dense(config.dimension)(hidden), name="projector")


def build_decoder(config: Config) -> keras.Model:
    """Build the decoder from the bottleneck to clean edge maps, float32 (n, 64, 64, 2) in [0, 1]."""
    bottleneck = keras.Input((config.dimension,))
    x = layers.Reshape((8, 8, config.neck))(layers.Dense(64 * config.neck, activation="relu")(bottleneck))
    for width in config.decoder_widths:
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    edges = layers.Conv2D(2, 3, padding="same", activation="sigmoid", dtype="float32")(x)
    return keras.Model(bottleneck, edges, name="decoder")


def contrast(embeddings: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Contrastive loss that pulls the embeddings of a group together and pushes all others away.

    Parameters
    ----------
    embeddings : float32 (m, d) of unit norm
    groups : int32 (m,)
        Group of each embedding; negative for none. With one group per garment this is InfoNCE, with one per
        category the supervised form.
    temperature : float

    Returns
    -------
    loss : float32 ()

    References
    ----------
    A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive predictive coding", 2018;
    P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020 (its outer sum).
    """
    others = 1.0 - ops.eye(ops.shape(embeddings)[0])
    same = ops.logical_and(groups[:, None] == groups[None], groups[:, None] >= 0)
    positives = ops.cast(same, "float32") * others
    logits = ops.matmul(embeddings, ops.transpose(embeddings)) / temperature - 1e9 * (1.0 - others)
    log_share = logits - ops.logsumexp(logits, axis=1, keepdims=True)
    counts = ops.sum(positives, axis=1)
    rows = -ops.sum(log_share * positives, axis=1) / ops.maximum(counts, 1.0)
    return ops.sum(rows) / ops.maximum(ops.sum(ops.cast(counts > 0, "float32")), 1.0)


def _unit(vectors: Tensor) -> Tensor:
    vectors = ops.cast(vectors, "float32")
    return vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True) + 1e-12)


def _grey(scaled: Tensor) -> Tensor:
    return ops.sum(scaled[..., :3] * ops.convert_to_tensor(LUMINANCE), axis=-1, keepdims=True)


class Autoencoder(keras.Model):
    """The model that is trained; `encoder()` is the part that is exported.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    head : tuple of float32 (m, d) and float32 (d,), or None
        Kernel and bias from features to embedding, in place of the bottleneck's, once they are learned.
    """

    def __init__(self, config: Config, **options: object) -> None:
        super().__init__(**options)
        self.config = config
        self.disturb = Disturb(seed=config.seed)
        self.trunk = build_trunk(config)
        self.bottleneck = build_bottleneck(config)
        self.projector = build_projector(config)
        self.decoder = build_decoder(config)
        self.drop = keras.random.SeedGenerator(config.seed + 1)
        self.head: tuple[np.ndarray, np.ndarray] | None = None
        terms = ("reconstruction", "invariance", "category")
        self.losses_seen = {name: keras.metrics.Mean(name=name) for name in terms}

    def build(self, input_shape: Any) -> None:
        """Do nothing: the constructor has built every part."""
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that each epoch reports."""
        return [*super().metrics, *self.losses_seen.values()]

    def clean_edges(self, cutouts: Tensor) -> Tensor:
        """Undisturbed edge maps of cut-outs: uint8 (n, 128, 128, 4) -> float32 (n, 128, 128, 2)."""
        scaled = ops.cast(cutouts, "float32") / 255.0
        return self._kept(edge_maps(_grey(scaled), scaled[..., 3:]))

    def _kept(self, edges: Tensor) -> Tensor:
        """Zero the channels that the configuration switches off."""
        shares = [float(self.config.outline), float(self.config.inner_lines)]
        return edges if all(shares) else edges * ops.convert_to_tensor(shares)

    def view(self, cutouts: Tensor) -> Tensor:
        """Edge maps of one disturbed view of cut-outs: uint8 (n, 128, 128, 4) -> float32 (n, 128, 128, 2)."""
        scaled = ops.cast(cutouts, "float32") / 255.0
        grey, mask = self.disturb(scaled) if self.config.disturbed else (_grey(scaled), scaled[..., 3:])
        edges = self._kept(edge_maps(grey, mask))
        shown = keras.random.uniform((ops.shape(edges)[0], 1, 1, 1), seed=self.drop) >= self.config.drop_lines
        return ops.concatenate([edges[..., :1], edges[..., 1:] * ops.cast(shown, "float32")], axis=-1)

    def _target(self, cutouts: Tensor) -> Tensor:
        """Return what the decoder is to draw: uint8 (n, 128, 128, 4) -> float32 (n, 64, 64, 2)."""
        ratio = SIDE // RECONSTRUCTION_SIDE
        small = ops.average_pool(self.clean_edges(cutouts), ratio, strides=ratio)
        return (small + ops.flip(small, axis=2)) / 2

    def features(self, edges: Tensor) -> Tensor:
        """Return what the embedding is computed from: float32 (n, 128, 128, 2) -> (n, 64 config.neck).

        That is the mean over the garment and its mirror image, where the configuration says so.
        """
        if not self.config.mirrored:
            return self.trunk(edges)
        both = self.trunk(ops.concatenate([edges, ops.flip(edges, axis=2)], axis=0))
        return ops.mean(ops.reshape(both, (2, -1, both.shape[-1])), axis=0)

    def call(self, cutouts: Tensor, training: bool = False) -> dict[str, Tensor]:
        """Return embeddings, projections, reconstructions and targets (of two views each in training).

        In training, `cutouts` are uint8 (n, 1 or 3, 128, 128, 4): each garment as it is, and two views of it
        to disturb where there are any.
        """
        garments = cutouts[:, 0] if len(cutouts.shape) == 5 else cutouts
        if training:
            seen = [cutouts[:, -2:][:, 0], cutouts[:, -1]]  # with one alone, twice that
            edges = ops.concatenate([self.view(each) for each in seen], axis=0)
            drawn = [garments, garments] if self.config.clean_target else seen
            target = ops.concatenate([self._target(each) for each in drawn], axis=0)
        else:
            edges, target = self.clean_edges(garments), self._target(garments)
        bottleneck = self.bottleneck(self.trunk(edges, training=training))
        return {
            "embedding": _unit(bottleneck),
            "projection": _unit(self.projector(bottleneck)),
            "reconstruction": self.decoder(bottleneck, training=training),
            "target": target,
        }

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        **options: Any,
    ) -> Tensor:
        """Weighted sum of reconstruction error, invariance and category terms; `y` holds category numbers.

        Each replica returns its share of the mean over all, because TensorFlow adds their gradients.
        """
        error = ops.square(y_pred["reconstruction"] - y_pred["target"])
        garments = ops.arange(ops.shape(y_pred["embedding"])[0] // 2)
        terms = {
            "reconstruction": ops.mean(ops.sum(error, axis=(1, 2, 3))) / RECONSTRUCTION_SIDE,
            "invariance": self._contrast(y_pred["projection"], garments),
            "category": self._contrast(y_pred["embedding"], y),
        }
        for name, term in terms.items():
            self.losses_seen[name].update_state(term)
        total = (
            self.config.reconstruction_weight * terms["reconstruction"]
            + self.config.invariance_weight * terms["invariance"]
            + terms["category"]
        )
        return total / device.replicas()

    def _contrast(self, vectors: Tensor, groups: Tensor) -> Tensor:
        return contrast(vectors, ops.concatenate([groups, groups]), self.config.temperature)

    def encoder(self) -> keras.Model:
        """Return the exported part: uint8 (n, 128, 128, 2) luminance and mask -> unit float32 (n, d)."""
        pixels = keras.Input((SIDE, SIDE, 2), dtype="uint8")
        features = self.features(self._kept(SobelEdges()(pixels)))
        unit = layers.UnitNormalization(axis=-1, dtype="float32")
        return keras.Model(pixels, unit(self._last(features)), name="encoder")

    def _last(self, features: Tensor) -> Tensor:
        if self.head is None:
            return self.bottleneck(features)
        layer = layers.Dense(self.config.dimension, name="head")
        embedding = layer(features)
        layer.set_weights(self.head)
        return embedding
