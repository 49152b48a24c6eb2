"""The encoder's edge maps without its network: uint8 (..., s, s, 2) -> float32 (..., 2, s, s) in [0, 1].

Channel 0 of the input is luminance, channel 1 the mask of the garment. The first map is the outline, the
second its inner lines. `training.model.edges` has the same as a layer.
"""

import numpy as np
from scipy import ndimage

OUTLINE_GAIN = 4.0
"""A blurred mask's edge has about a quarter of full contrast; the gain brings it to 1."""

LINES_SPREAD = 4.0
"""Inner lines are divided by this many times their mean within the mask, which cancels their contrast."""

LINES_FLOOR = 0.01
"""Mean edge strength below which a garment counts as plain, so that noise is not amplified to lines."""


def _step(images: np.ndarray, along: int, across: int) -> np.ndarray:
    differences = ndimage.correlate1d(images, [-1.0, 0.0, 1.0], along)
    return ndimage.correlate1d(differences, [1.0, 2.0, 1.0], across)


def _sobel(images: np.ndarray) -> np.ndarray:
    """Return the Sobel magnitude of float32 (..., h, w), scaled as in `skimage.filters.sobel`."""
    return np.hypot(_step(images, -1, -2), _step(images, -2, -1)) / np.float32(4 * np.sqrt(2))


def edge_maps_of(inputs: np.ndarray) -> np.ndarray:
    """Return outline and inner lines, each normalised by its own contrast.

    Parameters
    ----------
    inputs : uint8 (..., s, s, 2)
        What `training.photo.garment.encoder_input` gives.

    Returns
    -------
    float32 (..., 2, s, s) in [0, 1]
    """
    luminance, mask = np.moveaxis(inputs, -1, 0).astype(np.float32) / 255
    outline = np.minimum(_sobel(mask) * OUTLINE_GAIN, 1)
    lines = _sobel(luminance) * mask
    mean = lines.sum(axis=(-2, -1), keepdims=True) / (mask.sum(axis=(-2, -1), keepdims=True) + 1)
    return np.stack([outline, np.minimum(lines / (LINES_SPREAD * np.maximum(mean, LINES_FLOOR)), 1)], axis=-3)
