"""Publication: a version is written to a hidden staging folder and renamed; the file `current` names one."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from index.errors import IndexDamaged, NoIndex
from index.stores.folder.version import Version, check_version
from index.stores.lock import locked, writing
from index.stores.version_names import is_version_name, listed, new_version, newest_before, require_known
from training.files import sync, write_atomically

CURRENT = "current"
SWITCH = ".switch"
BUILDING = ".building-"
REMOVING = ".removing-"


@dataclass(frozen=True)
class StagingFolder:
    """The hidden folder of a draft version, and the name that publication gives it."""

    indexes: Path
    version: str

    @property
    def folder(self) -> Path:
        """Where the files are written until `publish` renames it."""
        return self.indexes / f"{BUILDING}{self.version}"


@contextmanager
def _switching(indexes: Path) -> Iterator[None]:
    """Hold the lock that keeps a version from being removed while it is activated."""
    with (indexes / SWITCH).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove_leftovers(indexes: Path) -> None:
    """Remove what killed builds have left; only the holder of the lock may."""
    for prefix in (BUILDING, REMOVING):
        for leftover in indexes.glob(f"{prefix}*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _point_to(indexes: Path, version: str) -> None:
    write_atomically(indexes / CURRENT, f"{version}\n".encode())


def _named(indexes: Path) -> str:
    """Return what `current` says, whether or not there is such a version."""
    try:
        return (indexes / CURRENT).read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise NoIndex(
            f"No index is published in '{indexes}' ({error.strerror}). Build one: "
            f"python -m index build --catalogue CATALOGUE --out {indexes}"
        ) from error


def list_versions(indexes: Path) -> list[str]:
    """Return the names of the published versions, oldest first; none where the folder does not exist."""
    if not indexes.is_dir():
        return []
    return sorted(path.name for path in indexes.iterdir() if is_version_name(path.name) and path.is_dir())


def current_version(indexes: Path) -> str:
    """Return the name of the version in use.

    Raises
    ------
    NoIndex
        Nothing was published in `indexes` yet.
    IndexDamaged
        The version that `current` names is gone.
    """
    version = _named(indexes)
    versions = list_versions(indexes)
    if version not in versions:
        raise IndexDamaged(
            f"'{indexes / CURRENT}' names the version '{version}', which is not there. "
            f"Activate another one ({listed(versions)}), go back by `python -m index rollback`, or build "
            "the index again."
        )
    return version


def known(indexes: Path, version: str) -> str:
    """Return the name of a published version; raises `VersionUnknown` where there is none of that name."""
    return require_known(version, list_versions(indexes), place=str(indexes))


@contextmanager
def building(indexes: Path, *, now: datetime | None = None) -> Iterator[StagingFolder]:
    """Create the staging folder of a new version, under the lock; it is removed unless it was published.

    Parameters
    ----------
    indexes : Path
        Made where it does not exist.
    now : datetime, optional
        Names the version; by default, the clock does.

    Raises
    ------
    BuildRunning
        Another build holds the lock.
    IndexNotWritten
        The folder can't be written to.
    """
    with locked(indexes):
        _remove_leftovers(indexes)
        draft = StagingFolder(indexes, new_version(list_versions(indexes), now=now or datetime.now(UTC)))
        with writing(indexes):
            draft.folder.mkdir()
        try:
            yield draft
        finally:
            _remove_leftovers(indexes)


def publish(draft: StagingFolder) -> str:
    """Publish the files of a draft and make them current; return the version's name.

    At every moment, whatever fails, `current` names a version that is complete: files and folder reach the
    disk before the folder gets its name, and the name does before `current` is replaced.

    Raises
    ------
    IndexNotWritten
        The disk is full or read-only; the version in use stays.
    """
    with writing(draft.indexes):
        for file in draft.folder.iterdir():
            sync(file)
        sync(draft.folder)
        os.rename(draft.folder, draft.indexes / draft.version)
        sync(draft.indexes)
        _point_to(draft.indexes, draft.version)
    return draft.version


def activate(indexes: Path, version: str) -> Version:
    """Make a published version current, after a full check of its files, and return it.

    Raises
    ------
    VersionUnknown
        There is no such version.
    IndexDamaged
        Its files are not those that were published; the version in use stays.
    IndexNotWritten
        `current` could not be replaced; the version in use stays.
    """
    checked = verify(indexes, version)
    with writing(indexes), _switching(indexes):
        _point_to(indexes, known(indexes, version))  # it may have been removed since
    return checked


def rollback(indexes: Path) -> Version:
    """Make the newest version older than the current one current, after a full check, and return it.

    It works where the current version itself is damaged or gone, too.

    Raises
    ------
    NoIndex, VersionUnknown
        There is none to go back from, or to.
    IndexDamaged, IndexNotWritten
        As for `activate`; the version in use stays.
    """
    older = newest_before(_named(indexes), list_versions(indexes), place=str(indexes))
    return activate(indexes, older)


def remove_old(indexes: Path, *, keep: int) -> list[str]:
    """Remove all but the newest `keep` versions and the current one; return their names.

    Only the holder of the build's lock may. A version leaves the list in one step, before its files go; who
    has mapped them goes on reading.

    Raises
    ------
    NoIndex, IndexDamaged
        Without a sound current version nothing is removed.
    IndexNotWritten
        The folder can't be written to.
    """
    with writing(indexes), _switching(indexes):
        current = current_version(indexes)
        doomed = [version for version in list_versions(indexes)[:-keep] if version != current]
        for version in doomed:
            os.rename(indexes / version, indexes / f"{REMOVING}{version}")
        sync(indexes)
    _remove_leftovers(indexes)
    return doomed


def verify(indexes: Path, version: str | None = None) -> Version:
    """Check a version, by default the current one, in full (see `check_version`), and return it.

    Raises
    ------
    NoIndex, VersionUnknown, IndexDamaged
    """
    name = current_version(indexes) if version is None else known(indexes, version)
    return check_version(indexes / name)
