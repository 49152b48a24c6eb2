"""The parsing network: uint8 (n, 128, 128, 3) photographs to float32 (n, 64, 64, 20) logits.

A small U-Net: five downsampling steps, a gate with global context, and upsampling to half the resolution.
There, twelve channels are background, person and garment of two by two pixels, and eight the garment's types.
"""

import math
from typing import Any

import keras
from keras import layers, ops

from training.photo.garment_types import CLASSES, PERSON, TYPES
from training.photo.preprocessing import SEGMENTER_SIDE as SIDE
from training.photo.segmenter import GROUPS, HALF, TURN_RANGE
from training.segmentation.labels import ANY_TYPE

Tensor = Any

WIDTHS = (16, 32, 64, 128, 160)
TURN_WIDTHS = (64, 96, 64)
"""Of the layers of the head that tells quarter turns."""

DEEP_SIDE = SIDE // 2 ** (len(WIDTHS) - 1)
"""Side of the map before the deepest one."""

DEEP = 3
"""Number of downsampling steps after which a step has a second residual convolution."""

TYPE_WEIGHT = {"shoes": 1.5, "bag": 1.5, "hat": 1.5}
TYPE_SHARE = 1.0
"""Weight of the cross-entropy of types."""

GARMENT_SHARE = 1.0
"""Weight of the Dice loss of types, in which each garment of a picture counts the same."""

LEAST_GARMENT = 0.004
"""Share of the picture from which a garment counts."""

CONSISTENCY = 3.0
"""Weight of the squared difference between the probabilities of two views of one scene."""


def _convolved(x: Tensor, width: int, *, strides: int = 1) -> Tensor:
    x = layers.Conv2D(width, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def build() -> keras.Model:
    """Build the network; 1.3 million weights."""
    photos = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, -1)(photos)
    skips = []
    for depth, width in enumerate(WIDTHS):
        x = _convolved(x, width, strides=2)
        for _ in range(min(depth, 1) + (depth >= DEEP)):
            x = layers.Add()([x, _convolved(x, width)])
        skips.append(x)
    context = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(WIDTHS[-1], 1, activation="sigmoid")(context)])
    for width, skip in zip(WIDTHS[-2::-1], skips[-2::-1], strict=True):
        x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = layers.Add()([layers.UpSampling2D(2, interpolation="bilinear")(x), skip])
        x = _convolved(x, width)
    return keras.Model(photos, layers.Conv2D(4 * GROUPS + len(TYPES), 1, dtype="float32")(x), name="parser")


