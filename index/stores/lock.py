"""The lock of a build, and what writing to the folder of indexes raises; both stores use them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import BuildRunning, IndexNotWritten
from training.files import sync

LOCK = ".lock"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an `IndexNotWritten` with the reason and what to do."""
    try:
        yield
    except OSError as error:
        raise IndexNotWritten(
            f"The index could not be written to '{path}': {error.strerror or error}. Make room there or "
            "allow writing, and try again; the version in use is unchanged."
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
