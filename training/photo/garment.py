"""The garment in a photograph: uint8 (h, w, 3) in; soft mask and square, centred cut-out of side 128 out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from training.photo.boxes import WHOLE, Box, bounds
from training.photo.garment_types import TYPES, type_of
from training.photo.images import decode
from training.photo.preprocessing import (
    MASK_BLUR,
    MASK_BLUR_RADIUS,
    MIN_CONFIDENCE,
    SIDE,
    WORKING_SIZE,
)
from training.photo.regions import Region, find_upright
from training.photo.segmenter import LUMINANCE, Segmenter, shipped, turn
from training.photo.tilt import Frame, laid_back, straight

SURE_CONFIDENCE = 0.7
"""Confidence from which a cut-out is relied on; between `MIN_CONFIDENCE` and this it is uncertain."""

_EVEN = (1 / len(TYPES),) * len(TYPES)


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its photograph.

    Parameters
    ----------
    rgb : uint8 (128, 128, 3)
        The square around the garment, stood straight and centred, longer side filling all but a margin.
    mask : uint8 (128, 128)
        255 on the garment, 0 on the background, soft at the outline.
    box : Box
        The garment's bounds in the photograph, as it was before it was turned.
    confidence : float in [0, 1]
        The intersection over union with the true mask that the segmenter's probabilities lead to expect.
    type : str
        One of `garment_types.TYPES`, or nothing.
    worn : bool
        Whether a person wears it.
    turned : int
        By how many degrees, 0, 90, 180 or 270, the photograph was turned clockwise to stand upright.
    type_shares : tuple of float in [0, 1]
        Probability of each of `garment_types.TYPES`, even where no garment was found; none of a sketch.
    frame : Frame
        The square of the upright photograph that was cut out.
    """

    rgb: np.ndarray
    mask: np.ndarray
    box: Box
    confidence: float
    type: str = ""
    worn: bool = False
    turned: int = 0
    type_shares: tuple[float, ...] = ()
    frame: Frame = Frame()

    @property
    def found(self) -> bool:
        """Whether a garment was found; if not, the cut-out is the whole photograph."""
        return self.confidence >= MIN_CONFIDENCE

    @property
    def uncertain(self) -> bool:
        """Whether a garment was found, but may be cut out wrongly."""
        return MIN_CONFIDENCE <= self.confidence < SURE_CONFIDENCE

    @property
    def cutout(self) -> np.ndarray:
        """Colour and mask in one array, uint8 (128, 128, 4)."""
        return np.dstack([self.rgb, self.mask])


@cache
def _blur() -> np.ndarray:
    """Return the Gaussian that softens a mask: float64 (7,)."""
    offsets = np.arange(-MASK_BLUR_RADIUS, MASK_BLUR_RADIUS + 1)
    weights = np.exp(-0.5 / MASK_BLUR**2 * offsets**2)
    return np.asarray(weights / weights.sum())


def _blurred(rows: np.ndarray) -> np.ndarray:
    """Blur each row, float (h, w), mirrored at its ends, to float32 (h, w)."""
    beside = ((0, 0), (MASK_BLUR_RADIUS, MASK_BLUR_RADIUS))
    padded = np.pad(rows.astype(np.float64), beside, mode="symmetric")
    soft = np.convolve(padded.ravel(), _blur(), "same").reshape(padded.shape)
    return soft[:, MASK_BLUR_RADIUS:-MASK_BLUR_RADIUS].astype(np.float32)


def _softened(mask: np.ndarray) -> np.ndarray:
    """Blur a mask, bool (h, w), to uint8 (h, w)."""
    return (_blurred(_blurred(mask.T).T) * 255).astype(np.uint8)


