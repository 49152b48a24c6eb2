"""The garment in a photograph: uint8 (h, w, 3) in; soft mask and square, centred cut-out of side 128 out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from training.photo import preprocessing
from training.photo.images import decode
from training.photo.preprocessing import (
    CONNECTIVITY,
    MARGIN,
    MASK_BLUR,
    MASK_BLUR_RADIUS,
    MASK_THRESHOLD,
    MIN_AREA,
    MIN_CONFIDENCE,
    SIDE,
    SMALLEST_PART,
    WORKING_SIZE,
)
from training.photo.segmenter import fingerprint, segment

PREPROCESSING = preprocessing.version(fingerprint())
"""Version of everything up to the encoder's input; embeddings of different versions never mix."""

LUMINANCE = np.array(preprocessing.LUMINANCE, dtype=np.float32)
"""Weights of red, green and blue in luminance: float32 (3,)."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of a picture."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

_NEIGHBOURS = ndimage.generate_binary_structure(2, CONNECTIVITY)
_IMPULSE = np.eye(1, 2 * MASK_BLUR_RADIUS + 1, MASK_BLUR_RADIUS)[0]
_BLUR = ndimage.gaussian_filter1d(_IMPULSE, MASK_BLUR)
"""The Gaussian that softens a mask: float64 (7,)."""


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its photograph.

    Parameters
    ----------
    rgb : uint8 (128, 128, 3)
        The square around the garment, centred on it, longer side filling all but a margin.
    mask : uint8 (128, 128)
        255 on the garment, 0 on the background, soft at the outline.
    box : Box
        The garment's bounds in the photograph.
    confidence : float in [0, 1]
        The intersection over union with the true mask that the segmenter's probabilities lead to expect.
    """

    rgb: np.ndarray
    mask: np.ndarray
    box: Box
    confidence: float

    @property
    def found(self) -> bool:
        """Whether a garment was found; if not, the cut-out is the whole photograph."""
        return self.confidence >= MIN_CONFIDENCE

    @property
    def cutout(self) -> np.ndarray:
        """Colour and mask in one array, uint8 (128, 128, 4)."""
        return np.dstack([self.rgb, self.mask])


def main_parts(mask: np.ndarray) -> np.ndarray:
    """Keep the largest component of a mask, bool (h, w), and those that are not small beside it."""
    labels, count = ndimage.label(mask, _NEIGHBOURS)
    if count < 2:
        return mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    return (areas >= SMALLEST_PART * areas.max())[labels]


def _expected_iou(mask: np.ndarray, probability: np.ndarray) -> float:
    """Return the expected intersection over union with the true mask, given the probabilities."""
    inside = float(probability[mask].sum())
    return inside / (float(np.count_nonzero(mask)) + float(probability.sum()) - inside)


def _softened(mask: np.ndarray) -> np.ndarray:
    """Blur a mask, bool (h, w), to uint8 (h, w)."""
    soft = mask.astype(np.float32)
    for axis in (0, 1):
        soft = ndimage.correlate1d(soft, _BLUR, axis)
    return (soft * 255).astype(np.uint8)


def bounds(mask: np.ndarray) -> Box:
    """Return the smallest box around a mask, bool (h, w), that is somewhere true."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def square(picture: Image.Image, matte: Image.Image, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Cut the square of side 128 around `box`, with `MARGIN`, out of a picture and its mask of the same size.

    Returns
    -------
    rgb : uint8 (128, 128, 3)
    mask : uint8 (128, 128)
        Both are black beyond the picture.
    """
    width, height = picture.size
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    half = max(right - left, bottom - top) * (0.5 + MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2
    extent = (x - half, y - half, x + half, y + half)
    both = Image.merge("CMYK", (*picture.split(), matte))  # four bands of any meaning, cut in one go
    cut = np.asarray(both.transform((SIDE, SIDE), Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR))
    return cut[..., :3], cut[..., 3]


def isolate(photo: np.ndarray) -> Garment:
    """Find the garment and cut it out.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
        Best at a longer side of `WORKING_SIZE`; larger pictures cost time and gain nothing.

    Returns
    -------
    Garment
        Where none is found, its cut-out is the whole photograph and its box (0, 0, 1, 1).
    """
    probability = segment(photo)
    mask = main_parts(probability > MASK_THRESHOLD)
    confidence = _expected_iou(mask, probability) if np.count_nonzero(mask) >= MIN_AREA * mask.size else 0.0
    if confidence >= MIN_CONFIDENCE:
        box = bounds(mask)
    else:
        box, mask = WHOLE, np.ones_like(mask)
    picture = Image.fromarray(photo)
    matte = Image.fromarray(_softened(mask)).resize(picture.size, Image.Resampling.BICUBIC)
    rgb, mask = square(picture, matte, box)
    return Garment(rgb=rgb, mask=mask, box=box, confidence=confidence)


def read_garment(path: Path) -> Garment:
    """Decode a photograph at `WORKING_SIZE` and isolate its garment.

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    return isolate(decode(path, size=WORKING_SIZE))


def encoder_input(cutouts: np.ndarray) -> np.ndarray:
    """Reduce RGBA cut-outs, uint8 (n, 128, 128, 4), to luminance and mask, uint8 (n, 128, 128, 2)."""
    luminance = np.rint(cutouts[..., :3] @ LUMINANCE).astype(np.uint8)
    return np.stack([luminance, cutouts[..., 3]], axis=-1)
