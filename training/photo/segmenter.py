"""The segmenter: a photograph, uint8 (h, w, 3), to what each of its parts is: background, person or garment.

It is part of the preprocessing: an encoder is trained for one segmenter, and takes no other. A bundle may
hold its own (`python -m training segmenter` trains one); without it, the one that ships is taken.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.special import expit, softmax

from training.errors import UnreadableEncoder
from training.photo import preprocessing
from training.photo.boxes import WHOLE, Box, bounds, main_parts, widened
from training.photo.garment_types import TYPES
from training.photo.litert import LiteModel
from training.photo.preprocessing import (
    LAID_OUT_MARGIN,
    LARGEST_LOOK,
    MASK_THRESHOLD,
    MIN_AREA,
    PERSON_MARGIN,
    SEGMENTER_SIDE,
    WORN_SHARE,
)
from training.photo.preprocessing import LUMINANCE as WEIGHTS

MODEL_FILE = "segmenter.tflite"
PRETRAINED = Path(__file__).parents[1] / "pretrained" / MODEL_FILE

_LOADED = 8
"""How many segmenters a process keeps, so that each is loaded once."""

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

    @property
    def worn(self) -> bool:
        """Whether there is enough of a person for the garments to be worn."""
        garment = np.count_nonzero(self.garment > MASK_THRESHOLD)
        return bool(np.count_nonzero(self.person > MASK_THRESHOLD) >= max(1, WORN_SHARE * garment))


def turn(picture: np.ndarray, degrees: int) -> np.ndarray:
    """Turn a picture or a mask, (h, w, ...), clockwise by a multiple of 90 degrees; no pixel is changed."""
    return np.rot90(picture, -(degrees // 90))


def squeeze(photo: np.ndarray, side: int = SEGMENTER_SIDE, *, box: Box = WHOLE) -> np.ndarray:
    """Scale a photograph, or what is in a box, to a square, whatever its proportions.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    side : int
        Of the square, in pixels.
    box : Box

    Returns
    -------
    uint8 (side, side, 3)
    """
    height, width = photo.shape[:2]
    pixels = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    return np.asarray(Image.fromarray(photo).resize((side, side), Image.Resampling.BOX, box=pixels))


def _groups_and_types(output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return views of a network's output: person and garment, and the types.

    Returns
    -------
    groups : float32 (2, 64, 2, 64, 2)
        Of person and garment; rows and columns are of two by two pixels.
    types : float32 (64, 64, 8)
    """
    if output.shape[-1] == 1:
        garment = expit(output[..., 0])
        groups = np.stack([np.zeros_like(garment), garment]).reshape(2, HALF, 2, HALF, 2)
        return groups, np.full((HALF, HALF, len(TYPES)), 1 / len(TYPES))
    groups = output[..., : 4 * GROUPS].reshape(HALF, HALF, 2, 2, GROUPS)
    return groups.transpose(4, 0, 2, 1, 3)[1:], output[..., 4 * GROUPS : 4 * GROUPS + len(TYPES)]


def _turns(outputs: np.ndarray) -> np.ndarray:
    """Return the probabilities of the quarter turns by the network's outputs: float64 (n, 4)."""
    logits = outputs[:, 0, 0, 4 * GROUPS + len(TYPES) :]
    if not logits.size:
        return np.tile(UPRIGHT, (len(outputs), 1))
    return softmax(logits * TURN_RANGE, axis=-1).astype(np.float64)


def read_output(output: np.ndarray) -> Parse:
    """Return what the network's output, float32 (64, 64, 24), says.

    Its first twelve channels are the groups of two by two pixels, the next eight the types, and the last four
    the logits of the quarter turns, everywhere the same, moved and scaled from +-`TURN_RANGE` / 2 to [0, 1].
    Networks of 20 channels tell no turns. Those of the first version had one, (128, 128, 1), the logit of a
    garment of any type.
    """
    groups, types = _groups_and_types(output)
    person, garment = groups.reshape(2, SEGMENTER_SIDE, SEGMENTER_SIDE)
    return Parse(person, garment, types, tuple(_turns(output[None])[0].tolist()))


def other_view(photo: np.ndarray) -> np.ndarray:
    """Return the mirror image of a photograph, uint8 (h, w, 3), without its colours."""
    grey = np.rint(photo @ LUMINANCE).astype(np.uint8)
    return np.broadcast_to(grey[:, ::-1, None], photo.shape)


def look_twice(model: LiteModel, photo: np.ndarray, box: Box = WHOLE) -> Parse:
    """Parse a photograph, uint8 (h, w, 3), as the mean of what is seen in it and in its grey mirror image.

    So neither a colour nor a side decides alone. Only what is in `box` is looked at.
    """
    small = squeeze(photo, box=box)
    outputs = model.run(np.stack([small, other_view(small)]))
    (groups, types), (other_groups, other_types) = map(_groups_and_types, outputs)
    mean = np.empty(groups.shape, np.float32)
    for y, x in np.ndindex(2, 2):  # faster than all at once: longer runs of pixels
        np.add(groups[:, :, y, :, x], other_groups[:, :, y, ::-1, 1 - x], out=mean[:, :, y, :, x])
    mean /= 2
    person, garment = mean.reshape(2, SEGMENTER_SIDE, SEGMENTER_SIDE)
    first, other = _turns(outputs)
    turns = np.sqrt(first * other[MIRRORED])
    return Parse(person, garment, (types + other_types[:, ::-1]) / 2, tuple((turns / turns.sum()).tolist()))


