"""The convolutional autoencoder: cut-outs, uint8 (n, 128, 128, 4), to unit embeddings, float32 (n, d).

It sees two disturbed views of each garment, reconstructs the clean edge maps from each (denoising), and
must give both views one embedding that differs from every other garment's (the invariance term).
"""

from typing import Any

import keras
from keras import layers, ops

from training.augment import Disturb
from training.config import Config
from training.edges import SobelEdges, edge_maps
from training.garment import LUMINANCE, SIDE

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
    """Build the way from edge maps, float32 (n, 128, 128, 2), to the latent, (n, config.latent).

    Nothing is pooled over the picture, so where a sleeve or a hem ends is kept.
    """
    edges = keras.Input((SIDE, SIDE, 2))
    x = layers.ReLU()(_convolved(edges, config.widths[0], kernel=5, strides=2))
    for width, blocks in zip(config.widths[1:], config.blocks, strict=True):
        x = _stage(x, width, blocks)
    x = layers.ReLU()(_convolved(x, config.neck, kernel=1))
    latent = layers.Dense(config.latent, name="latent")(layers.Flatten(name="layout")(x))
    return keras.Model(edges, latent, name="trunk")


def build_decoder(config: Config) -> keras.Model:
    """Build the way back: latent to clean edge maps, float32 (n, 64, 64, 2) in [0, 1]."""
    latent = keras.Input((config.latent,))
    x = layers.Reshape((8, 8, config.neck))(layers.Dense(64 * config.neck, activation="relu")(latent))
    for width in config.decoder_widths:
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    edges = layers.Conv2D(2, 3, padding="same", activation="sigmoid", dtype="float32")(x)
    return keras.Model(latent, edges, name="decoder")


def contrast(embeddings: Tensor, groups: Tensor, temperature: float) -> Tensor:
    """Pull together the embeddings of one group and push all others away.

    Parameters
    ----------
    embeddings : float32 (m, d) of unit norm
    groups : int32 (2, m)
        Two embeddings belong together where either row agrees: the garment's number in the batch, and its
        category (negative: none). Without categories this is InfoNCE.
    temperature : float

    Returns
    -------
    loss : float32 ()

    References
    ----------
    A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive predictive coding", 2018;
    P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020 (its outer sum).
    """
    m = ops.shape(embeddings)[0]
    others = 1.0 - ops.eye(m)
    same = ops.logical_and(groups[:, :, None] == groups[:, None, :], groups[:, :, None] >= 0)
    positives = ops.cast(ops.any(same, axis=0), "float32") * others
    logits = ops.matmul(embeddings, ops.transpose(embeddings)) / temperature - 1e9 * (1.0 - others)
    log_share = logits - ops.logsumexp(logits, axis=1, keepdims=True)
    return -ops.mean(ops.sum(log_share * positives, axis=1) / ops.sum(positives, axis=1))


