"""Removal of old versions, and of the changes and photographs that no version needs any more."""

import json
import logging
import os
import sqlite3
from contextlib import closing
from itertools import chain
from pathlib import Path

from index.errors import ChangeNotWritten, IndexDamaged
from index.manifest import read_manifest
from index.photographs import PHOTOGRAPHS
from index.stores.folder.changes import Changes
from index.stores.folder.publish import current_version, list_versions, remove_old
from index.stores.folder.version import ITEMS
from index.stores.lock import locked
from training.catalogue.reader import Catalogue
from training.errors import SilhouetteError

log = logging.getLogger(__name__)


def _photographs(folder: Path, stored: set[str]) -> set[str]:
    """Return those of stored photographs, by their names, that a version's items may have."""
    if not stored:
        return stored
    address = f"{(folder / ITEMS).absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        found = connection.execute("SELECT * FROM items WHERE instr(path, ?)", (f"/{PHOTOGRAPHS}/",))
        texts = ((path, *(json.loads(text) for text in more if text)) for _, _, path, _, _, *more in found)
        names = (os.path.basename(path) for first, *further in texts for path in (first, *chain(*further)))
        return stored.intersection(names)


def sweep(indexes: Path, *, catalogue: Catalogue | None = None) -> None:
    """Forget what all versions have folded in, and remove the photographs that nothing refers to.

    The caller holds the lock of a build, so that no version is being made. Items that were put stay in the
    log and are folded into every build. A deletion is dropped once all versions have it folded in and the
    catalogue no longer holds the item: until then an older version, or the catalogue, would bring it back.
    Where anything can't be read or written, that is logged and all is kept.

    Parameters
    ----------
    indexes : Path
    catalogue : Catalogue, optional
        As it was read, before changes were applied; without it no deletion is dropped.
    """
    versions = [indexes / version for version in list_versions(indexes)]
    stored = {path.name for path in (indexes / PHOTOGRAPHS).glob("*")}
    try:
        folded = min((read_manifest(folder).changes for folder in versions), default=0)
        used = set[str]().union(*(_photographs(folder, stored) for folder in versions))
        Changes(indexes).drop(folded=folded, catalogue=catalogue, photographs=used)
    except (IndexDamaged, ChangeNotWritten, sqlite3.Error) as error:
        log.warning("Changes that are settled are kept for now: %s", error)


def tidy(indexes: Path, *, keep: int, catalogue: Catalogue) -> list[str]:
    """Remove old versions after a build; return their names.

    The new version is published by then, so that what can't be removed is logged and fails nothing.

    Parameters
    ----------
    indexes : Path
    keep : int
        How many versions stay.
    catalogue : Catalogue
        As it was read, before changes were applied.
    """
    try:
        removed = remove_old(indexes, keep=keep)
    except SilhouetteError as error:
        log.warning("Old versions were not removed: %s", error)
        return []
    sweep(indexes, catalogue=catalogue)
    return removed


def prune(indexes: Path, *, keep: int) -> list[str]:
    """Remove all but the newest `keep` versions and the current one; return their names.

    Raises
    ------
    NoIndex, IndexDamaged
        Without a sound current version nothing is removed.
    BuildRunning, IndexNotWritten
    """
    current_version(indexes)
    with locked(indexes):
        removed = remove_old(indexes, keep=keep)
        sweep(indexes)
    return removed
