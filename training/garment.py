"""The garment in a photograph: uint8 (h, w, 3) in, a soft mask and a square, centred cut-out of side 128 out.

The border of a photograph shows its ground; a first mask is what differs from the ground's colours.
Then the colours of garment and ground are learned from the mask, and the mask from the colours, in turn
(the idea of GrabCut with histograms in place of mixtures and a guided filter in place of the graph cut).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.filters import threshold_otsu

from training.images import decode

PREPROCESSING = "1"
"""Version of everything up to the encoder's input; embeddings of different versions never mix."""

WORKING_SIZE = 256
"""Longer side, in pixels, at which photographs are decoded for isolation."""

SIDE = 128
"""Side of the cut-out in pixels."""

MIN_CONFIDENCE = 0.1
"""Below this the garment counts as not found, and the whole photograph is taken."""

LUMINANCE = np.array([0.2125, 0.7154, 0.0721], dtype=np.float32)
"""Weights of red, green and blue in luminance (ITU-R BT.709, as in scikit-image)."""

_SEGMENT_SIZE = 112
_GROUND_COLOURS = 6
_ROUNDS = 7
_MIN_AREA = 0.02
_MARGIN = 0.06
_BINS = np.array([16, 20, 20])
_LAB_LOW = np.array([0.0, -60.0, -60.0])
_LAB_SPAN = np.array([100.0, 120.0, 120.0])
_CROSS = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its photograph.

    Parameters
    ----------
    rgb : uint8 (128, 128, 3)
        The square around the garment, centred on it, longer side filling all but a margin.
    mask : uint8 (128, 128)
        255 on the garment, 0 on the ground, soft at the outline.
    box : tuple of float
        The garment's bounds in the photograph as fractions: left, top, right, bottom.
    confidence : float in [0, 1]
        How different the garment's colours are from the ground's.
    """

    rgb: np.ndarray
    mask: np.ndarray
    box: tuple[float, float, float, float]
    confidence: float

    @property
    def found(self) -> bool:
        """Whether a garment was found; if not, the cut-out is the whole photograph."""
        return self.confidence >= MIN_CONFIDENCE

    @property
    def cutout(self) -> np.ndarray:
        """Colour and mask in one array, uint8 (128, 128, 4)."""
        return np.dstack([self.rgb, self.mask])


def _shrink(photo: np.ndarray) -> np.ndarray:
    height, width = photo.shape[:2]
    scale = _SEGMENT_SIZE / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))


def _centrality(height: int, width: int) -> np.ndarray:
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    return np.exp(-(y[:, None] ** 4 + x[None] ** 4) / (2 * 0.75**4))


def _border(height: int, width: int) -> np.ndarray:
    band = max(3, height // 20)
    border = np.ones((height, width), bool)
    border[band:-band, band:-band] = False
    return border


def _squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    products = points @ centres.T
    return np.maximum((points**2).sum(1)[:, None] - 2 * products + (centres**2).sum(1), 0)


def _principal_colours(colours: np.ndarray) -> np.ndarray:
    """k-means with farthest-point starts, without chance: float (n, 3) -> (k, 3)."""
    centres = colours[:1]
    for _ in range(_GROUND_COLOURS - 1):
        farthest = _squared_distances(colours, centres).min(1).argmax()
        centres = np.concatenate([centres, colours[farthest : farthest + 1]])
    for _ in range(6):
        nearest = _squared_distances(colours, centres).argmin(1)
        counts = np.bincount(nearest, minlength=_GROUND_COLOURS)
        sums = np.stack(
            [np.bincount(nearest, colours[:, c], minlength=_GROUND_COLOURS) for c in range(3)], axis=1
        )
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return centres


def _tidy(mask: np.ndarray, centrality: np.ndarray) -> np.ndarray:
    """Close gaps, open bridges, fill holes, keep the component with the most central area."""
    padded = np.pad(mask, 4)
    padded = ndimage.binary_closing(padded, _CROSS, 2)
    padded = ndimage.binary_opening(padded, _CROSS, 2)
    grounds, _ = ndimage.label(~padded)
    filled = (grounds != grounds[0, 0])[4:-4, 4:-4]
    labels, count = ndimage.label(filled)
    if count < 2:
        return filled
    return labels == 1 + ndimage.sum(centrality, labels, np.arange(1, count + 1)).argmax()


def _first_mask(lab: np.ndarray, border: np.ndarray, centrality: np.ndarray) -> np.ndarray:
    smooth = ndimage.gaussian_filter(lab, (1.2, 1.2, 0))
    ground = _principal_colours(smooth[border])
    distance = np.sqrt(_squared_distances(smooth.reshape(-1, 3), ground).min(1)).reshape(border.shape)
    weighted = distance * (0.1 + centrality)
    if np.ptp(weighted) < 1e-6:
        return np.zeros(border.shape, bool)
    return _tidy(weighted > threshold_otsu(weighted), centrality)


def _colour_bins(lab: np.ndarray) -> np.ndarray:
    cells = np.clip((lab - _LAB_LOW) / _LAB_SPAN * _BINS, 0, _BINS - 1).astype(np.int64)
    return (cells[..., 0] * _BINS[1] + cells[..., 1]) * _BINS[2] + cells[..., 2]


def _histogram(bins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    counts = np.bincount(bins.ravel(), weights.ravel(), minlength=_BINS.prod()).reshape(_BINS)
    smooth = ndimage.gaussian_filter(counts, 1.0, mode="constant", truncate=2.0)
    return (smooth / max(smooth.sum(), 1e-9)).ravel()


def _guided(guide: np.ndarray, image: np.ndarray, radius: int = 4, epsilon: float = 1e-3) -> np.ndarray:
    """Smooth `image` along the edges of `guide` (He, Sun, Tang, "Guided image filtering", ECCV 2010)."""

    def mean(values: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(values, 2 * radius + 1, mode="nearest")

    guide_mean, image_mean = mean(guide), mean(image)
    slope = (mean(guide * image) - guide_mean * image_mean) / (mean(guide**2) - guide_mean**2 + epsilon)
    return mean(slope) * guide + mean(image_mean - slope * guide_mean)


def _segment(photo: np.ndarray) -> tuple[np.ndarray, float]:
    """Mask bool (h, w) of a small photograph, and how far garment and ground differ in colour."""
    lab = rgb2lab(photo).astype(np.float32)
    height, width = photo.shape[:2]
    border, centrality = _border(height, width), _centrality(height, width)
    mask = _first_mask(lab, border, centrality)
    prior = 0.08 + 0.84 * centrality
    place = 0.25 * np.log(prior / (1 - prior))
    smooth = ndimage.gaussian_filter(lab, (0.7, 0.7, 0))
    bins = _colour_bins(smooth)
    overlap = 1.0
    for _ in range(_ROUNDS):
        if mask.mean() < _MIN_AREA:
            return mask, 0.0
        inside = ndimage.gaussian_filter(mask.astype(np.float32), 2.0)
        garment = _histogram(bins, inside)
        ground = _histogram(bins, 1 - inside + 0.5 * border)
        ratio = np.clip(np.log((garment[bins] + 1e-5) / (ground[bins] + 1e-5)), -4, 4)
        probability = 1 / (1 + np.exp(-ratio - place))
        mask = _tidy(_guided(smooth[..., 0] / 100, probability) > 0.5, centrality)
        overlap = float(np.sqrt(garment * ground).sum())
    return mask, (1.0 - overlap if mask.mean() >= _MIN_AREA else 0.0)


def _bounds(mask: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def _square(image: Image.Image, box: tuple[float, float, float, float]) -> np.ndarray:
    """Cut the square of side 128 around `box`, with a margin; black beyond the picture."""
    width, height = image.size
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    half = max(right - left, bottom - top) * (0.5 + _MARGIN)
    x, y = (left + right) / 2, (top + bottom) / 2
    extent = (x - half, y - half, x + half, y + half)
    cut = image.transform((SIDE, SIDE), Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR)
    return np.asarray(cut)


def isolate(photo: np.ndarray) -> Garment:
    """Find the garment and cut it out.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
        Best at a longer side of `WORKING_SIZE`; larger pictures cost time and gain nothing.

    Returns
    -------
    Garment
        Where none is found, its cut-out is the whole photograph, its box (0, 0, 1, 1).
    """
    mask, confidence = _segment(_shrink(photo))
    box = _bounds(mask) if confidence >= MIN_CONFIDENCE else (0.0, 0.0, 1.0, 1.0)
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.7)
    if confidence < MIN_CONFIDENCE:
        soft = np.ones(mask.shape, np.float32)
    picture = Image.fromarray(photo)
    matte = Image.fromarray((soft * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)
    return Garment(rgb=_square(picture, box), mask=_square(matte, box), box=box, confidence=confidence)


def read_garment(path: Path) -> Garment:
    """Decode a photograph at `WORKING_SIZE` and isolate its garment.

    Raises
    ------
    UnreadableImage
        See `training.images.decode`.
    """
    return isolate(decode(path, size=WORKING_SIZE))


def encoder_input(cutouts: np.ndarray) -> np.ndarray:
    """Reduce RGBA cut-outs, uint8 (n, 128, 128, 4), to luminance and mask, uint8 (n, 128, 128, 2)."""
    luminance = np.rint(cutouts[..., :3] @ LUMINANCE).astype(np.uint8)
    return np.stack([luminance, cutouts[..., 3]], axis=-1)
