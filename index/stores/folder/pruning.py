"""What is removed: old versions, and the changes and photographs that none of the others needs."""

import logging
from pathlib import Path

from index.stores.folder.publish import current_version, locked, remove_old
from index.stores.folder.sweep import sweep
from training.catalogue.reader import Catalogue
from training.errors import SilhouetteError

log = logging.getLogger(__name__)


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
