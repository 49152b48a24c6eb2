"""Catalogue files, plain or packed by gzip, read as if they were plain, up to a limit."""

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO

from training.errors import UnreadableCatalogue

MAX_BYTES = 4 * 2**30  # which is also what Google accepts
"""Of a file that is downloaded, and of what a packed one unpacks to."""

SUFFIX = ".gz"
_MAGIC = b"\x1f\x8b"


def suffix_of(path: Path) -> str:
    """Return the suffix that names a file's format: ``.csv`` of ``shop.CSV`` and of ``shop.csv.gz``."""
    plain = path.with_suffix("") if path.suffix.lower() == SUFFIX else path
    return plain.suffix.lower()


class _Unpacked(io.RawIOBase):
    """What a packed file unpacks to."""

    def __init__(self, path: Path, packed: BinaryIO) -> None:
        self._path = path
        self._packed = packed
        self._file = gzip.GzipFile(fileobj=packed)
        self._left = MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            part = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableCatalogue(f"{self._path} can't be unpacked: {error}. Pack it again.") from error
        self._left -= len(part)
        if self._left < 0:
            raise UnreadableCatalogue(
                f"{self._path} unpacks to more than {MAX_BYTES:,} bytes. Split it into several catalogues."
            )
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        self._packed.close()
        super().close()


def open_plain(path: Path) -> io.BufferedReader:
    """Open a file; what gzip has packed is told by its first bytes, and unpacked as it is read.

    Reading raises `UnreadableCatalogue` where a packed file is damaged, ends too early, or unpacks to more
    than `MAX_BYTES`.
    """
    file = path.open("rb")
    if file.peek(len(_MAGIC)).startswith(_MAGIC):
        return io.BufferedReader(_Unpacked(path, file))
    return file


def open_text(path: Path, *, encoding: str) -> io.TextIOWrapper:
    """Open a file as text, with its line breaks as they are; see `open_plain`."""
    return io.TextIOWrapper(open_plain(path), encoding=encoding, newline="")
