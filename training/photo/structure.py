"""The structure of a picture's file, walked before a decoder reads it, so that a hostile one costs little.

Pillow keeps and joins whatever it meets on its way to the pixels: a JPEG of 10 MB with half a million tiny
Exif segments takes it 90 s. Each walk costs microseconds and yields, for each part of the file, the bytes
that reading the part makes a decoder move.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

from training.errors import ImageTooComplex, UnreadableImage

HEAD_BYTES = 8 * 2**20
"""Bytes besides the pixels that a decoder may be made to move."""

UNPACKED_BYTES = 2**18
"""What a compressed part of a PNG counts at least: Pillow unpacks up to 1 MiB of each."""

_MARKER = re.compile(rb"\xff[\x01-\xfe]")
_START_OF_SCAN = 0xDA
_BARE = {0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}
"""Markers of JPEG without a length."""

_JUNK = 64
"""Bytes between two segments that take Pillow as long as a segment."""


_SHORT = 3
_COMPRESSION = 259
_COMPRESSIONS = {1, 5, 7, 8, 32773, 32946}
"""In TIFF: none, LZW, JPEG, Deflate, PackBits, and an older number of Deflate."""

_OFFSETS = {273, 324}
_TILE_SIDES = {322, 323}
_LARGEST_TILE = 2**13

_DESCRIBING = 32
"""How many times its bytes a box counts that describes pictures: 256 KiB are accepted."""


def _jpeg(data: bytes) -> Iterator[int]:
    """Walk the segments up to the first scan; Pillow copies all Exif for each further segment of it."""
    at, exif = 2, 0
    while found := _MARKER.search(data, at):
        yield from (0 for _ in range(at, found.start(), _JUNK))
        at, marker = found.end(), data[found.end() - 1]
        if marker == _START_OF_SCAN:
            return
        length = 0 if marker in _BARE else max(int.from_bytes(data[at : at + 2]), 2)
        if marker == 0xE1 and data.startswith(b"Exif\0\0", at + 2):
            exif += length
            yield exif
        else:
            yield length
        at += length


def _png(data: bytes) -> Iterator[int]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        if kind in (b"iCCP", b"zTXt", b"iTXt"):
            yield max(length, UNPACKED_BYTES)
        else:
            yield 0 if kind in (b"IDAT", b"fdAT") else length
        at += length + 12


def _webp(data: bytes) -> Iterator[int]:
    at, end = 12, min(len(data), int.from_bytes(data[4:8], "little") + 8)
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        yield 0 if kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF") else length
        at += 8 + length + length % 2


def _gif(data: bytes) -> Iterator[int]:
    """Walk the blocks of the extensions before the first frame."""
    flags = data[10] if len(data) > 10 else 0
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while at < len(data) and data[at : at + 1] not in (b",", b";"):
        extension, at = data[at : at + 1] == b"!", at + 1
        yield 0
        if extension:
            at += 1
            while at < len(data) and (length := data[at]):
                yield length
                at += length + 1
            at += 1


def _bmp(data: bytes) -> Iterator[int]:
    if data[14:15] != b"\x0c" and data[30:34] in (b"\1\0\0\0", b"\2\0\0\0"):
        raise _unsupported("run-length encoding")  # which Pillow decodes in Python
    return iter(())


def _tiff(data: bytes) -> Iterator[int]:
    """Walk the tags of the first picture; each strip or tile counts as a part."""
    order = ">" if data.startswith(b"MM") else "<"
    if len(data) < 8:
        return
    (at,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data[at : at + 2].ljust(2, b"\0"))
    for start in range(at + 2, min(at + 2 + 12 * entries, len(data) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", data, start)
        (value,) = struct.unpack_from(order + ("H" if kind == _SHORT else "I"), data, start + 8)
        if tag == _COMPRESSION and value not in _COMPRESSIONS:
            raise _unsupported(f"compression {value}")
        if tag in _TILE_SIDES and value > _LARGEST_TILE:
            raise _unsupported(f"a tile of {value:,} pixels")
        if tag in _OFFSETS:
            yield from repeat(0, count)
        yield count


def _boxes(data: bytes) -> Iterator[int]:
    """Walk the boxes of HEIC and AVIF; decoders compare each entry of a describing one with all others."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
        length = length or len(data) - at
        yield length * _DESCRIBING if kind in (b"meta", b"moov") else 0 if kind == b"mdat" else length
        at += max(length, 8)


def _unsupported(what: str) -> UnreadableImage:
    return UnreadableImage(f"The image has {what}, which is not supported. Save it as JPEG or PNG and retry.")


@dataclass(frozen=True)
class _Walk:
    parts: Callable[[bytes], Iterator[int]]
    name: str
    most: int


_WALKS = {
    "JPEG": _Walk(_jpeg, "segments before its pixels", 1_000),
    "PNG": _Walk(_png, "chunks", 20_000),
    "WEBP": _Walk(_webp, "chunks", 2_000),
    "GIF": _Walk(_gif, "blocks before its first frame", 20_000),
    "BMP": _Walk(_bmp, "parts", 0),
    "TIFF": _Walk(_tiff, "tags, strips and tiles", 20_000),
    "AVIF": _Walk(_boxes, "boxes", 1_000),
    "HEIF": _Walk(_boxes, "boxes", 1_000),
}
"""By the name of Pillow's decoder."""


def check_structure(data: bytes, form: str) -> None:
    """Check that reading a picture's head costs little.

    Parameters
    ----------
    data : bytes
        The encoded file.
    form : str
        Name of Pillow's decoder.

    Raises
    ------
    ImageTooComplex
        It is in more parts, or has more metadata, than any photograph.
    """
    walk, moved = _WALKS[form], 0
    for number, part in enumerate(walk.parts(data), start=1):
        moved += part
        if number > walk.most:
            what = f"more than {walk.most:,} {walk.name}"
        elif moved > HEAD_BYTES:
            what = f"metadata that takes more than {HEAD_BYTES // 2**20} MiB to read"
        else:
            continue
        raise ImageTooComplex(f"The image has {what}. Export it again without its metadata and retry.")
