"""Views of a garment that an encoder is to embed alike: cut-outs, uint8 (1 + count, 128, 128, 4).

The first is the garment as it is, whose edges the decoder draws, whichever view the encoder sees. The others
are cut out anew from disturbed photographs, so that they differ as the segmenter's masks do; those of a
drawn garment are worn by someone, in other colours.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from numpy.random import Generator, default_rng
from PIL import Image

from training.catalogue.drawn import render
from training.catalogue.parsed import read_labels
from training.catalogue.reader import Item
from training.drawing.appearance import sample_appearance
from training.drawing.drawn_parts import Sample
from training.drawing.on_photographs import on_another_background, with_logo, with_print
from training.drawing.shape import Shape
from training.drawing.tones import degraded, toned
from training.drawing.worn import wear
from training.photo.garment import Garment, cut_out, isolate, locate, mask_in_photo
from training.photo.garment_types import type_of
from training.photo.images import decode, shrink
from training.photo.preprocessing import SEGMENTER_SIDE, WORKING_SIZE
from training.photo.regions import Region, iou, type_in
from training.photo.segmenter import Segmenter, shipped

VERSION = 1
"""Raise it whenever a view changes: cached ones are then made anew."""

LEAST_OVERLAP = 0.4
"""IoU of a region with the true mask from which it is that garment; else the true mask is cut out."""

GROUND_SHARE, PRINT_SHARE, LOGO_SHARE, TONE_SHARE, QUALITY_SHARE = 0.15, 0.2, 0.25, 0.8, 0.35
MOST_TURN, MOST_SHIFT, ZOOMS, MOST_BLUR = 14.0, 0.1, (0.72, 1.08), 1.8

Scene = tuple[np.ndarray, np.ndarray]
"""A photograph, uint8 (h, w, 3), and the garment's mask in it, float32 (h, w) in [0, 1]."""


def _moved(photo: np.ndarray, mask: np.ndarray, rng: Generator) -> Scene:
    """Mirror, turn, zoom and shift; the photograph's border is repeated."""
    height, width = mask.shape
    matrix: Any = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2),
        float(rng.uniform(-MOST_TURN, MOST_TURN)),
        float(np.exp(rng.uniform(*np.log(ZOOMS)))),
    )
    matrix[:, 2] += rng.uniform(-MOST_SHIFT, MOST_SHIFT, 2) * (width, height)
    if rng.random() < 0.5:
        photo, mask = photo[:, ::-1].copy(), mask[:, ::-1].copy()
    moved = cv2.warpAffine(photo, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved), np.asarray(cv2.warpAffine(mask, matrix, (width, height)))


def _worsened(photo: np.ndarray, rng: Generator) -> np.ndarray:
    """Blur a photograph or compress it strongly."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), float(rng.uniform(0.6, MOST_BLUR))))
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", photo, quality)[1], cv2.IMREAD_COLOR))


def disturbed(photo: np.ndarray, mask: np.ndarray, rng: Generator, *, worn: bool) -> Scene:
    """Change a photograph as photographs of one shape differ: print, ground, tones, quality and place.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    mask : float32 (h, w) in [0, 1]
        Where the garment is.
    rng : Generator
    worn : bool
        Whether a person is in it: grounds stay, and tones change less.

    Returns
    -------
    photo, mask
        Both moved alike.
    """
    if rng.random() < PRINT_SHARE:
        photo = with_print(photo, mask, rng)
    if rng.random() < LOGO_SHARE:
        photo = with_logo(photo, mask, rng)
    if not worn and rng.random() < GROUND_SHARE:
        photo = on_another_background(photo, mask, rng)
    if rng.random() < TONE_SHARE:
        photo = degraded(toned(photo, rng, mild=False, with_skin=worn), rng)
    if rng.random() < QUALITY_SHARE:
        photo = _worsened(photo, rng)
    return _moved(photo, mask, rng)


def item_views(item: Item, count: int, *, segmenter: Segmenter | None = None) -> list[Garment]:
    """Return the views of the garment that is isolated in an item's photograph.

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    photo, kind = decode(item.path, size=WORKING_SIZE), type_of(item.category)
    garment = isolate(photo, kind, segmenter=segmenter)
    mask = mask_in_photo(garment, height=photo.shape[0], width=photo.shape[1])
    others = [
        isolate(disturbed(photo, mask, rng, worn=garment.worn)[0], kind, segmenter=segmenter)
        for rng in _generators(item.item_id, count)
    ]
    return [garment, *others]


