"""The encoder's edge maps without its network: uint8 (..., s, s, 2) -> float32 (..., 2, s, s) in [0, 1].

Channel 0 of the input is luminance, channel 1 the mask of the garment. The first map is the outline, the
second its inner lines. `training.model.edges` has the same as a layer.
"""

import numpy as np

OUTLINE_GAIN = 4.0
"""A blurred mask's edge has about a quarter of full contrast; the gain brings it to 1."""

LINES_SPREAD = 4.0
"""Inner lines are divided by this many times their mean within the mask, which cancels their contrast."""

LINES_FLOOR = 0.01
"""Mean edge strength below which a garment counts as plain, so that noise is not amplified to lines."""


_DIVISOR = np.float32(4 * np.sqrt(2))


def gradients(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Sobel derivatives to the right and down, scaled as in `skimage.filters.sobel`.

    Parameters
    ----------
    images : float32 (..., h, w)

    Returns
    -------
    right, down : float32 (..., h, w)
    """
    edge = [(0, 0)] * (images.ndim - 2) + [(1, 1), (1, 1)]
    padded = np.pad(images, edge, "symmetric") / _DIVISOR
    smooth = padded[..., :-2, :] + padded[..., 2:, :] + 2 * padded[..., 1:-1, :]
    steep = padded[..., 2:, :] - padded[..., :-2, :]
    return smooth[..., 2:] - smooth[..., :-2], steep[..., :-2] + steep[..., 2:] + 2 * steep[..., 1:-1]


def _sobel(images: np.ndarray) -> np.ndarray:
    """Return the Sobel magnitude of float32 (..., h, w)."""
    right, down = gradients(images)
    return np.sqrt(right * right + down * down)


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
