"""Cutting the garment out of a picture: decoding within limits, then isolating."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np

from service.config import Config
from service.errors import RefusedRequest
from service.picture.decoders import decode_apart
from service.picture.stages import Stages
from service.requests.parameters import Look
from training.errors import PartTooSmall
from training.photo.garment import WHOLE, WORKING_SIZE, Box, Garment, isolate

TIMES_THE_LIMIT = 5
"""How many times the limit on the estimated decode cost a decode may really take, on a busy machine."""


@dataclass(frozen=True)
class CutOut:
    """A garment that was cut out of a picture, and where in the whole picture it lies, in fractions."""

    garment: Garment
    box: Box


def _decode(photo: bytes | Path, box: Box | None, config: Config) -> np.ndarray:
    """Return the pixels within `box`, or else of the whole picture, the longer side near `WORKING_SIZE`."""
    left, top, right, bottom = box or WHOLE
    size = ceil(WORKING_SIZE / max(right - left, bottom - top))
    limits = {
        "max_bytes": config.max_upload_bytes,
        "max_pixels": config.max_pixels,
        "max_ms": config.decode_ms,
    }
    if isinstance(photo, Path):  # an item's own file, which the build has accepted
        limits = {}
    seconds = TIMES_THE_LIMIT * config.decode_ms / 1000
    try:
        return decode_apart(photo, part=box, seconds=seconds, size=size, **limits)
    except PartTooSmall as error:
        raise RefusedRequest("invalid_parameter", str(error), param="box") from error


def _within(outer: Box, inner: Box) -> Box:
    """Convert `inner`, in fractions of `outer`, to the coordinates of `outer` itself."""
    left, top, right, bottom = outer
    width, height = right - left, bottom - top
    return left + inner[0] * width, top + inner[1] * height, left + inner[2] * width, top + inner[3] * height


def _from_sketch(rgb: np.ndarray) -> Garment:
    from training.photo.sketch import (
        read_sketch,  # loads 8 MB of scikit-image, for sketches only
    )

    return read_sketch(rgb)


def cut_out(photo: bytes | Path, look: Look, *, config: Config, stages: Stages) -> CutOut:
    """Decode a picture and cut the garment out.

    Parameters
    ----------
    photo : bytes or Path
        The file as it was sent, or where an item's lies.
    look : Look
        Whether it is a photograph or a sketch, and which part of it to look at.
    config : Config
        Its ceilings on bytes and pixels hold for what was sent.
    stages : Stages
        Takes the times of `decode` and `isolate`.

    Raises
    ------
    UnreadableImage
        Or a subclass: the file is not a picture that is accepted.
    RefusedRequest
        The box is too small for this picture.
    """
    with stages.measure("decode"):
        rgb = _decode(photo, look.box, config)
    with stages.measure("isolate"):
        garment = _from_sketch(rgb) if look.kind == "sketch" else isolate(rgb)
    return CutOut(garment, _within(look.box or WHOLE, garment.box))
