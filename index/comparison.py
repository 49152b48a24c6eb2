"""The difference between two versions: another catalogue, and items that are new, gone, or changed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.catalogue.reader import Item


@dataclass(frozen=True)
class Previous:
    """The version in use before a build.

    Parameters
    ----------
    items : int
        How many it has.
    contents : dict
        The SHA-256 of each one's photograph, by id.
    catalogue : str
        The catalogue as it was named to its build.
    """

    items: int
    contents: dict[str, bytes]
    catalogue: str


@dataclass(frozen=True)
class Difference:
    """How many items are new, have another photograph, and are gone."""

    new: int
    changed: int
    removed: int


def replaced(previous: Previous | None, catalogue: str, items: Sequence[Item]) -> str | None:
    """Return the name of the catalogue that another one is to take the place of; None where it is the same.

    A catalogue that is named otherwise is the same one if the version in use has at least half of its items:
    files with the date in their name, or a part of the catalogue.

    Parameters
    ----------
    previous : Previous or None
    catalogue : str
        The catalogue as it is named now.
    items : sequence of Item
        Its items.
    """
    if previous is None or previous.catalogue == catalogue:
        return None
    known = sum(item.item_id in previous.contents for item in items)
    return previous.catalogue if 2 * known < len(items) else None


def compare(previous: Previous | None, items: Sequence[Item], contents: np.ndarray) -> Difference:
    """Count what has changed since the previous version.

    Parameters
    ----------
    previous : Previous or None
        Without it, all items are new.
    items : sequence of Item
    contents : uint8 (n, 32)
        SHA-256 of their photographs.
    """
    before = previous.contents if previous else {}
    known = [
        before[item.item_id] == content.tobytes()
        for item, content in zip(items, contents, strict=True)
        if item.item_id in before
    ]
    return Difference(
        new=len(items) - len(known), changed=known.count(False), removed=len(before) - len(known)
    )