def closer_box(seen: Parse) -> Box | None:
    """Return where a closer look pays: around a person, or the main parts of what is laid out.

    None where nothing is, or nothing would be closer.
    """
    if seen.worn:
        box = widened(bounds(np.maximum(seen.person, seen.garment) > MASK_THRESHOLD), PERSON_MARGIN)
        left, top, right, bottom = box
        return box if (right - left) * (bottom - top) <= LARGEST_LOOK else None
    mask = main_parts(seen.garment > MASK_THRESHOLD)
    if np.count_nonzero(mask) < MIN_AREA * mask.size:
        return None
    box = widened(bounds(mask), LAID_OUT_MARGIN)
    return None if box == WHOLE else box


def _inside(side: int, low: float, high: float) -> tuple[slice, np.ndarray, np.ndarray]:
    """Find the pixels from `low` to `high` of a map's side in a map of that part, which has as many pixels.

    Returns
    -------
    there : slice
        The n pixels of the whole.
    before : int (n,)
        The pixel of the part before each of them.
    weights : float32 (2, n)
        Of that and of the next one.
    """
    places = ((np.arange(side) + 0.5) / side - low) / (high - low)
    there = np.flatnonzero((places >= 0) & (places < 1))  # none in a part narrower than a pixel
    at = np.clip(places[there] * side - 0.5, 0, side - 1)
    before = np.minimum(at.astype(int), side - 2)
    weights = 1 - np.abs(at - [before, before + 1])
    first = there[0] if len(there) else 0
    return slice(first, first + len(there)), before, weights.astype(np.float32)


def _between(pixels: np.ndarray, following: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Interpolate, float32, as by fused multiplication and addition: one of the products is not rounded.

    A product of matrices would give the same bits, but BLAS's threads would take several times the CPU time.
    """
    product = following.astype(np.float64)
    product *= weights[1]
    product += pixels * weights[0]
    return product.astype(np.float32)


def looked_closer(seen: Parse, closer: Parse, box: Box) -> Parse:
    """Return the mean of a parse and that of the part of the picture in `box`; beyond it, the first alone."""
    left, top, right, bottom = box
    inside = {
        side: (_inside(side, top, bottom), _inside(side, left, right)) for side in (SEGMENTER_SIDE, HALF)
    }

    def mean(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
        (rows, above, down), (columns, before, across) = inside[len(whole)]
        flat = part.reshape(*part.shape[:2], -1)
        depth = flat.shape[2]
        across = across.repeat(depth, axis=1)
        line, following = (flat.take(at, axis=1).reshape(len(flat), -1) for at in (before, before + 1))
        wide = _between(line, following, across)
        half = 0.5 * _between(wide[above], wide[above + 1], down[..., None])
        share = 0.5 * down.sum(axis=0)[:, None] * across.sum(axis=0)
        both = whole.copy().reshape(len(whole), -1)
        there = both[rows, columns.start * depth : columns.stop * depth]
        there *= 1 - share
        there += half
        return both.reshape(whole.shape)

    person, garment, types = (mean(*both) for both in zip(seen.maps, closer.maps, strict=True))
    return Parse(person, garment, types, seen.turns)


class Segmenter:
    """A segmenter in memory, safe to share between threads.

    Parameters
    ----------
    model : bytes
        The LiteRT model, uint8 (n, 128, 128, 3) -> what `read_output` reads.
    """

    def __init__(self, model: bytes) -> None:
        self.exported = model
        self.fingerprint = hashlib.sha256(model).hexdigest()
        self.model = LiteModel(model)

    def __reduce__(self) -> tuple[Callable[[bytes], "Segmenter"], tuple[bytes]]:
        """Pickle the exported model alone; a process that unpickles it several times loads it once."""
        return _loaded, (self.exported,)

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same file."""
        return isinstance(other, Segmenter) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        """Hash the fingerprint."""
        return hash(self.fingerprint)

    @classmethod
    def load(cls, place: Path) -> "Segmenter":
        """Read a segmenter, and try it once.

        Parameters
        ----------
        place : Path
            The file, or the folder that holds `segmenter.tflite`.

        Raises
        ------
        UnreadableEncoder
            There is none, or it can't be run.
        """
        file = place / MODEL_FILE if place.is_dir() else place
        try:
            found = _loaded(file.read_bytes())
            look_twice(found.model, np.zeros((SEGMENTER_SIDE, SEGMENTER_SIDE, 3), np.uint8))
        except (OSError, ValueError, RuntimeError) as error:
            raise UnreadableEncoder(
                f"The segmenter '{file}' can't be read: {error}. Name a {MODEL_FILE}, or a folder with one."
            ) from error
        return found

    @classmethod
    def of_bundle(cls, folder: Path) -> "Segmenter":
        """Return the segmenter of an encoder bundle: its own, or where it has none, the one that ships.

        Raises
        ------
        UnreadableEncoder
            See `load`.
        """
        return cls.load(folder) if (folder / MODEL_FILE).exists() else shipped()

    @property
    def preprocessing(self) -> str:
        """Version of everything up to the encoder's input; embeddings of different versions never mix."""
        return preprocessing.version(self.fingerprint)

    def parse(self, photo: np.ndarray) -> Parse:
        """Tell person, garments and background of a photograph, uint8 (h, w, 3), apart.

        What is found is looked at closer, so that its outline depends less on where and how large it is.
        """
        seen = look_twice(self.model, photo)
        box = closer_box(seen)
        if box is None:
            return seen
        return looked_closer(seen, look_twice(self.model, photo, box), box)


@functools.lru_cache(maxsize=_LOADED)
def _loaded(model: bytes) -> Segmenter:
    return Segmenter(model)


@functools.cache
def shipped() -> Segmenter:
    """Return the segmenter that ships; its file is read when it is first asked for."""
    return Segmenter.load(PRETRAINED)