def worn_views(
    item: Item, label: int, root: Path, count: int, *, segmenter: Segmenter | None = None
) -> list[Garment]:
    """Return the views of a garment in a parsed photograph; the first is cut out by its true mask.

    Parameters
    ----------
    item : Item
    label : int
        The garment's number in the picture of labels.
    root : Path
        The catalogue's folder.
    count : int
        The first of the others is cut out of the photograph as it is.

    Raises
    ------
    UnreadableImage
    """
    photo = decode(item.path, size=WORKING_SIZE)
    there = (read_labels(item, root) == label).astype(np.float32)
    mask = np.asarray(Image.fromarray(there).resize(photo.shape[1::-1], Image.Resampling.BILINEAR))
    scenes = [disturbed(photo, mask, rng, worn=True) for rng in _generators(item.item_id, count - 1)]
    others = [worn_garment(*scene, segmenter) for scene in [(photo, mask), *scenes][:count]]
    return [_true_garment(photo, _small(mask), segmenter), *others]


def of_item(item: Item, count: int, *, segmenter: Segmenter | None = None) -> np.ndarray:
    """Return the cut-outs of `item_views`."""
    return _stacked(item_views(item, count, segmenter=segmenter))


def of_worn(
    item: Item, label: int, root: Path, count: int, *, segmenter: Segmenter | None = None
) -> np.ndarray:
    """Return the cut-outs of `worn_views`."""
    return _stacked(worn_views(item, label, root, count, segmenter=segmenter))


def of_drawn(item: Item, count: int, *, segmenter: Segmenter | None = None) -> np.ndarray:
    """Return the cut-outs of a drawn garment: laid out, then worn in other colours.

    Raises
    ------
    UnreadableImage
    """
    shape, views = (
        Shape(**item.metadata["shape"]),
        [isolate(decode(item.path, size=WORKING_SIZE), segmenter=segmenter)],
    )
    for rng in _generators(item.item_id, count):
        worn = wear(shape, sample_appearance(rng), rng)
        views.append(worn_garment(worn.picture, worn.mask.astype(np.float32), segmenter))
    return _stacked(views)


def drawn_garment(drawn: Sample, *, segmenter: Segmenter | None) -> Garment:
    """Draw a garment that is laid out, and cut it out of its picture."""
    return isolate(shrink(render(*drawn), size=WORKING_SIZE), segmenter=segmenter)


def worn_garment(photo: np.ndarray, mask: np.ndarray, segmenter: Segmenter | None) -> Garment:
    """Cut out what the segmenter takes for a garment; where it misses it, what the true mask shows.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    mask : float32 (h, w) in [0, 1]
        Where the garment is.
    segmenter : Segmenter, optional
    """
    true = _small(mask)
    regions, turned = locate(photo, segmenter or shipped())
    overlap, place = max(((iou(one.mask, true), n) for n, one in enumerate(regions)), default=(0.0, 0))
    if overlap >= LEAST_OVERLAP:
        return cut_out(photo, regions[place], turned)
    return _true_garment(photo, true, segmenter)


def _generators(name: str, count: int) -> list[Generator]:
    return [default_rng((crc32(name.encode()), number)) for number in range(count)]


def _stacked(garments: Sequence[Garment]) -> np.ndarray:
    return np.stack([garment.cutout for garment in garments])


def _small(mask: np.ndarray) -> np.ndarray:
    """Squeeze a mask, float32 (h, w), to the segmenter's square: bool (128, 128)."""
    size = SEGMENTER_SIDE, SEGMENTER_SIDE
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BOX)) > 0.5


def _true_garment(photo: np.ndarray, mask: np.ndarray, segmenter: Segmenter | None) -> Garment:
    """Cut out what a true mask, bool (128, 128), shows, with the types that the segmenter sees there."""
    if not mask.any():
        return cut_out(photo, None)
    _, shares = type_in(mask, (segmenter or shipped()).parse(photo))
    return cut_out(photo, Region("", mask, 1.0, True, tuple(shares.tolist())))
