"""FAISS's files, written piece by piece from vectors float32 (n, d) that need not fit into memory.

What is written equals, byte for byte, what `faiss.write_index` makes of the same index in memory, as long as
more than half of the lists of an inverted file have vectors.
"""

import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import faiss
import numpy as np

BLOCK = 2**18
"""Vectors that are coded at a time."""

_AT_ONCE = 2**14
_SIZES = 12  # bytes with which an empty inverted file ends: that the sizes of its lists follow, and none
_COUNT_AT = 8
_K_FACTOR = struct.pack("<f", 1.0)


def _header(index: faiss.Index, count: int) -> bytes:
    """Return FAISS's bytes of an empty index, with the number of vectors that will follow."""
    packed = bytearray(faiss.serialize_index(index).tobytes())
    struct.pack_into("<q", packed, _COUNT_AT, count)
    return bytes(packed)


def write_flat(file: BinaryIO, vectors: np.ndarray) -> None:
    """Write an `IndexFlatIP` of vectors."""
    count, dimension = vectors.shape
    empty = _header(faiss.IndexFlatIP(dimension), count)
    file.write(empty[: -struct.calcsize("<Q")] + struct.pack("<Q", vectors.size))
    for at in range(0, count, _AT_ONCE):
        file.write(np.ascontiguousarray(vectors[at : at + _AT_ONCE], np.float32).data)


def write_refined(file: BinaryIO, vectors: np.ndarray, write_base: Callable[[BinaryIO], None]) -> None:
    """Write an `IndexRefineFlat` of vectors, whose base index `write_base` writes."""
    plain = faiss.IndexFlatIP(vectors.shape[1])
    header = _header(faiss.IndexRefineFlat(plain), len(vectors))
    file.write(header[: header.index(faiss.serialize_index(plain).tobytes())])
    write_base(file)
    write_flat(file, vectors)
    file.write(_K_FACTOR)


def _write_block(index: faiss.IndexIVF, vectors: np.ndarray, *, start: int, path: Path) -> None:
    """Code vectors, which are the rows from `start` on, and keep their lists in a file."""
    rows = np.arange(start, start + len(vectors))
    index.add_with_ids(np.ascontiguousarray(vectors, np.float32), rows)
    with path.open("wb") as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    index.reset()


def _write_entries(file: BinaryIO, blocks: Sequence[faiss.IndexIVF], sizes: np.ndarray) -> None:
    """Write the codes of each list of all blocks, then its rows."""
    inverted = [block.invlists for block in blocks]
    for number, of_block in enumerate(sizes.T.tolist()):
        parts = [(lists, size) for lists, size in zip(inverted, of_block, strict=True) if size]
        for lists, size in parts:
            file.write(faiss.rev_swig_ptr(lists.get_codes(number), size * lists.code_size).data)
        for lists, size in parts:
            file.write(faiss.rev_swig_ptr(lists.get_ids(number), size).data)


def write_lists(file: BinaryIO, *, index: faiss.IndexIVF, vectors: np.ndarray, folder: Path) -> None:
    """Write an inverted file of vectors.

    Parameters
    ----------
    file : binary file
    index : faiss.IndexIVF
        Trained and empty, as it is again afterwards.
    vectors : float32 (n, d)
    folder : Path
        Where the lists of each block lie until all are written.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        blocks = []
        for at in range(0, len(vectors), BLOCK):
            path = Path(name, str(at))
            _write_block(index, vectors[at : at + BLOCK], start=at, path=path)
            blocks.append(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        sizes = np.array([[block.get_list_size(number) for number in range(index.nlist)] for block in blocks])
        file.write(_header(index, len(vectors))[:-_SIZES])
        file.write(b"full" + struct.pack("<Q", index.nlist) + sizes.sum(axis=0).astype("<u8").tobytes())
        _write_entries(file, blocks, sizes)