def cut_out(photo: np.ndarray, region: Region | None, turned: int = 0) -> Garment:
    """Cut a garment out of its photograph; the whole photograph where there is none.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    region : Region or None
        The garment, in the frame of the photograph.
    turned : int
        By how many degrees to turn the photograph clockwise first, 0, 90, 180 or 270.
    """
    found = region is not None and region.confidence >= MIN_CONFIDENCE
    if region is None or not found:
        box, mask = WHOLE, np.ones((SIDE, SIDE), bool)
    else:
        box, mask = bounds(region.mask), region.mask
    picture, upright = Image.fromarray(turn(photo, turned)), turn(mask, turned)
    rgb, cut, frame = straight(picture, Image.fromarray(_softened(upright)), upright)
    if region is None:
        return Garment(rgb, cut, box, confidence=0.0, turned=turned, type_shares=_EVEN, frame=frame)
    told = region.confidence, region.type, region.worn, turned, region.type_shares
    return Garment(rgb, cut, box, *told, frame)


def locate(photo: np.ndarray, segmenter: Segmenter) -> tuple[list[Region], int]:
    """Find the garments of a photograph, uint8 (h, w, 3), that are sure enough, the main one first.

    Returns
    -------
    regions : list of Region
        In the frame of the photograph.
    turned : int
        By how many degrees it is to be turned clockwise, 0, 90, 180 or 270.
    """
    regions, turned = find_upright(photo, segmenter.parse)
    return [region for region in regions if region.confidence >= MIN_CONFIDENCE], turned


def of_type(regions: Sequence[Region], kind: str | None) -> int:
    """Return which of some garments, main one first, is an item's: the first of its type, else the main."""
    return next((place for place, region in enumerate(regions) if region.type == kind), 0)


def item_garments(photo: np.ndarray, kind: str | None, segmenter: Segmenter) -> list[Garment]:
    """Cut out all garments of an item's photograph, first the one that `isolate` takes; at least one."""
    regions, turned = locate(photo, segmenter)
    if not regions:
        return [cut_out(photo, None)]
    first = regions.pop(of_type(regions, kind))
    return [cut_out(photo, region, turned) for region in (first, *regions)]


def isolate(photo: np.ndarray, kind: str | None = None, *, segmenter: Segmenter | None = None) -> Garment:
    """Find the garment that a person would mean, or the first of a type, and cut it out.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
        Best at a longer side of `WORKING_SIZE`; larger pictures cost time and gain nothing.
    kind : str, optional
        One of `garment_types.TYPES`; where there is no garment of this type, the main one is taken.
    segmenter : Segmenter, optional
        That of the encoder which is to embed the garment; by default the one that ships.

    Returns
    -------
    Garment
        Where none is found, its cut-out is the whole photograph and its box (0, 0, 1, 1).
    """
    regions, turned = locate(photo, segmenter or shipped())
    return cut_out(photo, regions[of_type(regions, kind)] if regions else None, turned)


def read_garment(path: Path, category: str | None = None, *, segmenter: Segmenter | None = None) -> Garment:
    """Decode a photograph at `WORKING_SIZE` and isolate its garment, that of the type its category names.

    Parameters
    ----------
    path : Path
    category : str, optional
    segmenter : Segmenter, optional
        As for `isolate`.

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    return isolate(decode(path, size=WORKING_SIZE), type_of(category), segmenter=segmenter)


def mask_in_photo(garment: Garment, *, height: int, width: int) -> np.ndarray:
    """Lay a cut-out's mask back where it was cut from.

    Parameters
    ----------
    garment : Garment
    height, width : int
        Of the photograph, in pixels.

    Returns
    -------
    float32 (height, width) in [0, 1]
    """
    if garment.turned % 180:
        height, width = width, height
    upright = laid_back(garment.mask, garment.frame, width, height)
    return turn(upright, -garment.turned).astype(np.float32) / 255


def luminance_and_mask(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Put the luminance of colours, uint8 (..., 3), beside a mask, uint8 (...): uint8 (..., 2)."""
    return np.stack([np.rint(rgb @ LUMINANCE).astype(np.uint8), mask], axis=-1)


def encoder_input(cutouts: np.ndarray) -> np.ndarray:
    """Reduce RGBA cut-outs, uint8 (n, 128, 128, 4), to luminance and mask, uint8 (n, 128, 128, 2)."""
    return luminance_and_mask(cutouts[..., :3], cutouts[..., 3])
