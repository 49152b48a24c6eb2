"""Arrays in files without a name: as large as the disk allows, no part of what a process holds in memory.

Their pages leave memory when others need the room, and the files go with the process, however it ends.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 2**20
"""Bytes up to which an array lies in memory."""

_AT_ONCE = 2**16  # rows


def zeros(shape: tuple[int, ...], dtype: Any, folder: Path | None) -> np.ndarray:
    """Return an array of zeros, in a file on the disk of `folder` unless it is small.

    Parameters
    ----------
    shape : tuple of int
    dtype : data type
    folder : Path, optional
        Made where it does not exist; without it the array lies in memory.

    Raises
    ------
    OSError
        The disk has no room for it.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if folder is None or size <= SMALL:
        return np.zeros(shape, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)  # a page without room would end the process
        return np.asarray(np.memmap(file, dtype, mode="r+", shape=shape))


def taken(array: np.ndarray, rows: np.ndarray, folder: Path | None) -> np.ndarray:
    """Return some rows of an array, int64 (k,), as `zeros` makes one; the array itself where that is all."""
    if len(rows) == len(array) and (rows == np.arange(len(rows))).all():
        return array
    found = zeros((len(rows), *array.shape[1:]), array.dtype, folder)
    for at in range(0, len(rows), _AT_ONCE):
        found[at : at + _AT_ONCE] = array[rows[at : at + _AT_ONCE]]
    return found
