"""Part maps beside an index in Milvus, in a folder: PART_MAP (n,) of what was built, and of what was put.

Milvus holds none: at 1.8 KB a view they would fill the memory of its servers.
"""

import time
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.errors import IndexDamaged
from index.manifest import HASHED_AT_OPEN, Manifest, damage, file_sums
from index.photographs import UNREFERRED_SECONDS
from index.views import Views
from training.files import replacing, write_atomically
from training.parts.part_maps import PART_MAP

MAPS = "maps"

_PUTS_KEPT = 4096  # of 1.8 KB for each view


class VersionMaps:
    """The part maps of a version and of what was put since, by the rows of its collection.

    Parameters
    ----------
    built : PART_MAP (n,)
        Those of the rows 0 to n - 1.
    files : MapFiles
        Has those of further rows, which are numbers of changes.
    manifest : Manifest
    """

    def __init__(self, built: np.ndarray, files: "MapFiles", manifest: Manifest) -> None:
        self._built = built
        self._files = files
        self._manifest = manifest
        self._put = lru_cache(_PUTS_KEPT)(self._read)

    def of(self, rows: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Return the maps of rows, int64 (k,), each of that number among its item's views: PART_MAP (k,).

        They are zero where none is known.
        """
        found = np.zeros(len(rows), PART_MAP)
        is_built = rows < len(self._built)
        found[is_built] = self._built[rows[is_built]]
        for place in np.flatnonzero(~is_built).tolist():
            put = self._put(int(rows[place]))
            if views[place] < len(put):
                found[place] = put[views[place]]
        return found

    def _read(self, number: int) -> np.ndarray:
        views = self._files.put(number, self._manifest.dimension)
        return np.zeros(0, PART_MAP) if views is None else views.chosen(self._manifest.garments).known_maps


class MapFiles:
    """A folder of part maps; where several machines serve or build, one that they share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def keep_version(self, version: str, maps: np.ndarray) -> tuple[dict[str, str], dict[str, int]]:
        """Write the maps of a version's rows, PART_MAP (n,), durably; raises `OSError`.

        Returns the file's SHA-256 and its bytes, by its name, as the manifest has them.
        """
        path = self._of_version(version)
        with replacing(path) as file:
            np.save(file, maps)
        return file_sums([path])

    def of_version(self, manifest: Manifest, *, hash_up_to: float = HASHED_AT_OPEN) -> VersionMaps | None:
        """Return the maps of a version; None where a machine or an earlier release has kept none, or others.

        Parameters
        ----------
        manifest : Manifest
        hash_up_to : float
            A file of more bytes is compared by its size only.

        Raises
        ------
        IndexDamaged
            The file can't be read, or is not the one that was published.
        """
        path = self._of_version(manifest.version)
        if not path.exists():
            return None
        try:
            if problems := damage(self.folder, manifest, hash_up_to=hash_up_to):
                raise ValueError("; ".join(problems))
            maps = np.asarray(np.load(path, mmap_mode="r"))  # a plain view, which hands out rows sooner
            if maps.dtype != PART_MAP:
                return None
            if maps.shape != (manifest.vectors,):
                raise ValueError(f"{len(maps):,} part maps where the manifest says {manifest.vectors:,}")
        except (OSError, ValueError) as error:
            raise IndexDamaged(
                f"The part maps in '{path}' can't be read ({error}). Remove the file, to search without "
                "them, or build the index again."
            ) from error
        return VersionMaps(maps, self, manifest)

    def keep_put(self, number: int, views: Views) -> None:
        """Write the views that a change has put, with their maps, durably; raises `OSError`."""
        write_atomically(self._of_put(number), views.to_bytes())

    def put(self, number: int, dimension: int) -> Views | None:
        """Return the views that a change has put; None where none were kept; raises `ValueError`."""
        try:
            packed = self._of_put(number).read_bytes()
        except FileNotFoundError:
            return None
        return Views.from_bytes(packed, dimension)

    def remove_all_but(self, versions: Collection[str], numbers: Collection[int]) -> None:
        """Remove the files of other versions and changes, unless somebody may be about to refer to them."""
        kept = {*map(self._of_version, versions), *map(self._of_put, numbers)}
        newest = time.time() - UNREFERRED_SECONDS
        for path in self.folder.glob("*"):
            if path not in kept and path.stat().st_mtime < newest:
                path.unlink(missing_ok=True)

    def _of_version(self, version: str) -> Path:
        return self.folder / f"{version}.npy"

    def _of_put(self, number: int) -> Path:
        return self.folder / f"{number}.views"
