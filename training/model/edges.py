"""Sobel edge maps as a layer of the exported model: uint8 (n, s, s, 2) -> float32 (n, s, s, 2) in [0, 1].

Channel 0 of the input is luminance, channel 1 the garment's mask. Channel 0 of the output is the
garment's outline (edges of the mask), channel 1 its inner lines (edges of the luminance within the mask).
"""

import keras
import numpy as np
from keras import ops

from training.alignment.edge_maps import LINES_FLOOR, LINES_SPREAD, OUTLINE_GAIN

_DIVISOR = 4 * np.sqrt(2)

_SWAPPED = np.array([[[[0.0, 1.0], [1.0, 0.0]]]], np.float32)
_MASK_SECOND = np.array([[[[0.0, 0.0], [0.0, 1.0]]]], np.float32)
"""Kernels of one pixel: from luminance and mask, or their edges, to both in turn, or to nothing and mask."""


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
    tall = ops.concatenate([images[:, :1], images, images[:, -1:]], axis=1)
    padded = ops.concatenate([tall[:, :, :1], tall, tall[:, :, -1:]], axis=2)
    smooth = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    right = smooth[:, :, 2:] - smooth[:, :, :-2]
    smooth = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    down = smooth[:, 2:] - smooth[:, :-2]
    return ops.sqrt(right * right + down * down) / _DIVISOR


def _edge_maps(images: keras.KerasTensor) -> keras.KerasTensor:
    """Return `edge_maps` of luminance and mask in one array, float32 (n, s, s, 2).

    In operations that LiteRT's XNNPACK has, for both channels together: single channels cost it more.
    """
    weights = ops.conv(images, _MASK_SECOND, padding="valid") + np.array([OUTLINE_GAIN, 0], np.float32)
    edges = ops.conv(sobel(images), _SWAPPED, padding="valid") * weights
    mean, area = (ops.mean(each, axis=(1, 2), keepdims=True) for each in (edges, weights))
    pixels = images.shape[1] * images.shape[2]
    spread = LINES_SPREAD * ops.maximum(mean / (area + 1 / pixels), LINES_FLOOR)
    return ops.minimum(edges * (np.array([0, 1], np.float32) / spread + np.array([1, 0], np.float32)), 1.0)


def edge_maps(luminance: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """Outline and inner lines, each normalised by its own contrast.

    Parameters
    ----------
    luminance, mask : float32 (n, s, s, 1) in [0, 1]

    Returns
    -------
    edges : float32 (n, s, s, 2) in [0, 1]
    """
    return _edge_maps(ops.concatenate([luminance, mask], axis=-1))


class SobelEdges(keras.layers.Layer):
    """`edge_maps` of uint8 or float (n, s, s, 2) in [0, 255]: luminance and mask; always in float32."""

    def __init__(self, **options: object) -> None:
        super().__init__(dtype="float32", **options)

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Edges of a batch; see the module's docstring."""
        return _edge_maps(ops.cast(inputs, "float32") / 255.0)
