"""What finds garments in a photograph: uint8 (h, w, 3) in, a mask, bool (h, w), for each garment out."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from PIL import Image

from training.photo.components import main_parts
from training.photo.preprocessing import MASK_THRESHOLD, SEGMENTER_SIDE
from training.photo.regions import find_upright
from training.photo.segmenter import Parse, Segmenter, read_output, shipped, squeeze


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
    """A segmenter, of whatever version, whose masks are measured.

    Parameters
    ----------
    segmenter : Segmenter
        By default the one that ships.
    """

    segmenter: Segmenter = field(default_factory=shipped)

    @cached_property
    def _is_first(self) -> bool:
        """Whether it is one of the first version, which tells nothing but garment and ground."""
        blank = np.zeros((1, SEGMENTER_SIDE, SEGMENTER_SIDE, 3), np.uint8)
        return self.segmenter.model.run(blank).shape[-1] == 1

    def garments(self, photo: np.ndarray) -> list[Found]:
        """Return the garments in a photograph, uint8 (h, w, 3), the main one first."""
        if self._is_first:
            output = self.segmenter.model.run(squeeze(photo)[None])[0]
            return _one_garment(read_output(output), photo)
        regions, _ = find_upright(photo, self.segmenter.parse)
        return [Found(_in_photo(one.mask, photo), one.type, one.worn) for one in regions]

    def main_mask(self, photo: np.ndarray) -> np.ndarray:
        """Return the main garment's mask, bool (h, w); empty where none is found."""
        found = self.garments(photo)
        return found[0].mask if found else np.zeros(photo.shape[:2], bool)


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
