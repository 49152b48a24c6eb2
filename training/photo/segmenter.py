"""The segmenter: a photograph, uint8 (h, w, 3), to what each of its parts is: background, person or garment.

It is part of the preprocessing. To swap it, replace the file `PRETRAINED` (`python -m training segmenter`
trains one) or what `parse` does with it; nothing else knows the network. The preprocessing version names
the file, so encoders trained for another segmenter are refused.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import expit, softmax

from training.photo.garment_types import TYPES
from training.photo.litert import LiteModel
from training.photo.preprocessing import LUMINANCE as WEIGHTS
from training.photo.preprocessing import SEGMENTER_SIDE

MODEL_FILE = "segmenter.tflite"
PRETRAINED = Path(__file__).parents[1] / "pretrained" / MODEL_FILE

GROUPS = 3
"""Background, person, and garment of any type."""

HALF = SEGMENTER_SIDE // 2

LUMINANCE = np.array(WEIGHTS, dtype=np.float32)
"""Weights of red, green and blue in luminance: float32 (3,)."""

TURN_RANGE = 64
"""Between the lowest and the highest logit of a quarter turn."""

UPRIGHT = (1.0, 0.0, 0.0, 0.0)
"""What networks that tell no turns are taken to say."""

MIRRORED = [0, 3, 2, 1]
"""The quarter turn of a photograph whose mirror image has a turn of 0 to 3 quarters."""


@dataclass(frozen=True)
class Parse:
    """What the parts of a photograph are; rows and columns are in proportion to the photograph's.

    Parameters
    ----------
    person, garment : float32 (128, 128) in [0, 1]
        Probability of skin or hair, and of a garment of any type.
    types : float32 (64, 64, 8) in [0, 1]
        Probability of each of `TYPES`, given that there is a garment.
    turns : tuple of four float in [0, 1]
        Probability that the photograph stands upright when it is turned clockwise by 0, 90, 180, 270 degrees.
    """

    person: np.ndarray
    garment: np.ndarray
    types: np.ndarray
    turns: tuple[float, ...] = UPRIGHT

    @property
    def maps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities by places."""
        return self.person, self.garment, self.types


def turn(picture: np.ndarray, degrees: int) -> np.ndarray:
    """Turn a picture or a mask, (h, w, ...), clockwise by a multiple of 90 degrees; no pixel is changed."""
    return np.rot90(picture, -(degrees // 90))


def squeeze(photo: np.ndarray, side: int = SEGMENTER_SIDE) -> np.ndarray:
    """Scale a photograph to the network's square, whatever its proportions: to uint8 (side, side, 3)."""
    return np.asarray(Image.fromarray(photo).resize((side, side), Image.Resampling.BOX))


@functools.cache
def fingerprint() -> str:
    """Return the SHA-256 of the segmenter's file, as 64 hexadecimal digits."""
    return hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()


@functools.cache
def _model() -> LiteModel:
    return LiteModel(PRETRAINED.read_bytes())


def read_output(output: np.ndarray) -> Parse:
    """Return what the network's output, float32 (64, 64, 24), says.

    Its first twelve channels are the groups of two by two pixels, the next eight the types, and the last four
    the logits of the quarter turns, everywhere the same, moved and scaled from +-`TURN_RANGE` / 2 to [0, 1].
    Networks of 20 channels tell no turns. Those of the first version had one, (128, 128, 1), the logit of a
    garment of any type.
    """
    if output.shape[-1] == 1:
        garment = expit(output[..., 0])
        return Parse(np.zeros_like(garment), garment, np.full((HALF, HALF, len(TYPES)), 1 / len(TYPES)))
    groups = output[..., : 4 * GROUPS].reshape(HALF, HALF, 2, 2, GROUPS)
    _, person, garment = groups.transpose(4, 0, 2, 1, 3).reshape(GROUPS, SEGMENTER_SIDE, SEGMENTER_SIDE)
    types, turns = np.split(output[..., 4 * GROUPS :], [len(TYPES)], axis=-1)
    told = tuple(softmax(turns[0, 0] * TURN_RANGE).tolist()) if turns.size else UPRIGHT
    return Parse(person, garment, types, told)


def other_view(photo: np.ndarray) -> np.ndarray:
    """Return the mirror image of a photograph, uint8 (h, w, 3), without its colours."""
    grey = np.rint(photo[:, ::-1] @ LUMINANCE).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def look_twice(model: LiteModel, photo: np.ndarray) -> Parse:
    """Parse a photograph, uint8 (h, w, 3), as the mean of what is seen in it and in its grey mirror image.

    So neither a colour nor a side decides alone.
    """
    small = squeeze(photo)
    first, other = (read_output(output) for output in model.run(np.stack([small, other_view(small)])))
    person, garment, types = (
        (seen + mirrored[:, ::-1]) / 2 for seen, mirrored in zip(first.maps, other.maps, strict=True)
    )
    turns = np.sqrt(np.multiply(first.turns, np.array(other.turns)[MIRRORED]))
    return Parse(person, garment, types, tuple((turns / turns.sum()).tolist()))


def parse(photo: np.ndarray) -> Parse:
    """Tell person, garments and background of a photograph, uint8 (h, w, 3), apart."""
    return look_twice(_model(), photo)
