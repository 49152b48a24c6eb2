"""Augmentation that changes a garment's appearance but not its shape, on the training device.

float32 (n, s, s, 4) cut-outs in [0, 1] become luminance and mask, float32 (n, s, s, 1) each in [0, 1].
"""

import math
from typing import Any

import keras
from keras import ops, random

Tensor = Any

ROTATION = math.radians(12)
SCALE = 0.10
ASPECT = 0.04
SHIFT = 0.04
GAMMA = 0.8
LOGO_SHARE = 0.5
PRINT_SHARE = 0.4
BLUR_SHARE = 0.3
NOISE = 0.04
RAGGED = 0.35
BITE_SHARE = 0.3


def _along(row: Tensor, axis: Tensor) -> Tensor:
    """Return coordinates at each pixel, (n, s, s), without a matrix product, which GPUs round to 10 bits."""
    return (row[:, 0:1] * axis)[:, None, :] + (row[:, 1:2] * axis + row[:, 2:3])[:, :, None]


def _affine(images: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Apply an affine transform with bilinear interpolation and zeros outside the image.

    Equals `keras.ops.image.affine_transform`, which XLA can't compile on TensorFlow.

    Parameters
    ----------
    images : float32 (n, s, s, c)
    across, down : float32 (n, 3)
        Pixel (x, y) is sampled at x' = across . (x, y, 1), y' = down . (x, y, 1).

    Returns
    -------
    images : float32 (n, s, s, c)
    """
    n, side, channels = ops.shape(images)[0], images.shape[1], images.shape[-1]
    axis = ops.arange(side, dtype="float32")
    x, y = (ops.clip(_along(row, axis), -1.0, float(side)) for row in (across, down))
    left, top = ops.floor(x), ops.floor(y)
    right, low = (x - left)[..., None], (y - top)[..., None]
    width = side + 3  # one pixel of border on one side, two on the other
    pixels = ops.reshape(ops.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]]), (-1, channels))
    first = ops.cast((top + 1) * width + left + 1, "int32")
    first = first + ops.arange(n, dtype="int32")[:, None, None] * width**2
    corners = [ops.take(pixels, first + step, axis=0) for step in (0, 1, width, width + 1)]
    upper = corners[0] * (1 - right) + corners[1] * right
    lower = corners[2] * (1 - right) + corners[3] * right
    return upper * (1 - low) + lower * low


class Disturb(keras.layers.Layer):
    """One disturbed view of each cut-out.

    Parameters
    ----------
    seed : int
        Of the layer's own generator, whose state is saved with the weights.
    """

    def __init__(self, *, seed: int, **options: object) -> None:
        super().__init__(dtype="float32", **options)
        self.generator = random.SeedGenerator(seed)

    def _uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Tensor:
        return random.uniform(shape, low, high, seed=self.generator)

    def _chance(self, n: int, share: float) -> Tensor:
        return ops.cast(self._uniform((n, 1, 1, 1)) < share, "float32")

    def _mixed(self, rgb: Tensor, n: int) -> Tensor:
        """Mix the channels with random weights, apply a random gamma, invert half of the images."""
        weights = self._uniform((n, 1, 1, 3), -0.25, 1.0) + 0.05
        grey = ops.sum(rgb * weights, axis=-1, keepdims=True)
        low = ops.min(grey, axis=(1, 2), keepdims=True)
        high = ops.max(grey, axis=(1, 2), keepdims=True)
        grey = (grey - low) / (high - low + 0.05)
        inverted = self._chance(n, 0.5)
        grey = inverted * (1 - grey) + (1 - inverted) * grey
        gamma = ops.exp(self._uniform((n, 1, 1, 1), -GAMMA, GAMMA))
        contrast = self._uniform((n, 1, 1, 1), 0.4, 1.0)
        return contrast * ops.power(ops.clip(grey, 1e-3, 1.0), gamma)

    def _warped(self, images: Tensor, n: int, side: int) -> Tensor:
        """Rotate, scale, stretch, shift and mirror each image about its centre."""
        angle = self._uniform((n,), -ROTATION, ROTATION)
        scale = ops.exp(self._uniform((n,), -SCALE, SCALE))
        aspect = ops.exp(self._uniform((n,), -ASPECT, ASPECT))
        flip = 1 - 2 * ops.cast(self._uniform((n,)) < 0.5, "float32")
        a0, a1 = ops.cos(angle) * scale * aspect * flip, -ops.sin(angle) * scale * aspect
        b0, b1 = ops.sin(angle) * scale / aspect * flip, ops.cos(angle) * scale / aspect
        centre = (side - 1) / 2
        shift = self._uniform((2, n), -SHIFT * side, SHIFT * side)
        a2 = centre - a0 * centre - a1 * centre + shift[0]
        b2 = centre - b0 * centre - b1 * centre + shift[1]
        return _affine(images, ops.stack([a0, a1, a2], axis=1), ops.stack([b0, b1, b2], axis=1))

    def _window(self, n: int, side: int, *, centre: float, low: float, high: float) -> Tensor:
        """Return one random rounded window per image: 1 inside, 0 outside; float32 (n, side, side, 1)."""
        axis = ops.linspace(0.0, 1.0, side)
        middle = self._uniform((2, n, 1, 1), 0.5 - centre, 0.5 + centre)
        radius = self._uniform((2, n, 1, 1), low, high)
        y = ops.abs(axis[None, :, None] - middle[0]) / radius[0]
        x = ops.abs(axis[None, None, :] - middle[1]) / radius[1]
        power = self._uniform((n, 1, 1), 2.0, 6.0)
        inside = ops.power(y + 1e-4, power) + ops.power(x + 1e-4, power) < 1.0
        return ops.cast(inside, "float32")[..., None]

    def _printed(self, grey: Tensor, n: int, side: int) -> Tensor:
        """Add stripes or waves to the whole garment, and a patch of another garment as a logo."""
        axis = ops.linspace(0.0, 1.0, side)
        wave = self._uniform((2, n, 1, 1), -80.0, 80.0)
        phase = self._uniform((n, 1, 1), 0.0, 2 * math.pi)
        hard = self._uniform((n, 1, 1), 1.0, 8.0)
        carrier = ops.sin(wave[0] * axis[None, :, None] + wave[1] * axis[None, None, :] + phase)
        pattern = 0.5 + 0.5 * ops.tanh(hard * carrier)[..., None]
        strength = self._chance(n, PRINT_SHARE) * self._uniform((n, 1, 1, 1), 0.2, 1.0)
        grey = (1 - strength) * grey + strength * pattern
        other = ops.roll(ops.flip(grey, axis=1), 1, axis=0)
        logo = self._window(n, side, centre=0.18, low=0.05, high=0.25) * self._chance(n, LOGO_SHARE)
        return (1 - logo) * grey + logo * other

    def _blurred(self, grey: Tensor, n: int) -> Tensor:
        soft = ops.average_pool(grey, 3, strides=1, padding="same")
        share = self._chance(n, BLUR_SHARE)
        return share * soft + (1 - share) * grey

    def _ragged(self, mask: Tensor, n: int, side: int) -> Tensor:
        """Roughen the outline as in a poor cut-out, and remove or add a piece."""
        coarse = random.normal((n, side // 8, side // 8, 1), seed=self.generator)
        noise = ops.image.resize(coarse, (side, side), interpolation="bilinear")
        amount = self._uniform((n, 1, 1, 1), 0.0, RAGGED)
        offset = self._uniform((n, 1, 1, 1), -0.15, 0.15)
        soft = ops.average_pool(mask, 7, strides=1, padding="same")
        rough = ops.sigmoid(12.0 * (soft - 0.5 + amount * noise + offset))
        bite = self._window(n, side, centre=0.5, low=0.03, high=0.14) * self._chance(n, BITE_SHARE)
        filled = ops.cast(self._uniform((n, 1, 1, 1)) < 0.3, "float32")
        return rough * (1 - bite) + bite * filled

    def call(self, cutouts: Tensor) -> tuple[Tensor, Tensor]:
        """Return luminance and mask, float32 (n, s, s, 1) each."""
        n, side = ops.shape(cutouts)[0], cutouts.shape[1]
        grey = self._mixed(cutouts[..., :3], n)
        warped = self._warped(ops.concatenate([grey, cutouts[..., 3:]], axis=-1), n, side)
        grey, mask = warped[..., :1], warped[..., 1:]
        grey = self._blurred(self._printed(grey, n, side), n)
        grey = grey + random.normal(ops.shape(grey), stddev=NOISE, seed=self.generator)
        return ops.clip(grey, 0.0, 1.0), self._ragged(mask, n, side)
