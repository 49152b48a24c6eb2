"""Photographs in and out: a search's bytes become a cut-out, an item's file becomes an answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np

from service.config import Config
from service.errors import RefusedRequest
from service.picture.decode_cost import bounded_effort
from service.requests.parameters import Look
from training.catalogue.reader import Item
from training.photo import media_types
from training.photo.garment import WHOLE, WORKING_SIZE, Box, Garment, isolate
from training.photo.images import MIN_SIDE, decode


@dataclass(frozen=True)
class Stages:
    """Milliseconds that each stage of an answer took."""

    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time the block as `stage`; a further block of that name adds to it."""
        start = time.perf_counter()
        yield
        self._add(stage, (time.perf_counter() - start) * 1000)

    def add(self, other: "Stages") -> None:
        """Add the times of another answer."""
        for stage, took in other.took_ms.items():
            self._add(stage, took)

    def _add(self, stage: str, took: float) -> None:
        self.took_ms[stage] = round(self.took_ms.get(stage, 0.0) + took, 2)


@dataclass(frozen=True)
class CutOut:
    """A garment that was cut out of a picture, and where in the whole picture it lies, in fractions."""

    garment: Garment
    box: Box


def _mimetype(path: Path) -> str | None:
    with path.open("rb") as file:
        found = media_types.detect(file.read(media_types.HEAD))
    return None if found is None else found.media_type


def _decode_at(photo: bytes | Path, size: int, config: Config) -> np.ndarray:
    if isinstance(photo, Path):  # an item's own file, which the build has accepted
        return decode(photo, size=size)
    with bounded_effort(photo, most_ms=config.decode_ms):
        return decode(photo, size=size, max_bytes=config.max_upload_bytes, max_pixels=config.max_pixels)


def _decode_part(photo: bytes | Path, box: Box, config: Config) -> np.ndarray:
    """Return the pixels of the part of the picture within `box`, its longer side near `WORKING_SIZE`."""
    left, top, right, bottom = box
    size = ceil(WORKING_SIZE / max(right - left, bottom - top))
    rgb = _decode_at(photo, size, config)
    height, width = rgb.shape[:2]
    part = rgb[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    if min(part.shape[:2]) < MIN_SIDE:
        detail = (
            f"The box holds {part.shape[1]} x {part.shape[0]} pixels; each side needs at least {MIN_SIDE}. "
            "Draw it larger."
        )
        raise RefusedRequest("invalid_parameter", detail, param="box")
    return part


def _within(outer: Box, inner: Box) -> Box:
    """Return `inner`, given in fractions of `outer`, in fractions of what `outer` is given in."""
    left, top, right, bottom = outer
    width, height = right - left, bottom - top
    return left + inner[0] * width, top + inner[1] * height, left + inner[2] * width, top + inner[3] * height


def _from_sketch(rgb: np.ndarray) -> Garment:
    from training.photo.sketch import (
        read_sketch,  # with 8 MB of scikit-image, for those who are sent sketches
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
    part = look.box or WHOLE
    with stages.measure("decode"):
        rgb = _decode_part(photo, part, config)
    with stages.measure("isolate"):
        garment = _from_sketch(rgb) if look.kind == "sketch" else isolate(rgb)
    return CutOut(garment, _within(part, garment.box))


def item_file(item: Item) -> tuple[Path, str]:
    """Return where an item's picture lies, and its media type by its first bytes.

    Raises
    ------
    RefusedRequest
        With code `item_unknown`: the file has gone, or is no longer a picture.
    """
    path = item.path.absolute()
    try:
        mimetype = _mimetype(path)
    except OSError:
        mimetype = None
    if mimetype is None:
        detail = "The item is in the index, but its picture is gone since. The next build leaves it out."
        raise RefusedRequest("item_unknown", detail, param="item_id")
    return path, mimetype
