"""The garments of parsed photographs of people: as they are labelled, and as they are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from training.catalogue.parsed import class_table, is_held_out, parsed_items, read_classes
from training.catalogue.reader import Catalogue, Item
from training.parallel import in_order
from training.photo.garment import Garment, cut_out, locate
from training.photo.garment_types import CLASSES
from training.photo.images import decode
from training.photo.preprocessing import WORKING_SIZE
from training.photo.regions import Region, iou
from training.photo.segmenter import Segmenter

COUNTED = ("upper", "outer", "dress", "trousers", "skirt")
"""Types of which a garment counts, and may be the main one."""

LEAST_AREA = 0.01
"""Share of the picture from which a garment counts, and from which a person is in it."""


def true_garments(classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the masks, bool (h, w), of the garments of a class map that count, the largest first."""
    masks = {kind: classes == CLASSES.index(kind) for kind in COUNTED}
    large = {kind: mask for kind, mask in masks.items() if mask.mean() >= LEAST_AREA}
    return dict(sorted(large.items(), key=lambda entry: -int(entry[1].sum())))


@dataclass(frozen=True)
class Parsed:
    """Reads the class maps of a parsed catalogue; small to send to another process."""

    table: np.ndarray
    root: Path

    @classmethod
    def of(cls, catalogue: Catalogue) -> "Parsed":
        """Read what the labels of a catalogue mean.

        Raises
        ------
        UnreadableCatalogue
            There is no table of labels beside it.
        """
        return cls(class_table(catalogue), catalogue.root or Path())

    def read(self, item: Item) -> tuple[np.ndarray, np.ndarray]:
        """Read a photograph, uint8 (h, w, 3), at `WORKING_SIZE`, and its class map, uint8 (h, w).

        Raises
        ------
        UnreadableImage
        """
        photo = decode(item.path, size=WORKING_SIZE)
        classes = Image.fromarray(read_classes(item, self.table, self.root))
        return photo, np.asarray(classes.resize(photo.shape[1::-1], Image.Resampling.NEAREST))


def _found(item: Item, *, parsed: Parsed, segmenter: Segmenter) -> list[tuple[str, Garment]]:
    """Return of each true garment its type, and the cut-out of that found garment which meets it best."""
    photo, classes = parsed.read(item)
    regions, turned = locate(photo, segmenter)
    found = []
    for kind, mask in true_garments(classes).items():
        best = max(regions, key=partial(_meets, mask), default=None)
        found.append((kind, cut_out(photo, best, turned if best else 0)))
    return found


def _meets(truth: np.ndarray, region: Region) -> float:
    height, width = region.mask.shape
    scaled = Image.fromarray(truth).resize((width, height), Image.Resampling.NEAREST)
    return iou(region.mask, np.asarray(scaled))


def found_garments(
    people: Catalogue, segmenter: Segmenter, *, held_out: bool, processes: int | None = None
) -> tuple[Sequence[str], Sequence[Garment]]:
    """Return the true types of what people wear, and the garments that a segmenter finds there.

    Parameters
    ----------
    people : Catalogue
        Photographs of it that are not parsed, or can't be read, are left out.
    segmenter : Segmenter
    held_out : bool
        Whether to take the photographs that are kept out of training, or the others.
    processes : int, optional
        Worker processes; one a core by default.

    Returns
    -------
    types : sequence of str
    garments : sequence of Garment

    Raises
    ------
    UnreadableCatalogue
        There is no table of labels beside it.
    """
    items = [item for item in parsed_items(people) if is_held_out(item) is held_out]
    if not items:
        return (), ()
    read = partial(_found, parsed=Parsed.of(people), segmenter=segmenter)
    results = in_order(read, items, processes=processes, progress="worn garments")
    found = [pair for pairs in results if isinstance(pairs, list) for pair in pairs]
    return [kind for kind, _ in found], [garment for _, garment in found]
