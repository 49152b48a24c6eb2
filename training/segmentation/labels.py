"""Pseudo-labels for the segmenter: photographs, uint8 (128, 128, 3), to masks, bool (128, 128).

Each photograph is segmented from two initialisations; where the two masks agree, they are used as the label;
the other photographs are left out.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from training.photo.images import decode
from training.photo.preprocessing import WORKING_SIZE
from training.photo.segmenter import squeeze

MIN_AGREEMENT = 0.85
"""Intersection over union of a photograph's two masks from which it is used for training."""

_STARTS = (0.6, 0.25)
_AREAS = (0.05, 0.85)
_ROUNDS = 4
_BORDER = 2
_NO_BOX = (0, 0, 0, 0)  # the initialisation is a mask
cv2.setNumThreads(1)  # photographs are already spread over processes
_CROSS = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True)
class Label:
    """A photograph with its pseudo-label.

    Parameters
    ----------
    photo : uint8 (128, 128, 3)
    mask : bool (128, 128)
    agreement : float in [0, 1]
        Intersection over union of the two masks it comes from.
    """

    photo: np.ndarray
    mask: np.ndarray
    agreement: float

    @property
    def reliable(self) -> bool:
        """Whether the mask is reliable enough to train on."""
        return self.agreement >= MIN_AGREEMENT and bool(_AREAS[0] <= self.mask.mean() <= _AREAS[1])


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks, bool (h, w); 0 where both are empty."""
    return float((first & second).sum() / max((first | second).sum(), 1))


def _centrality(height: int, width: int) -> np.ndarray:
    y = (np.arange(height) + 0.5) / height * 2 - 1
    x = (np.arange(width) + 0.5) / width * 2 - 1
    return np.exp(-(y[:, None] ** 4 + x[None] ** 4) / (2 * 0.75**4))


def _tidy(mask: np.ndarray) -> np.ndarray:
    """Close gaps, remove bridges, and keep the component with the largest area near the centre."""
    padded = np.pad(mask, 4)
    padded = ndimage.binary_opening(ndimage.binary_closing(padded, _CROSS, 2), _CROSS, 2)
    labels, count = ndimage.label(padded[4:-4, 4:-4])
    if not count:
        return np.zeros_like(mask)
    centrality = _centrality(*mask.shape)
    return labels == 1 + ndimage.sum(centrality, labels, np.arange(1, count + 1)).argmax()


def cut(photo: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Refine a mask by the colours of garment and background, deterministically.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    start : bool (h, w)

    Returns
    -------
    mask : bool (h, w)

    References
    ----------
    C. Rother, V. Kolmogorov, A. Blake, "GrabCut", SIGGRAPH 2004, in OpenCV's implementation.
    """
    trimap = np.where(start, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    rim = np.pad(np.zeros(np.subtract(start.shape, 2 * _BORDER), bool), _BORDER, constant_values=True)
    trimap[rim & ~start] = cv2.GC_BGD
    if not start.any() or not (trimap != cv2.GC_PR_FGD).any():
        return start
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo, trimap, _NO_BOX, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return _tidy((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))


def first_label(photo: np.ndarray) -> Label:
    """Label a photograph, uint8 (h, w, 3), given only that garments are near the centre."""
    centrality = _centrality(*photo.shape[:2])
    narrow, wide = (cut(photo, centrality > share) for share in _STARTS)
    return Label(photo, narrow, iou(narrow, wide))


def next_label(photo: np.ndarray, probability: np.ndarray) -> Label:
    """Label a photograph, uint8 (h, w, 3), by a network's prediction, float (h, w), and the colours."""
    predicted = _tidy(probability > 0.5)
    refined = cut(photo, predicted)
    return Label(photo, refined, iou(predicted, refined))


def next_label_of(pair: tuple[np.ndarray, np.ndarray]) -> Label:
    """Return `next_label` of a pair of its arguments."""
    return next_label(*pair)


def read_squeezed(path: Path) -> np.ndarray:
    """Read a photograph at the network's size: uint8 (128, 128, 3).

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    return squeeze(decode(path, size=WORKING_SIZE))
