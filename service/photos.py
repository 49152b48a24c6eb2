"""Photographs in and out: a search's bytes become a unit vector, an item's file becomes an answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np

from service.config import Config
from service.errors import RefusedRequest
from service.parameters import Box
from training.catalogue import Item
from training.encoder import Encoder
from training.garment import WORKING_SIZE, isolate
from training.images import MIN_SIDE, decode

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

_HEAD = 12
_MAGIC = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))


@dataclass(frozen=True)
class Stages:
    """Milliseconds that each stage of an answer took."""

    took_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time the block as `stage`."""
        start = time.perf_counter()
        yield
        self.took_ms[stage] = round((time.perf_counter() - start) * 1000, 2)


@dataclass(frozen=True)
class Query:
    """A photograph made ready to search with.

    Parameters
    ----------
    vector : float32 (1, d), unit norm
    box : Box
        Where the garment is, in fractions of the whole picture.
    found : bool
        False where no garment stood out and the whole picture, or the whole box, was taken.
    """

    vector: np.ndarray
    box: Box
    found: bool


def _mimetype(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((mimetype for magic, mimetype in _MAGIC if head.startswith(magic)), None)


def _decode_at(photo: bytes | Path, size: int, config: Config) -> np.ndarray:
    if isinstance(photo, Path):  # an item's own file, which the build has accepted
        return decode(photo, size=size)
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


def encode(
    photo: bytes | Path, box: Box | None, *, encoder: Encoder, config: Config, stages: Stages
) -> Query:
    """Decode a photograph, cut the garment out, and embed it.

    Parameters
    ----------
    photo : bytes or Path
        The file as it was sent, or where an item's lies.
    box : Box or None
        The part of the picture to look at; None for all of it.
    encoder : Encoder
    config : Config
        Its ceilings on bytes and pixels hold for what was sent.
    stages : Stages
        Takes the times of `decode`, `isolate` and `embed`.

    Raises
    ------
    UnreadableImage
        Or a subclass: the file is not a picture that is accepted.
    RefusedRequest
        The box is too small for this picture.
    """
    part = box or WHOLE
    with stages.measure("decode"):
        rgb = _decode_part(photo, part, config)
    with stages.measure("isolate"):
        garment = isolate(rgb)
    with stages.measure("embed"):
        vector = encoder.embed_garments([garment])
    return Query(vector, _within(part, garment.box), garment.found)


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
