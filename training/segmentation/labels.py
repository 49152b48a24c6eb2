"""Labelled photographs that the parser learns from: pictures, uint8 (h, w, 3), and classes, uint8 (h, w)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.catalogue.drawn import render, render_mask, sample
from training.catalogue.parsed import UNKNOWN, read_classes
from training.catalogue.reader import Item
from training.drawing.worn import figure
from training.photo.components import main_parts
from training.photo.garment_types import CLASSES, type_of
from training.photo.images import decode
from training.photo.regions import find, iou
from training.photo.segmenter import Parse, Segmenter, squeeze

SOURCE_SIDE = 256
"""Side of a photograph as it is kept, squeezed into a square: twice the network's."""

ANY_TYPE = len(CLASSES)
"""In a map of labels: a garment whose type is not known; what is greater is left out of the loss."""

MIN_AGREEMENT = 0.85
"""Mean intersection over union of a mask with those of the other views from which it is learned from."""

AREAS = (0.03, 0.9)
WORN_SIDE = 384
"""Longer side of a photograph with a person, which keeps its proportions."""

Teacher = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Label:
    """A photograph with its classes.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    classes : uint8 (h, w)
        Indices of `CLASSES`, `ANY_TYPE` for a garment of an unknown type, `UNKNOWN` where nothing is known.
    """

    photo: np.ndarray
    classes: np.ndarray

    @property
    def garment(self) -> np.ndarray:
        """Where any garment is: bool (h, w)."""
        return (self.classes > 1) & (self.classes <= ANY_TYPE)

    @property
    def alone(self) -> bool:
        """Whether one garment is all that it shows, so that it can be laid on another ground."""
        return len(np.unique(self.classes[self.classes > 0])) == 1 and bool(self.garment.any())


def _views(photo: np.ndarray, believed: Teacher) -> list[np.ndarray]:
    """Return the garment's mask by four views of a photograph: bool (128, 128) each."""
    grey = np.repeat(photo.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    views = [believed(view) for view in (photo, 255 - photo, grey)]
    return [main_parts(view > 0.5) for view in [*views, believed(photo[:, ::-1])[:, ::-1]]]


def agreed_mask(photo: np.ndarray, believed: Teacher) -> tuple[np.ndarray, float]:
    """Return the one of four views' masks that agrees best with the others, and how well.

    A mean of the views would have a blurred outline.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    believed : function
        From a photograph to the probability of garment, float32 (128, 128).

    Returns
    -------
    mask : bool (128, 128)
    agreement : float in [0, 1]
        Its mean intersection over union with the other three.
    """
    masks = _views(photo, believed)
    overlaps = [np.mean([iou(mask, other) for other in masks if other is not mask]) for mask in masks]
    best = int(
        np.argmax(np.array(overlaps) + [1e-3, 0, 0, 0])
    )  # the photograph as it is, where they are equal
    return masks[best], float(overlaps[best])


def laid_out(item: Item, believed: Teacher) -> Label | None:
    """Label a photograph of one garment without a person; None where the views of it do not agree.

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    photo = squeeze(decode(item.path, size=SOURCE_SIDE), SOURCE_SIDE)
    mask, agreement = agreed_mask(photo, believed)
    if agreement < MIN_AGREEMENT or not AREAS[0] <= mask.mean() <= AREAS[1]:
        return None
    kind = type_of(item.category)
    number = ANY_TYPE if kind is None else CLASSES.index(kind)
    large = Image.fromarray(mask.astype(np.uint8) * 255).resize((SOURCE_SIDE,) * 2, Image.Resampling.BICUBIC)
    return Label(photo, np.where(np.asarray(large) > 127, number, 0).astype(np.uint8))


def _classes(seen: Parse) -> np.ndarray:
    """Return the likeliest class of each pixel, uint8 (128, 128)."""
    best = np.argmax([1 - seen.person - seen.garment, seen.person, seen.garment], axis=0)
    types = seen.types.argmax(axis=-1).repeat(2, axis=0).repeat(2, axis=1)
    return np.where(best == 2, types + 2, best).astype(np.uint8)


def worn(photo: np.ndarray, kind: str | None, parse: Callable[[np.ndarray], Parse]) -> Label | None:
    """Label a photograph of a person by what three views of it agree on; None where that is too little.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    kind : str or None
        The type of garment that the category names. Where it is not seen, what the garments are is not
        believed: they are garments of any type.
    parse : function
        From a photograph to its `Parse`.
    """
    grey = np.repeat(photo.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.uint8)
    mirrored = _classes(parse(np.ascontiguousarray(photo[:, ::-1])))[:, ::-1]
    views = np.stack([_classes(parse(photo)), _classes(parse(grey)), mirrored])
    agreed = (views == views[0]).all(axis=0)
    there = (views > 0).any(axis=0)
    classes = np.where(agreed, views[0], UNKNOWN).astype(np.uint8)
    garment = agreed & (classes > 1)
    if agreed[there].mean() < MIN_AGREEMENT or not AREAS[0] <= garment.mean() <= AREAS[1]:
        return None
    if kind is not None and CLASSES.index(kind) not in classes:
        classes[garment] = ANY_TYPE
    size = photo.shape[1::-1]
    return Label(photo, np.asarray(Image.fromarray(classes).resize(size, Image.Resampling.NEAREST)))


def photographed(item: Item, segmenter: Segmenter) -> Label | None:
    """Label a photograph of which the category alone is known, by a segmenter; None where it is not sure.

    Raises
    ------
    UnreadableImage
    """
    photo = decode(item.path, size=WORN_SIDE)
    if any(region.worn for region in find(segmenter.parse(photo))):
        return worn(photo, type_of(item.category), segmenter.parse)
    return laid_out(item, lambda view: segmenter.parse(view).garment)


def labelled(item: Item, *, segmenter: Segmenter, table: np.ndarray | None, root: Path) -> Label | None:
    """Label a photograph by its picture of labels, where it has one, else by a segmenter.

    Parameters
    ----------
    item : Item
    segmenter : Segmenter
    table : uint8 (256,), optional
        The class of each label number (`training.catalogue.parsed.class_table`); without it, nothing is
        parsed.
    root : Path
        The catalogue's folder.

    Raises
    ------
    UnreadableImage
    """
    if table is not None and item.metadata.get("mask"):
        return parsed(item, table, root)
    return photographed(item, segmenter)


def parsed(item: Item, table: np.ndarray, root: Path) -> Label:
    """Read a photograph whose every pixel is labelled.

    Raises
    ------
    UnreadableImage
    """
    photo = decode(item.path, size=WORN_SIDE)
    classes = Image.fromarray(read_classes(item, table, root))
    size = photo.shape[1::-1]
    return Label(photo, np.asarray(classes.resize(size, Image.Resampling.NEAREST)))


def drawn(index: int) -> Label:
    """Draw a garment that is laid out."""
    shape, appearance = sample(index, seed=1)
    mask = render_mask(shape, appearance).astype(np.uint8) * 255
    kind = type_of(shape.type)
    number = ANY_TYPE if kind is None else CLASSES.index(kind)
    there = squeeze(mask, SOURCE_SIDE) > 127
    return Label(squeeze(render(shape, appearance), SOURCE_SIDE), np.where(there, number, 0).astype(np.uint8))


def drawn_person(seed: int) -> Label:
    """Draw a person in clothes."""
    return Label(*figure(np.random.default_rng((1, seed))))
