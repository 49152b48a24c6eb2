"""What is found in parsed photographs of people, compared with their class maps, uint8 (h, w)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from training.catalogue.parsed import UNKNOWN, class_table, read_classes
from training.catalogue.reader import Catalogue, Item
from training.evaluation.finder import Finder, Found, overlap
from training.photo.garment_types import CLASSES, PERSON, TYPES
from training.photo.images import decode
from training.photo.preprocessing import WORKING_SIZE

COUNTED = ("upper", "outer", "dress", "trousers", "skirt")
"""Types of which a garment counts, and may be the main one."""

LEAST_AREA = 0.01
"""Share of the picture from which a garment counts, and from which a person is in it."""

FOUND = 0.5
"""IoU with the true mask from which a garment is found."""


@dataclass(frozen=True)
class Street:
    """How a photograph's garments were found.

    Parameters
    ----------
    clothes : float in [0, 1] or nan
        IoU of all that was found with all clothes; nan without clothes.
    main : float in [0, 1] or nan
        IoU of the main garment with the true one, the largest of the types that count; nan without one.
    garments, found, typed : int
        Garments that count, those found by any of the garments, and by one of their own type.
    worn : bool or None
        Whether the main garment is said to be worn; None where no person is in the picture.
    """

    clothes: float
    main: float
    garments: int
    found: int
    typed: int
    worn: bool | None


def true_garments(classes: np.ndarray) -> dict[str, np.ndarray]:
    """Return the masks, bool (h, w), of the garments of a class map that count, the largest first."""
    masks = {kind: classes == CLASSES.index(kind) for kind in COUNTED}
    large = {kind: mask for kind, mask in masks.items() if mask.mean() >= LEAST_AREA}
    return dict(sorted(large.items(), key=lambda entry: -int(entry[1].sum())))


def _is_found(truth: np.ndarray, found: Sequence[Found], known: np.ndarray) -> bool:
    return any(overlap(one.mask, truth, known) >= FOUND for one in found)


def score(found: Sequence[Found], classes: np.ndarray) -> Street:
    """Compare what was found in a photograph with its class map.

    Parameters
    ----------
    found : sequence of Found
        The main one first.
    classes : uint8 (h, w)
        Indices of `CLASSES`; where it is `UNKNOWN`, nothing is compared.

    Returns
    -------
    Street
    """
    known, truths = classes != UNKNOWN, true_garments(classes)
    clothes = np.isin(classes, [CLASSES.index(kind) for kind in TYPES])
    nothing = np.zeros(classes.shape, bool)
    together = np.any([nothing, *(one.mask for one in found)], axis=0)
    main = found[0].mask if found else nothing
    person = np.mean(classes == CLASSES.index(PERSON)) >= LEAST_AREA
    return Street(
        clothes=overlap(together, clothes, known) if clothes.any() else np.nan,
        main=overlap(main, next(iter(truths.values())), known) if truths else np.nan,
        garments=len(truths),
        found=sum(_is_found(truth, found, known) for truth in truths.values()),
        typed=sum(
            _is_found(truth, [one for one in found if one.type == kind], known)
            for kind, truth in truths.items()
        ),
        worn=bool(found and found[0].worn) if person else None,
    )


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

    def scored(self, item: Item, *, finders: Sequence[Finder]) -> list[Street]:
        """Score what each finder finds in a photograph."""
        photo, classes = self.read(item)
        return [score(finder.garments(photo), classes) for finder in finders]
