"""Cutting a garment out of a picture: decoding within limits, finding all, cutting out the chosen one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

import numpy as np

from index.views import Views
from service.config import Config
from service.errors import RefusedRequest
from service.picture.decoders import ItemGarments, decode_apart, embed_apart
from service.picture.stages import Stages
from service.requests.parameters import Look
from training.errors import PartTooSmall
from training.photo import garment as garments
from training.photo.boxes import WHOLE, Box
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, Garment, locate, of_type
from training.photo.garment_types import type_of
from training.photo.orientation import Orientation, choose, hopeful, likely, upright
from training.photo.regions import Region
from training.photo.segmenter import Segmenter

Nearest = Callable[[Sequence[Garment]], tuple[np.ndarray, np.ndarray]]
"""From garments to their vectors, float32 (n, d), and the score of what is nearest to each, float (n,)."""

TIMES_THE_LIMIT = 5
"""How many times the limit on the estimated decode cost a decode may really take, on a busy machine."""


@dataclass(frozen=True)
class CutOut:
    """A garment that was cut out of a picture, and what else was found there.

    Parameters
    ----------
    garment : Garment
    look : Look
        How the picture was read.
    regions : tuple of Region
        All garments of the photograph, or of the `box` that was looked at, the main one first.
    chosen : int or None
        Which of them was cut out; None where there is none, so that all was taken.
    others : tuple of Garment
        All other garments, cut out, where they were asked for.
    vector : float32 (1, d), optional
        Of the garment, where it was embedded to tell how the photograph stands.
    """

    garment: Garment
    look: Look
    regions: tuple[Region, ...] = ()
    chosen: int | None = None
    others: tuple[Garment, ...] = ()
    vector: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def box(self) -> Box:
        """Where the garment lies, in fractions of the whole picture."""
        return self.in_picture(self.garment.box)

    def in_picture(self, box: Box) -> Box:
        """Convert a box in fractions of what was looked at to fractions of the whole picture."""
        left, top, right, bottom = self.look.box or WHOLE
        width, height = right - left, bottom - top
        return (
            left + box[0] * width,
            top + box[1] * height,
            left + box[2] * width,
            top + box[3] * height,
        )


def _limits(config: Config) -> dict[str, int]:
    """Return the limits on what was sent."""
    return {
        "max_bytes": config.max_upload_bytes,
        "max_pixels": config.max_pixels,
        "max_ms": config.decode_ms,
    }


def _patience(config: Config) -> float:
    """Return how long a decode may take, in seconds."""
    return TIMES_THE_LIMIT * config.decode_ms / 1000


def _decode(photo: bytes | Path, box: Box | None, config: Config) -> np.ndarray:
    """Return the pixels within `box`, or else of the whole picture, the longer side near `WORKING_SIZE`."""
    left, top, right, bottom = box or WHOLE
    size = ceil(WORKING_SIZE / max(right - left, bottom - top))
    limits = {} if isinstance(photo, Path) else _limits(config)  # the build has accepted an item's own file
    try:
        return decode_apart(photo, part=box, seconds=_patience(config), size=size, **limits)
    except PartTooSmall as error:
        raise RefusedRequest("invalid_parameter", str(error), param="box") from error


def embedded(photo: bytes, embed: ItemGarments, encoder: Encoder, *, config: Config, stages: Stages) -> Views:
    """Embed an item's photograph in another process, so that several are embedded at a time.

    Parameters
    ----------
    photo : bytes
        The file as it was sent.
    embed : ItemGarments
    encoder : Encoder
    config : Config
        Its ceilings on bytes and pixels hold for what was sent.
    stages : Stages
        Takes the times of `decode`, `isolate` and `embed`.

    Raises
    ------
    UnreadableImage
        Or a subclass: the file is not a picture that is accepted.
    """
    options = {"size": WORKING_SIZE, **_limits(config)}
    views, took = embed_apart(photo, embed, encoder, seconds=_patience(config), **options)
    stages.add(took)
    return views


def _from_sketch(rgb: np.ndarray) -> Garment:
    from training.photo.sketch import (
        read_sketch,  # loads 8 MB of scikit-image, for sketches only
    )

    return read_sketch(rgb)


def _chosen(regions: Sequence[Region], look: Look, category: str | None) -> int | None:
    """Return which garment is meant: the one that was asked for, else the item's, else the main one."""
    if look.garment is None or look.box is not None:
        return of_type(regions, type_of(category)) if regions else None
    if look.garment < len(regions):
        return look.garment
    accepted = f"Accepted: a whole number from 0 to {len(regions) - 1}." if regions else "Leave it out."
    detail = f"`garment` is {look.garment}; garments found in this picture: {len(regions)}. {accepted}"
    raise RefusedRequest("invalid_parameter", detail, param="garment")


