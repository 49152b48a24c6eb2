"""Removal of old versions, and of the changes and photographs that no version needs any more."""

import logging
from pathlib import Path

from index.stores.lock import locked
from index.stores.milvus.place import Place
from training.catalogue.reader import Catalogue
from training.errors import SilhouetteError

log = logging.getLogger(__name__)


def _remove_old(place: Place, keep: int) -> list[str]:
    current = place.versions.current()
    doomed = [version for version in place.versions.names(consistency="Strong")[:-keep] if version != current]
    place.versions.remove(doomed)
    return doomed


def sweep(place: Place, *, catalogue: Catalogue | None = None) -> None:
    """Drop the changes that all versions have folded in, and the files that nothing refers to.

    Parameters
    ----------
    place : Place
    catalogue : Catalogue, optional
        As it was read, before changes were applied; without it no deletion is dropped.
    """
    versions = place.versions
    names = versions.names()
    folded = min((versions.manifest(version).changes for version in names), default=0)
    uploads = versions.photographs()
    place.changes.drop(folded=folded, catalogue=catalogue, photographs=uploads, versions=names)


def tidy(place: Place, *, keep: int, catalogue: Catalogue) -> list[str]:
    """Remove old versions after a build; return their names.

    The new version is published by then, so that what can't be removed is logged and fails nothing.
    """
    try:
        removed = _remove_old(place, keep)
        sweep(place, catalogue=catalogue)
    except SilhouetteError as error:
        log.warning("Not all old versions and changes were removed: %s", error)
        return []
    return removed


def prune(place: Place, indexes: Path, *, keep: int) -> list[str]:
    """Remove all but the newest `keep` versions and the current one; return their names."""
    with locked(indexes):
        removed = _remove_old(place, keep)
        sweep(place)
    return removed
