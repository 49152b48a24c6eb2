"""The segmenter: a photograph, uint8 (h, w, 3), to the probability of garment, float32 (128, 128) in [0, 1].

It is part of the preprocessing. To swap it, replace the file `PRETRAINED` (`python -m training segmenter`
trains one) or what `segment` does with it; nothing else knows the network. The preprocessing version names
the file, so encoders trained for another segmenter are refused.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import expit

from training.photo.litert import LiteModel
from training.photo.preprocessing import SEGMENTER_SIDE

MODEL_FILE = "segmenter.tflite"
PRETRAINED = Path(__file__).parents[1] / "pretrained" / MODEL_FILE


def squeeze(photo: np.ndarray) -> np.ndarray:
    """Scale a photograph to the network's square, whatever its proportions: to uint8 (128, 128, 3)."""
    size = (SEGMENTER_SIDE, SEGMENTER_SIDE)
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))


@functools.cache
def fingerprint() -> str:
    """Return the SHA-256 of the segmenter's file, as 64 hexadecimal digits."""
    return hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()


@functools.cache
def _model() -> LiteModel:
    return LiteModel(PRETRAINED.read_bytes())


def segment(photo: np.ndarray) -> np.ndarray:
    """Separate the garment from the background.

    Parameters
    ----------
    photo : uint8 (h, w, 3)

    Returns
    -------
    probability : float32 (128, 128) in [0, 1]
        That a pixel belongs to the garment; rows and columns in proportion to the photograph's.
    """
    return expit(_model().run(squeeze(photo)[None])[0, ..., 0])
