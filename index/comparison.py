"""The difference between two versions: another catalogue, and items that are new, gone, or changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from training.catalogue.reader import Item

LISTED = 48
"""Of how many items that are new, changed or gone the ids are told."""


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
    version : str, optional
        Its name.
    """

    items: int
    contents: dict[str, bytes]
    catalogue: str
    version: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Difference:
    """How many items are new, have another photograph, and are gone.

    Parameters
    ----------
    new, changed, removed : int
    since : str, optional
        The version that was compared with.
    first : dict
        The ids of the first items of each of the three, by its name.
    """

    new: int
    changed: int
    removed: int
    since: str | None = field(default=None, compare=False)
    first: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """The three counts by their names."""
        return {"new": self.new, "changed": self.changed, "removed": self.removed}


def _first(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(ids, LISTED))


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
    known = [item.item_id in before for item in items]
    changed = [
        item.item_id in before and before[item.item_id] != content.tobytes()
        for item, content in zip(items, contents, strict=True)
    ]
    ids = {item.item_id for item in items}
    return Difference(
        new=known.count(False),
        changed=changed.count(True),
        removed=len(before) - known.count(True),
        since=previous.version if previous else None,
        first={
            "new": _first(item.item_id for item, old in zip(items, known, strict=True) if not old),
            "changed": _first(item.item_id for item, other in zip(items, changed, strict=True) if other),
            "removed": _first(item_id for item_id in before if item_id not in ids),
        },
    )