def _from_photo(
    rgb: np.ndarray, way: Orientation, main: Garment | None, look: Look, category: str | None, every: bool
) -> CutOut:
    """Cut out the garment that is meant, unless it is the main one and that is cut out already."""
    regions, turned = way.regions, way.turned
    chosen = _chosen(regions, look, category)
    if main is not None and not chosen:
        garment = main
    else:
        garment = garments.cut_out(rgb, None if chosen is None else regions[chosen], turned)
    others = [
        garments.cut_out(rgb, region, turned) for n, region in enumerate(regions) if every and n != chosen
    ]
    return CutOut(garment, look, regions, chosen, tuple(others))


def _ways(
    rgb: np.ndarray, segmenter: Segmenter, box: Box | None, turned: int | None, nearest: Nearest | None
) -> list[Orientation]:
    """Return the ways in which a photograph may stand, the only one where that is known or not asked."""
    if turned is not None:
        return [upright(rgb, segmenter, turned)]
    if nearest is not None and box is None:
        return likely(rgb, segmenter)
    regions, turned = locate(rgb, segmenter)
    return [Orientation(turned, tuple(regions))]


def _stood(
    rgb: np.ndarray, ways: list[Orientation], nearest: Nearest, stages: Stages
) -> tuple[Orientation, Garment, np.ndarray]:
    """Return the way in which a photograph stands, with its main garment and that one's vector.

    What is nearest to it as it is may leave no other way to be looked at.
    """

    def looked_at(some: Sequence[Orientation]) -> tuple[list[Garment], np.ndarray, np.ndarray]:
        with stages.measure("isolate"):
            mains = [way.main(rgb) for way in some]
        return mains, *nearest(mains)

    mains, vectors, scores = looked_at(ways[:1])
    ways = hopeful(ways, float(scores[0]))
    if len(ways) > 1:
        more = looked_at(ways[1:])
        mains, vectors, scores = (
            mains + more[0],
            np.concatenate([vectors, more[1]]),
            np.append(scores, more[2]),
        )
    best = choose(ways, scores)
    return ways[best], mains[best], vectors[[best]]


def cut_out(
    photo: bytes | Path,
    look: Look,
    segmenter: Segmenter,
    *,
    category: str | None = None,
    every: bool = False,
    turned: int | None = None,
    nearest: Nearest | None = None,
    config: Config,
    stages: Stages,
) -> CutOut:
    """Decode a picture and cut a garment out: by `look`, the one within its box, or the one that it numbers.

    Parameters
    ----------
    photo : bytes or Path
        The file as it was sent, or where an item's lies.
    look : Look
        Whether it is a photograph or a sketch, which part of it to look at, and which garment to take.
    segmenter : Segmenter
        That of the encoder which embeds the garment.
    category : str, optional
        The item's whose picture it is: without a number, a garment of the type that it names is taken.
    every : bool
        Cut out all other garments, too.
    turned : int, optional
        By how many degrees, 0, 90, 180 or 270, a photograph is to be turned clockwise, where that is known.
    nearest : function, optional
        Decides how a photograph stands where its parse is unsure, unless there is a box.
    config : Config
        Its ceilings on bytes and pixels hold for what was sent.
    stages : Stages
        Takes the times of `decode` and `isolate`.

    Raises
    ------
    UnreadableImage
        Or a subclass: the file is not a picture that is accepted.
    RefusedRequest
        The box is too small for this picture, or there is no garment of this number.
    """
    with stages.measure("decode"):
        rgb = _decode(photo, look.box, config)
    if look.kind == "sketch":
        with stages.measure("isolate"):
            return CutOut(_from_sketch(rgb), look, chosen=_chosen([], look, None))
    with stages.measure("isolate"):
        ways = _ways(rgb, segmenter, look.box, turned, nearest)
    if nearest is None or len(ways) == 1:
        with stages.measure("isolate"):
            return _from_photo(rgb, ways[0], None, look, category, every)
    way, main, vector = _stood(rgb, ways, nearest, stages)
    with stages.measure("isolate"):
        found = _from_photo(rgb, way, main, look, category, every)
    return replace(found, vector=vector) if found.garment is main else found
