"""What finds garments in a photograph: uint8 (h, w, 3) in, a mask, bool (h, w), for each garment out."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.errors import UnreadableEncoder
from training.photo.litert import LiteModel
from training.photo.preprocessing import MASK_THRESHOLD, SEGMENTER_SIDE
from training.photo.regions import find_upright, main_parts
from training.photo.segmenter import MODEL_FILE, PRETRAINED, Parse, look_twice, read_output, squeeze


@dataclass(frozen=True)
class Found:
    """A garment in a photograph.

    Parameters
    ----------
    mask : bool (h, w)
        In the photograph's own frame and pixels.
    type : str, optional
        One of `training.photo.garment_types.TYPES`; None where the segmenter knows no types.
    worn : bool, optional
        Whether a person wears it; None where the segmenter does not say.
    """

    mask: np.ndarray
    type: str | None = None
    worn: bool | None = None


@dataclass(frozen=True)
class Finder:
    """A segmenter by its file: small to send to another process, which reads it once.

    Parameters
    ----------
    file : Path
        A LiteRT model, uint8 (n, 128, 128, 3) -> what `training.photo.segmenter.read_output` reads.
    """

    file: Path = PRETRAINED

    @classmethod
    def at(cls, place: Path) -> "Finder":
        """Return the finder of a segmenter's file, or of the bundle in a folder.

        Raises
        ------
        UnreadableEncoder
            There is none, or it has another output.
        """
        finder = cls(place / MODEL_FILE if place.is_dir() else place)
        try:
            finder.garments(np.zeros((SEGMENTER_SIDE, SEGMENTER_SIDE, 3), np.uint8))
        except (OSError, ValueError, RuntimeError) as error:
            raise UnreadableEncoder(
                f"The segmenter '{finder.file}' can't be read: {error}. "
                f"Name a {MODEL_FILE}, or the folder of a bundle with one."
            ) from error
        return finder

    def garments(self, photo: np.ndarray) -> list[Found]:
        """Return the garments in a photograph, uint8 (h, w, 3), the main one first."""
        model = _model(self.file)
        if _is_first(self.file):
            return _one_garment(read_output(model.run(squeeze(photo)[None])[0]), photo)
        regions, _ = find_upright(photo, functools.partial(look_twice, model))
        return [Found(_in_photo(one.mask, photo), one.type, one.worn) for one in regions]

    def main_mask(self, photo: np.ndarray) -> np.ndarray:
        """Return the main garment's mask, bool (h, w); empty where none is found."""
        found = self.garments(photo)
        return found[0].mask if found else np.zeros(photo.shape[:2], bool)


@functools.lru_cache(maxsize=4)
def _model(file: Path) -> LiteModel:
    return LiteModel(file.read_bytes())


@functools.lru_cache(maxsize=4)
def _is_first(file: Path) -> bool:
    """Whether a segmenter is one of the first version, which tells nothing but garment and ground."""
    blank = np.zeros((1, SEGMENTER_SIDE, SEGMENTER_SIDE, 3), np.uint8)
    return _model(file).run(blank).shape[-1] == 1


def _one_garment(parsed: Parse, photo: np.ndarray) -> list[Found]:
    """Return what the first version took for the garment: all that is not small, whatever lies apart."""
    mask = main_parts(parsed.garment > MASK_THRESHOLD)
    return [Found(_in_photo(mask, photo))] if mask.any() else []


def _in_photo(mask: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Scale a mask of the network's square, bool (128, 128), to its photograph."""
    return np.asarray(Image.fromarray(mask).resize(photo.shape[1::-1], Image.Resampling.NEAREST))


def overlap(first: np.ndarray, second: np.ndarray, within: np.ndarray | None = None) -> float:
    """Return the intersection over union of two masks, bool (h, w), where `within` is true; 1 of none."""
    if within is not None:
        first, second = first & within, second & within
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0
