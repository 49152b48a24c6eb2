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

from training.errors import UnreadableEncoder
from training.photo import preprocessing
from training.photo.boxes import WHOLE, Box, bounds, widened
from training.photo.components import main_parts
from training.photo.garment_types import TYPES
from training.photo.litert import LiteModel
from training.photo.preprocessing import (
    LAID_OUT_MARGIN,
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

TURN_RANGE = 16
"""The highest logit of a quarter turn, and the lowest one below zero."""

NEVER = -40.0
"""The logit of what is not the case."""

_TYPES = 4 * GROUPS
_TURNS = _TYPES + len(TYPES)
"""Numbers of the first planes of the types, and of the quarter turns, in the network's output."""

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


def _planes(outputs: np.ndarray) -> np.ndarray:
    """Return outputs, of the first version's networks too, as those of today: float32 (n, 24, 64, 64)."""
    if outputs.shape[-1] > 1:
        return outputs
    planes = np.zeros((len(outputs), _TURNS, HALF, HALF), np.float32)
    groups = planes[:, :_TYPES].reshape(-1, 2, 2, GROUPS, HALF, HALF)
    groups[:, :, :, 1] = NEVER
    groups[:, :, :, 2] = outputs.reshape(-1, HALF, 2, HALF, 2).transpose(0, 2, 4, 1, 3)
    return planes


def _parse(planes: np.ndarray, *, mirrored: bool = False) -> Parse:
    """Return the probabilities that logits, float32 (24, 64, 64), stand for; of a mirror image, mirrored."""
    chances = np.clip(planes[:_TURNS], NEVER, -NEVER)
    np.exp(chances, out=chances)
    groups = chances[:_TYPES].reshape(2, 2, GROUPS, HALF, HALF)
    fours = np.empty((2, HALF, 2, HALF, 2), np.float32)
    for down, across in np.ndindex(2, 2):
        here = groups[down, across]
        np.divide(here[1:], here.sum(axis=0), out=fours[:, :, down, :, across])
    pixels = fours.reshape(2, SEGMENTER_SIDE, SEGMENTER_SIDE)
    types = chances[_TYPES:]
    types /= types.sum(axis=0)
    types = types.transpose(1, 2, 0)
    turns = planes[_TURNS:, 0, 0].astype(np.float64)
    if mirrored:
        pixels, types = pixels[..., ::-1], types[:, ::-1]
        turns = turns[MIRRORED[: len(turns)]]
    person, garment = pixels
    told: tuple[float, ...] = UPRIGHT
    if len(turns):
        odds = np.exp(turns - turns.max())
        told = tuple((odds / odds.sum()).tolist())
    return Parse(person, garment, np.ascontiguousarray(types), told)


def read_output(output: np.ndarray) -> Parse:
    """Return what the network's output, float32 (24, 64, 64), says.

    Its first twelve planes are logits of the groups of two by two pixels, the next eight of the types, and
    the last four of the quarter turns, everywhere the same. Networks of 20 planes tell no turns. Those of the
    first version had but the logit of a garment of any type, (128, 128, 1).
    """
    return _parse(_planes(output[None])[0])


def other_view(photo: np.ndarray) -> np.ndarray:
    """Return the mirror image of a photograph, uint8 (h, w, 3), in half its colours."""
    grey = photo @ LUMINANCE
    return ((photo + grey[..., None]) / 2 + 0.5).astype(np.uint8)[:, ::-1]


def _look(model: LiteModel, view: np.ndarray) -> np.ndarray:
    return _planes(model.run(np.ascontiguousarray(view)[None]))[0]


def look_twice(model: LiteModel, photo: np.ndarray, *, closer: bool = True) -> Parse:
    """Parse a photograph, uint8 (h, w, 3): first all of it, then what was found in it by another view.

    So neither a colour nor a side decides alone, and an outline depends less on where and how large it is.
    With `closer` false, the second look is at all of it, too.
    """
    first = _parse(_look(model, squeeze(photo)))
    box = closer_box(first) if closer else WHOLE
    other = _look(model, other_view(squeeze(photo, box=box)))
    return looked_closer(first, _parse(other, mirrored=True), box)


def closer_box(seen: Parse) -> Box:
    """Return where a closer look pays: around a person, or the main parts of what is laid out.

    That is the whole picture where nothing is found.
    """
    if seen.worn:
        return widened(bounds(np.maximum(seen.person, seen.garment) > MASK_THRESHOLD), PERSON_MARGIN)
    mask = main_parts(seen.garment > MASK_THRESHOLD)
    found = np.count_nonzero(mask) >= MIN_AREA * mask.size
    return widened(bounds(mask), LAID_OUT_MARGIN) if found else WHOLE


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


def _between(pixels: np.ndarray, axis: int, before: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Interpolate along an axis; a product of matrices would start BLAS's threads, which wait by spinning."""
    low, high = weights.reshape(2, *(-1 if one == axis else 1 for one in range(pixels.ndim)))
    return pixels.take(before, axis) * low + pixels.take(before + 1, axis) * high


def looked_closer(seen: Parse, closer: Parse, box: Box) -> Parse:
    """Return the mean of a parse and that of the part of the picture in `box`; beyond it, the first alone."""
    left, top, right, bottom = box
    inside = {
        side: (_inside(side, top, bottom), _inside(side, left, right)) for side in (SEGMENTER_SIDE, HALF)
    }

    def mean(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
        (rows, *down), (columns, *across) = inside[len(whole)]
        both = whole.copy()
        there = both[rows, columns]
        there += _between(_between(part, 0, *down), 1, *across)
        there /= 2
        return both

    person, garment, types = (mean(*both) for both in zip(seen.maps, closer.maps, strict=True))
    turns = np.sqrt(np.multiply(seen.turns, closer.turns))
    return Parse(person, garment, types, tuple((turns / turns.sum()).tolist()))


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
            output = found.model.run(np.zeros((1, SEGMENTER_SIDE, SEGMENTER_SIDE, 3), np.uint8))[0]
            earlier = output.shape[:2] == (HALF, HALF)
            if not earlier:
                read_output(output)
        except (OSError, ValueError, RuntimeError) as error:
            raise UnreadableEncoder(
                f"The segmenter '{file}' can't be read: {error}. Name a {MODEL_FILE}, or a folder with one."
            ) from error
        if earlier:
            raise UnreadableEncoder(
                f"The segmenter '{file}' is of an earlier version, and gives no logits. "
                "Take it away, and train it again from the weights beside it: "
                f"python -m training segmenter --init '{file.parent}'."
            )
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
        """Tell person, garments and background of a photograph, uint8 (h, w, 3), apart."""
        return look_twice(self.model, photo)


@functools.lru_cache(maxsize=_LOADED)
def _loaded(model: bytes) -> Segmenter:
    return Segmenter(model)


@functools.cache
def shipped() -> Segmenter:
    """Return the segmenter that ships; its file is read when it is first asked for."""
    return Segmenter.load(PRETRAINED)
