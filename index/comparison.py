"""The difference between two versions: items that are new, gone, or have another photograph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.catalogue.reader import Item


@dataclass(frozen=True)
class Previous:
    """The version in use before a build: how many items it has, and the SHA-256 of each one's photograph."""

    items: int
    contents: dict[str, bytes]


@dataclass(frozen=True)
class Difference:
    """How many items are new, have another photograph, and are gone."""

    new: int
    changed: int
    removed: int


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
