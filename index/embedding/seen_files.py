"""Files as a build has last seen them: what has the same size, times and inode is not read again."""

import os
import struct
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from training.errors import UnreadableImage
from training.photo.images import read_bytes

RESOLUTION_NS = 2 * 10**9
"""Nanoseconds that the clocks of file systems may be coarse: FAT keeps even seconds, others are finer."""


@dataclass(frozen=True, slots=True)
class File:
    """A file: its SHA-256, and by what one sees that it is still the same.

    The time at which the system last changed the inode is part of that: programs can't set it, so that
    neither a file with restored times nor one moved to the place of another passes for the earlier one.

    Parameters
    ----------
    content : bytes
    stamp : bytes or None
        Size, times and inode; None where the file has changed too lately for a later change to show in them.
    """

    content: bytes
    stamp: bytes | None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; raises `UnreadableImage`."""
        now, before = time.time_ns(), _stamp(path)
        content = sha256(read_bytes(path)).digest()
        settled = before is not None and before.latest + RESOLUTION_NS <= now and before == _stamp(path)
        return cls(content, before.packed if before is not None and settled else None)


@dataclass(frozen=True, slots=True)
class _Stamp:
    packed: bytes
    latest: int


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    times = found.st_mtime_ns, found.st_ctime_ns
    return _Stamp(struct.pack("<qqqQ", found.st_size, *times, found.st_ino), max(times))


def read_file(path: Path, seen: File | None = None) -> File | UnreadableImage:
    """Return what a file holds, or why it can't be read; one that is as it was `seen` is not read."""
    if seen is not None and (now := _stamp(path)) is not None and seen.stamp == now.packed:
        return seen
    try:
        return File.read(path)
    except UnreadableImage as error:
        return error
