"""What no version needs any more of the changes is removed: settled states, and photographs of nobody."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from index.errors import ChangeNotWritten, IndexDamaged
from index.manifest import read_manifest
from index.photographs import PHOTOGRAPHS
from index.stores.folder.changes import Changes
from index.stores.folder.publish import list_versions
from index.stores.folder.version import ITEMS
from training.catalogue.reader import Catalogue

log = logging.getLogger(__name__)


def _photographs(folder: Path) -> set[str]:
    """Return the names of all stored photographs that a version's items may have, wherever it was built."""
    address = f"{(folder / ITEMS).absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        paths = connection.execute("SELECT path FROM items WHERE instr(path, ?)", (f"/{PHOTOGRAPHS}/",))
        return {Path(path).name for (path,) in paths}


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
    held = None
    if catalogue is not None:
        held = {item.item_id for item in catalogue.items} | {bad.item_id for bad in catalogue.bad}
    try:
        folded = min((read_manifest(folder).changes for folder in versions), default=0)
        used = set[str]().union(*(_photographs(folder) for folder in versions))
        Changes(indexes).drop(folded=folded, catalogue=held, photographs=used)
    except (IndexDamaged, ChangeNotWritten, sqlite3.Error) as error:
        log.warning("Changes that are settled are kept for now: %s", error)