def split(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits of the groups, (n, 128, 128, 3), and those of the types, (n, 64, 64, 8)."""
    groups = ops.reshape(outputs[..., : 4 * GROUPS], (-1, HALF, HALF, 2, 2, GROUPS))
    groups = ops.reshape(ops.transpose(groups, (0, 1, 3, 2, 4, 5)), (-1, SIDE, SIDE, GROUPS))
    return groups, outputs[..., 4 * GROUPS :]


def deepest(model: keras.Model) -> keras.Model:
    """Return the network up to its deepest maps, (8, 8, 128) and (4, 4, 160), flat: float32 (n, 10752)."""
    gate = next(layer for layer in model.layers if isinstance(layer, layers.Multiply))
    before = model.layers[: model.layers.index(gate)]
    last = [layer.output for layer in before if layer.output.shape[1:3] == (DEEP_SIDE, DEEP_SIDE)][-1]
    flat = [layers.Reshape((math.prod(one.shape[1:]),))(one) for one in (last, gate.output)]
    return keras.Model(model.input, layers.Concatenate()(flat))


def turn_head() -> keras.Model:
    """Build what tells the four quarter turns from what `deepest` gives: logits, float32 (n, 4)."""
    shapes = (DEEP_SIDE, DEEP_SIDE, WIDTHS[-2]), (DEEP_SIDE // 2, DEEP_SIDE // 2, WIDTHS[-1])
    first, both = math.prod(shapes[0]), sum(map(math.prod, shapes))
    flat = keras.Input((both,))
    large, deep = (
        layers.Reshape(shape)(one)
        for shape, one in zip(shapes, (flat[:, :first], flat[:, first:]), strict=True)
    )
    x = layers.Concatenate()([_convolved(large, TURN_WIDTHS[0], strides=2), deep])
    x = layers.Conv2D(TURN_WIDTHS[1], 1, use_bias=False)(layers.Dropout(0.2)(x))
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
    x = layers.Dense(TURN_WIDTHS[2], activation="relu")(layers.Dropout(0.4)(x))
    return keras.Model(flat, layers.Dense(4, name="turns")(layers.Dropout(0.2)(x)), name="turn_head")


def exported(model: keras.Model, head: keras.Model) -> keras.Model:
    """Return the network with the logits of the quarter turns, by a `turn_head`, after its own.

    Each is a plane, the last ones everywhere the same, as `training.photo.segmenter.read_output` wants them.
    """
    logits = layers.Reshape((1, 1, 4))(head(deepest(model).output))
    turns = layers.UpSampling2D(HALF)(ops.clip(logits, -TURN_RANGE, TURN_RANGE))
    return keras.Model(model.input, layers.Permute((3, 1, 2))(layers.Concatenate()([model.output, turns])))


def _entropy(probabilities_log: Tensor, numbers: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy of (n, h, w, k) log probabilities with numbers, (n, h, w)."""
    chosen = ops.sum(probabilities_log * ops.one_hot(numbers, probabilities_log.shape[-1]), axis=-1)
    return -ops.sum(chosen * weights) / (ops.sum(weights) + 1)


def _dice(probabilities: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    both = ops.sum(probabilities * truth * valid, axis=(1, 2))
    either = ops.sum((probabilities + truth) * valid, axis=(1, 2))
    return ops.mean(1 - (2 * both + 1) / (either + 1))


def _garment_dice(types: Tensor, numbers: Tensor, typed: Tensor) -> Tensor:
    """Return the mean Dice loss of a batch's garments, by the probabilities of the types where any is."""
    inside = ops.cast(typed, "float32")[..., None]
    truth = ops.one_hot(ops.where(typed, numbers, 0), len(TYPES)) * inside
    area = ops.sum(truth, axis=(1, 2))
    both = ops.sum(types * truth, axis=(1, 2))
    either = ops.sum(types * inside, axis=(1, 2)) + area
    there = ops.cast(area >= LEAST_GARMENT * HALF * HALF, "float32")
    return ops.sum((1 - 2 * both / (either + 1)) * there) / (ops.sum(there) + 1)


def loss(labels: Tensor, outputs: Tensor) -> Tensor:
    """Return the loss of a batch whose second half are other views, mirrored, of the scenes of the first.

    Parameters
    ----------
    labels : uint8 (n, 128, 128)
        Indices of `CLASSES`, `ANY_TYPE`, or a larger number where it is not known.
    outputs : float32 (n, 64, 64, 20)

    Returns
    -------
    scalar
        Cross-entropy of groups and of types, the Dice losses of garment, person and each garment's type, and
        the difference between the two views.
    """
    numbers = ops.cast(labels, "int32")
    groups, types = split(outputs)
    valid = ops.cast(numbers <= ANY_TYPE, "float32")
    person = CLASSES.index(PERSON)
    group = ops.where(numbers > person, GROUPS - 1, numbers)
    logs = ops.log_softmax(groups)
    chances = ops.exp(logs)
    total = _entropy(logs, group, valid)
    for number, weight in ((GROUPS - 1, 0.5), (person, 0.25)):
        truth = ops.cast(group == number, "float32") * valid
        total = total + weight * _dice(chances[..., number], truth, valid)
    number = numbers[:, ::2, ::2] - 2
    typed = (number >= 0) & (number < len(TYPES))
    weights = ops.take(
        ops.convert_to_tensor([TYPE_WEIGHT.get(name, 1.0) for name in TYPES]), ops.where(typed, number, 0)
    ) * ops.cast(typed, "float32")
    type_logs = ops.log_softmax(types)
    total = total + TYPE_SHARE * _entropy(type_logs, ops.where(typed, number, 0), weights)
    total = total + GARMENT_SHARE * _garment_dice(ops.exp(type_logs), number, typed)
    half = ops.shape(groups)[0] // 2
    difference = chances[:half] - ops.flip(chances[half:], axis=2)
    between = ops.exp(type_logs)
    difference_types = between[:half] - ops.flip(between[half:], axis=2)
    inside = ops.cast(typed, "float32")[:half, ..., None]
    return (
        total
        + CONSISTENCY * ops.mean(ops.sum(ops.square(difference), axis=-1))
        + 0.5 * ops.sum(ops.square(difference_types) * inside) / (ops.sum(inside) + 1)
    )
