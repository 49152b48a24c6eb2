"""What is found in parsed photographs of people, compared with their class maps, uint8 (h, w)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.catalogue.parsed import UNKNOWN
from training.catalogue.reader import Item
from training.evaluation.finder import Finder, Found, overlap
from training.fit.found_garments import LEAST_AREA, Parsed, true_garments
from training.photo.garment_types import CLASSES, PERSON, TYPES

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


def score_photo(item: Item, *, parsed: Parsed, finders: Sequence[Finder]) -> list[Street]:
    """Score what each finder finds in a photograph."""
    photo, classes = parsed.read(item)
    return [score(finder.garments(photo), classes) for finder in finders]