class Autoencoder(keras.Model):
    """The model that is trained; `encoder()` is the part that is exported.

    Parameters
    ----------
    config : Config
    """

    def __init__(self, config: Config, **options: object) -> None:
        super().__init__(**options)
        self.config = config
        self.disturb = Disturb(seed=config.seed)
        self.trunk = build_trunk(config)
        self.head = layers.Dense(config.dimension, name="embedding")
        self.decoder = build_decoder(config)
        self.head.build((None, config.latent))
        self.drop = keras.random.SeedGenerator(config.seed + 1)
        self.losses_seen = {name: keras.metrics.Mean(name=name) for name in ("reconstruction", "contrast")}

    def build(self, input_shape: Any) -> None:
        """Do nothing: the constructor has built every part."""
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that each epoch reports."""
        return [*super().metrics, *self.losses_seen.values()]

    def _embedding(self, latent: Tensor) -> Tensor:
        raw = ops.cast(self.head(latent), "float32")
        return raw / ops.sqrt(ops.sum(ops.square(raw), axis=1, keepdims=True) + 1e-12)

    def clean_edges(self, cutouts: Tensor) -> Tensor:
        """Undisturbed edge maps of cut-outs: uint8 (n, 128, 128, 4) -> float32 (n, 128, 128, 2)."""
        scaled = ops.cast(cutouts, "float32") / 255.0
        grey = ops.sum(scaled[..., :3] * ops.convert_to_tensor(LUMINANCE), axis=-1, keepdims=True)
        return edge_maps(grey, scaled[..., 3:])

    def _view(self, scaled: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the edges of one disturbed view and what is to be reconstructed from it."""
        grey, mask, mirrored = self.disturb(scaled)
        edges = edge_maps(grey, mask)
        n = ops.shape(edges)[0]
        kept = keras.random.uniform((n, 1, 1, 1), seed=self.drop) >= self.config.drop_lines
        edges = ops.concatenate([edges[..., :1], edges[..., 1:] * ops.cast(kept, "float32")], axis=-1)
        turned = ops.reshape(mirrored, (-1, 1, 1, 1))
        return edges, turned * ops.flip(target, axis=2) + (1 - turned) * target

    def call(self, cutouts: Tensor, training: bool = False) -> dict[str, Tensor]:
        """Return embeddings, reconstructions and targets: of two views a garment while training."""
        clean = self.clean_edges(cutouts)
        ratio = SIDE // RECONSTRUCTION_SIDE
        target = ops.average_pool(clean, ratio, strides=ratio)
        if training:
            scaled = ops.cast(cutouts, "float32") / 255.0
            views = [self._view(scaled, target) for _ in range(2)]
            clean, target = (ops.concatenate(parts, axis=0) for parts in zip(*views, strict=True))
        latent = self.trunk(clean, training=training)
        return {
            "embedding": self._embedding(latent),
            "reconstruction": self.decoder(latent, training=training),
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
        """Weighted sum of the reconstruction's error and the invariance term; `y` holds category numbers."""
        error = ops.square(y_pred["reconstruction"] - y_pred["target"])
        reconstruction = ops.mean(ops.sum(error, axis=(1, 2, 3))) / RECONSTRUCTION_SIDE
        n = ops.shape(y_pred["embedding"])[0] // 2
        numbers = ops.concatenate([ops.arange(n), ops.arange(n)])
        categories = ops.cast(ops.concatenate([y, y]), numbers.dtype)
        term = contrast(y_pred["embedding"], ops.stack([numbers, categories]), self.config.temperature)
        self.losses_seen["reconstruction"].update_state(reconstruction)
        self.losses_seen["contrast"].update_state(term)
        return self.config.reconstruction_weight * reconstruction + term

    def bottleneck(self) -> keras.Model:
        """Return the way to the latent: uint8 (n, 128, 128, 2) luminance and mask -> (n, config.latent)."""
        pixels = keras.Input((SIDE, SIDE, 2), dtype="uint8")
        return keras.Model(pixels, self.trunk(SobelEdges()(pixels)), name="bottleneck")

    def encoder(self) -> keras.Model:
        """Return the exported part: uint8 (n, 128, 128, 2) luminance and mask -> unit float32 (n, d)."""
        bottleneck = self.bottleneck()
        unit = layers.UnitNormalization(axis=-1, dtype="float32")(self.head(bottleneck.output))
        return keras.Model(bottleneck.input, unit, name="encoder")

    def folded_encoder(self) -> keras.Model:
        """Return a copy of `encoder()` in which latent and head, both linear, are one smaller layer."""
        layout = keras.Model(self.trunk.input, self.trunk.get_layer("layout").output)
        first, second = self.trunk.get_layer("latent"), self.head
        pixels = keras.Input((SIDE, SIDE, 2), dtype="uint8")
        both = layers.Dense(self.config.dimension, dtype="float32", name="embedding")
        unit = layers.UnitNormalization(axis=-1, dtype="float32")(both(layout(SobelEdges()(pixels))))
        kernel = ops.matmul(first.kernel, second.kernel)
        both.set_weights([kernel, ops.matmul(first.bias[None], second.kernel)[0] + second.bias])
        return keras.Model(pixels, unit, name="encoder")
