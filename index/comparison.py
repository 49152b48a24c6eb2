"""The difference between two versions: another catalogue, and items that are new, gone, or changed."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from training.catalogue.reader import Item

LISTED = 48
"""Of how many items that are new, changed or gone the ids are told."""


_AT_ONCE = 4096


class Digests(Mapping[str, bytes]):
    """The digests of a version's photographs by item id, read from where they are stored."""

    @abstractmethod
    def find(self, item_ids: Sequence[str]) -> dict[str, bytes]:
        """Return those of the items of these ids that there are."""

    def __getitem__(self, item_id: str) -> bytes:
        return self.find([item_id])[item_id]


@dataclass(frozen=True)
class Previous:
    """The version in use before a build.

    Parameters
    ----------
    items : int
        How many it has.
    contents : mapping
        The digest of each one's photographs, by id.
    catalogue : str
        The catalogue as it was named to its build.
    version : str, optional
        Its name.
    """

    items: int
    contents: Mapping[str, bytes]
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


def _parts(
    items: Sequence[Item], before: Mapping[str, bytes]
) -> Iterator[tuple[int, list[str], dict[str, bytes]]]:
    """Yield the ids of items, some at a time, with the row of the first and the digests known of them."""
    for at in range(0, len(items), _AT_ONCE):
        ids = [item.item_id for item in items[at : at + _AT_ONCE]]
        known = before.find(ids) if isinstance(before, Digests) else before
        yield at, ids, {item_id: known[item_id] for item_id in ids if item_id in known}


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
    known = sum(len(found) for _, _, found in _parts(items, previous.contents))
    return previous.catalogue if 2 * known < len(items) else None


def _gone(before: Mapping[str, bytes], items: Sequence[Item], count: int) -> tuple[str, ...]:
    """Return the first of `count` ids that items have no more."""
    if not count:
        return ()
    now = np.sort(np.fromiter((hash(item.item_id) for item in items), np.int64, len(items)))

    def is_gone(item_id: str) -> bool:
        place = int(np.searchsorted(now, hash(item_id)))
        return place == len(now) or int(now[place]) != hash(item_id)

    return tuple(islice(filter(is_gone, before), min(count, LISTED)))


def compare(previous: Previous | None, items: Sequence[Item], contents: np.ndarray) -> Difference:
    """Count what has changed since the previous version, some items at a time.

    Parameters
    ----------
    previous : Previous or None
        Without it, all items are new.
    items : sequence of Item
    contents : uint8 (n, 32)
        SHA-256 of their photographs.
    """
    before = previous.contents if previous else {}
    first: dict[str, list[str]] = {"new": [], "changed": []}
    counts = dict.fromkeys(first, 0)
    for at, ids, found in _parts(items, before):
        changed = [
            item_id
            for item_id, content in zip(ids, contents[at : at + len(ids)], strict=True)
            if item_id in found and found[item_id] != content.tobytes()
        ]
        for name, some in (
            ("new", [item_id for item_id in ids if item_id not in found]),
            ("changed", changed),
        ):
            counts[name] += len(some)
            first[name] += some[: LISTED - len(first[name])]
    removed = len(before) - (len(items) - counts["new"])
    return Difference(
        **counts,
        removed=removed,
        since=previous.version if previous else None,
        first={
            **{name: tuple(ids) for name, ids in first.items()},
            "removed": _gone(before, items, removed),
        },
    )
