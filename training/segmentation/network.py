"""The segmentation network: uint8 (n, 128, 128, 3) photographs to float32 (n, 128, 128, 1) logits.

A small U-Net: five downsampling steps, a gate with global context, and upsampling to half the resolution,
where four channels become two by two pixels.
"""

from typing import Any

import keras
from keras import layers, ops

from training.photo.preprocessing import SEGMENTER_SIDE as SIDE

Tensor = Any

WIDTHS = (12, 24, 48, 96, 128)


def _convolved(x: Tensor, width: int, *, strides: int = 1) -> Tensor:
    x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def build() -> keras.Model:
    """Build the network; 0.6 million weights."""
    photos = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, -1)(photos)
    skips = []
    for depth, width in enumerate(WIDTHS):
        x = _convolved(x, width, strides=2)
        if depth:
            x = layers.Add()([x, _convolved(x, width)])
        skips.append(x)
    context = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(WIDTHS[-1], 1, activation="sigmoid")(context)])
    for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = layers.Add()([layers.UpSampling2D(2, interpolation="bilinear")(x), skip])
        x = _convolved(x, width)
    x = layers.Conv2D(4, 3, padding="same", dtype="float32")(x)
    x = layers.Permute((1, 3, 2, 4))(layers.Reshape((SIDE // 2, SIDE // 2, 2, 2))(x))
    return keras.Model(photos, layers.Reshape((SIDE, SIDE, 1))(x), name="segmenter")


def loss(masks: Tensor, logits: Tensor) -> Tensor:
    """Return the cross-entropy of the pixels plus half the Dice loss of the masks."""
    entropy = ops.mean(ops.relu(logits) - logits * masks + ops.log1p(ops.exp(-ops.abs(logits))))
    probabilities = ops.sigmoid(logits)
    both = ops.sum(probabilities * masks, axis=(1, 2, 3))
    either = ops.sum(probabilities, axis=(1, 2, 3)) + ops.sum(masks, axis=(1, 2, 3))
    return entropy + 0.5 * ops.mean(1 - (2 * both + 1) / (either + 1))
