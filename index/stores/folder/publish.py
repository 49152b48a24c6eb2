"""Publication: versions are folders made in hiding and renamed; `current` is a small file that names one."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from index.errors import BuildRunning, IndexDamaged, IndexNotWritten, NoIndex, VersionUnknown
from index.stores.folder.version import Version, check_version
from training.files import sync, write_atomically

CURRENT = "current"
LOCK = ".lock"
SWITCH = ".switch"
BUILDING = ".building-"
REMOVING = ".removing-"
_STAMP = "%Y-%m-%dT%H-%M-%SZ"
_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")


@dataclass(frozen=True)
class Draft:
    """A version that is being made: its future name, and the hidden folder that its files go into."""

    indexes: Path
    version: str

    @property
    def folder(self) -> Path:
        """Where the files are written until `publish` renames it."""
        return self.indexes / f"{BUILDING}{self.version}"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` into `IndexNotWritten`, which says why and what to do."""
    try:
        yield
    except OSError as error:
        raise IndexNotWritten(
            f"The index could not be written to '{path}': {error.strerror or error}. Make room there or "
            "allow writing, and try again; the version in use stays as it is."
        ) from error


def _make(indexes: Path) -> None:
    """Make the folder and its lock; a new folder's own name reaches the disk, too."""
    if not indexes.is_dir():
        indexes.mkdir(parents=True, exist_ok=True)
        sync(indexes.absolute().parent)
    (indexes / LOCK).touch()


@contextmanager
def locked(indexes: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system releases even where the process is killed.

    Raises
    ------
    BuildRunning
        Another one holds it.
    IndexNotWritten
        The folder can't be written to.
    """
    with writing(indexes):
        _make(indexes)
    with (indexes / LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BuildRunning(
                f"Another build is writing into '{indexes}'. Wait for it to end, or name another --out."
            ) from error
        yield


@contextmanager
def _switching(indexes: Path) -> Iterator[None]:
    """Hold for a moment what keeps a version from being activated and removed at once."""
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


def new_version(versions: list[str], *, now: datetime) -> str:
    """Return a name for a new version: the time in UTC, or a second after the newest of `versions` if later.

    So names are unique and sort in the order of publication, even where two builds end in one second or the
    clock has gone back.
    """
    moment = now.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    if versions:
        moment = max(moment, datetime.strptime(versions[-1], _STAMP) + timedelta(seconds=1))
    return moment.strftime(_STAMP)


def list_versions(indexes: Path) -> list[str]:
    """Return the names of the published versions, oldest first; none where the folder does not exist."""
    if not indexes.is_dir():
        return []
    return sorted(path.name for path in indexes.iterdir() if _VERSION.fullmatch(path.name) and path.is_dir())


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
            f"Activate another one ({_listed(versions)}), go back by `python -m index rollback`, or build "
            "the index again."
        )
    return version


def _listed(versions: list[str]) -> str:
    return f"published: {', '.join(versions) if versions else 'none'}"


def _known(indexes: Path, version: str) -> str:
    versions = list_versions(indexes)
    if version not in versions:
        raise VersionUnknown(f"'{indexes}' holds no version '{version}' ({_listed(versions)}).")
    return version


@contextmanager
def building(indexes: Path, *, now: datetime | None = None) -> Iterator[Draft]:
    """Make room for a new version, alone: a hidden folder that vanishes at the end unless it was published.

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
        draft = Draft(indexes, new_version(list_versions(indexes), now=now or datetime.now(UTC)))
        with writing(indexes):
            draft.folder.mkdir()
        try:
            yield draft
        finally:
            _remove_leftovers(indexes)


def publish(draft: Draft) -> str:
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
        _point_to(indexes, _known(indexes, version))  # it may have been removed since
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
    current, versions = _named(indexes), list_versions(indexes)
    older = [version for version in versions if version < current]
    if not older:
        raise VersionUnknown(f"'{indexes}' holds no version older than '{current}' ({_listed(versions)}).")
    return activate(indexes, older[-1])


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
    name = current_version(indexes) if version is None else _known(indexes, version)
    return check_version(indexes / name)
