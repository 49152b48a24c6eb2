"""Durable atomic writes: a file has its old content or its new one, whole and on the disk, whatever fails."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, each durably."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


@contextmanager
def replacing(path: Path, *, mode: int = 0o666, sync_name: bool = True) -> Iterator[BinaryIO]:
    """Replace a file in one step, durably: what is written reaches the disk under a temporary name first.

    Parameters
    ----------
    path : Path
        Missing folders are made.
    mode : int
        Permissions of the file, less those that the process's umask takes away.
    sync_name : bool
        Without it the content is durable, and the name once the folder has been synced.

    Raises
    ------
    OSError
        The disk is full, read-only or broken; a file that was there keeps its content, as it does where the
        block raises.
    """
    _make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.draft")
    try:
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    if sync_name:
        sync(path.parent)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o666, sync_name: bool = True) -> None:
    """Replace a file by these bytes in one step, durably (see `replacing`)."""
    with replacing(path, mode=mode, sync_name=sync_name) as file:
        file.write(data)
