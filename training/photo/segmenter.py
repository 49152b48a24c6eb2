"""The segmenter that ships: a photograph, uint8 (h, w, 3), to what is garment, float32 (128, 128) in [0, 1].

It is part of the preprocessing: another segmenter makes other cut-outs, and encoders and indexes refuse them.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import expit

from training.photo.litert import LiteModel

MODEL_FILE = "segmenter.tflite"
PRETRAINED = Path(__file__).parents[1] / "pretrained" / MODEL_FILE

SIDE = 128
"""Side of the network's input; photographs are squeezed to it, whatever their proportions."""


def squeeze(photo: np.ndarray) -> np.ndarray:
    """Scale a photograph to the network's square: uint8 (h, w, 3) -> uint8 (128, 128, 3)."""
    return np.asarray(Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.BOX))


@functools.cache
def fingerprint() -> str:
    """Return the SHA-256 of the segmenter that ships, as 64 hexadecimal digits."""
    return hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()


@functools.cache
def _model() -> LiteModel:
    return LiteModel(PRETRAINED.read_bytes())


def segment(photo: np.ndarray) -> np.ndarray:
    """Tell the garment from its ground.

    Parameters
    ----------
    photo : uint8 (h, w, 3)

    Returns
    -------
    probability : float32 (128, 128) in [0, 1]
        Of garment, row and column in proportion to the photograph's.
    """
    return expit(_model().run(squeeze(photo)[None])[0, ..., 0])
