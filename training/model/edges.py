"""Sobel edge maps as a layer of the exported model: uint8 (n, s, s, 2) -> float32 (n, s, s, 2) in [0, 1].

Channel 0 of the input is luminance, channel 1 the garment's mask. Channel 0 of the output is the
garment's outline (edges of the mask), channel 1 its inner lines (edges of the luminance within the mask).
"""

import keras
import numpy as np
from keras import ops

from training.alignment.edge_maps import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN

_VERTICAL = np.outer([1.0, 0.0, -1.0], [1.0, 2.0, 1.0])
_KERNEL = np.stack([_VERTICAL, _VERTICAL.T], axis=-1)[:, :, None, :] / (4 * np.sqrt(2))


def sobel(images: keras.KerasTensor) -> keras.KerasTensor:
    """Sobel magnitude of each channel, equal to `skimage.filters.sobel` (also at the border) to 1e-5.

    Parameters
    ----------
    images : float32 (n, h, w, c) in [0, 1]

    Returns
    -------
    magnitude : float32 (n, h, w, c) in [0, 1]

    References
    ----------
    I. Sobel, G. Feldman, "A 3x3 isotropic gradient operator for image processing", 1968; scaled by
    1/(4 sqrt 2) and with symmetric padding as in scikit-image.
    """
    padded = ops.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    kernel = ops.cast(ops.convert_to_tensor(_KERNEL), images.dtype)
    channels = [ops.conv(padded[..., c : c + 1], kernel, padding="valid") for c in range(images.shape[-1])]
    return ops.stack([ops.sqrt(ops.sum(ops.square(g), axis=-1)) for g in channels], axis=-1)


def edge_maps(luminance: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Outline and inner lines, each normalised by its own contrast.

    Parameters
    ----------
    luminance, mask : float32 (n, s, s, 1) in [0, 1]

    Returns
    -------
    edges : float32 (n, s, s, 2) in [0, 1]
    """
    raw = sobel(ops.concatenate([luminance, mask], axis=-1))
    outline = ops.minimum(raw[..., 1:] * OUTLINE_GAIN, 1.0)
    lines = raw[..., :1] * mask
    area = ops.sum(mask, axis=(1, 2), keepdims=True) + 1.0
    mean = ops.sum(lines, axis=(1, 2), keepdims=True) / area
    lines = ops.minimum(lines / (LINES_SPREAD * ops.maximum(mean, LINES_FLOOR)), 1.0)
    return ops.concatenate([outline, lines], axis=-1)


class SobelEdges(keras.layers.Layer):
    """`edge_maps` of uint8 or float (n, s, s, 2) in [0, 255]: luminance and mask; always in float32."""

    def __init__(self, **options: object) -> None:
        super().__init__(dtype="float32", **options)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Edges of a batch; see the module's docstring."""
        scaled = ops.cast(inputs, "float32") / 255.0
        return edge_maps(scaled[..., :1], scaled[..., 1:])
