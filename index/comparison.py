"""What is different in a new index: items that are new, gone, or have another photograph than before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.errors import IndexDamaged, NoIndex
from index.manifest import read_manifest
from index.stores.folder.items import Items
from index.stores.folder.publish import current_version, list_versions
from index.stores.folder.version import CONTENTS, ITEMS
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


def _contents(folder: Path) -> dict[str, bytes]:
    try:
        ids = Items.open(folder / ITEMS).ids()
        return {
            item_id: content.tobytes()
            for item_id, content in zip(ids, np.load(folder / CONTENTS), strict=True)
        }
    except (OSError, ValueError, IndexDamaged):
        return {}


def _newest_first(indexes: Path) -> list[str]:
    """Return the version in use, then the others from the newest on."""
    versions = list_versions(indexes)[::-1]
    try:
        current = current_version(indexes)
    except (NoIndex, IndexDamaged):
        return versions
    return [current, *(version for version in versions if version != current)]


def read_previous(indexes: Path) -> Previous | None:
    """Return what the version in use holds, or the newest one that can be read; None where there is none."""
    for version in _newest_first(indexes):
        try:
            items = read_manifest(indexes / version).items
        except IndexDamaged:
            continue
        return Previous(items, _contents(indexes / version))
    return None


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
