"""The image types that are accepted, in one table; every other list of them is made from it."""

from dataclasses import dataclass
from importlib.util import find_spec

Signatures = tuple[tuple[tuple[int, bytes], ...], ...]
"""Alternatives; each lists the bytes expected at given offsets."""


def _begins(*starts: bytes, at: int = 0) -> Signatures:
    return tuple(((at, start),) for start in starts)


def _matches(signatures: Signatures, head: bytes) -> bool:
    return any(all(head.startswith(sign, at) for at, sign in signs) for signs in signatures)


def _brand(*names: bytes) -> Signatures:
    """Return the signatures of a file in boxes: its own brand, or one of those it is compatible with."""
    general = ((4, b"ftypmif1"), (4, b"ftypmsf1"))
    among = tuple((box, (at, name)) for box in general for name in names for at in range(16, HEAD - 3, 4))
    return (*_begins(*(b"ftyp" + name for name in names), at=4), *among)


HEAD = 40
"""Bytes at the start of a file that tell its type."""


@dataclass(frozen=True)
class MediaType:
    """One accepted image type.

    Parameters
    ----------
    name : str
        As people know it.
    media_type : str
        As HTTP names it; also the media type that item images are sent with.
    suffixes : tuple of str
        File name suffixes in lower case; stored photographs get the first one.
    magic : tuple of tuple of (int, bytes)
        Alternative signatures; each lists the bytes expected at given offsets.
    pillow_format : str
        Name of Pillow's decoder.
    """

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    magic: Signatures
    pillow_format: str

    def matches(self, head: bytes) -> bool:
        """Return whether a file that starts with these bytes is of this type."""
        return _matches(self.magic, head)


MEDIA_TYPES = [
    MediaType("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), _begins(b"\xff\xd8\xff"), "JPEG"),
    MediaType("PNG", "image/png", (".png",), _begins(b"\x89PNG\r\n\x1a\n"), "PNG"),
    MediaType("WebP", "image/webp", (".webp",), (((0, b"RIFF"), (8, b"WEBP")),), "WEBP"),
    MediaType("GIF", "image/gif", (".gif",), _begins(b"GIF87a", b"GIF89a"), "GIF"),
    MediaType("BMP", "image/bmp", (".bmp", ".dib"), (((0, b"BM"), (6, bytes(4))),), "BMP"),
    MediaType("TIFF", "image/tiff", (".tif", ".tiff"), _begins(b"II*\0", b"MM\0*"), "TIFF"),
    MediaType("AVIF", "image/avif", (".avif",), _brand(b"avif", b"avis"), "AVIF"),
]
"""Add a row to accept another type; it is read at each use."""

_HEIC = MediaType(
    "HEIC",
    "image/heic",
    (".heic", ".heif", ".hif"),
    _brand(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"),
    "HEIF",
)
if find_spec("pillow_heif"):  # its licence may be a reason to leave it out, see docs/decisions/017
    MEDIA_TYPES.append(_HEIC)

_OTHER_PICTURES: dict[str, tuple[tuple[str, ...], Signatures]] = {
    "HEIC": (_HEIC.suffixes, _HEIC.magic),
    "another kind of HEIF": ((), _begins(b"ftypmif1", b"ftypmsf1", at=4)),
    "SVG": ((".svg",), ()),
    "JPEG XL": ((".jxl",), _begins(b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    "JPEG 2000": ((".jp2", ".j2k", ".jpx"), _begins(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    "Photoshop": ((".psd", ".psb"), _begins(b"8BPS")),
    "icon": ((".ico",), _begins(b"\0\0\1\0")),
    "large TIFF": ((), _begins(b"II+\0", b"MM\0+")),
    "camera raw": (
        (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"),
        _begins(b"ftypcrx", at=4),
    ),
}
_NO_PICTURES: dict[str, Signatures] = {
    "PDF": _begins(b"%PDF-"),
    "PostScript": _begins(b"%!PS"),
    "ZIP": _begins(b"PK\3\4", b"PK\5\6"),
    "gzip": _begins(b"\x1f\x8b"),
    "QuickTime": _begins(b"ftypqt", b"moov", b"mdat", b"wide", at=4),
    "MP4": _begins(b"ftyp", at=4),
    "WebM": _begins(b"\x1a\x45\xdf\xa3"),
    "AVI": (((0, b"RIFF"), (8, b"AVI ")),),
}
"""What is not accepted, by name: suffixes and signatures."""


def other_picture(head: bytes, name: str = "") -> str | None:
    """Return the name of a type of picture that is not accepted, by a file's head or else by its name."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "SVG"
    for kind, (endings, signatures) in _OTHER_PICTURES.items():
        if _matches(signatures, head) or name.lower().endswith(endings):
            return kind
    return None


def describe(head: bytes) -> str:
    """Return what the content of a file that is not accepted is, or an empty text where that is not known."""
    if found := other_picture(head):
        return found
    for kind, signatures in _NO_PICTURES.items():
        if _matches(signatures, head):
            return kind
    start = head[:200].strip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    if start.startswith(b"<?xml"):
        return "XML"
    readable = start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return "text" if start and readable else ""


def detect(head: bytes) -> MediaType | None:
    """Return the type of a file by its first `HEAD` bytes; None if it is not accepted."""
    return next((row for row in MEDIA_TYPES if row.matches(head)), None)


def names() -> str:
    """Return the accepted types as a list, as in 'JPEG, PNG, WebP'."""
    return ", ".join(row.name for row in MEDIA_TYPES)


def sentence() -> str:
    """Return the accepted types as in a sentence: 'JPEG, PNG or WebP'."""
    *most, last = [row.name for row in MEDIA_TYPES]
    return f"{', '.join(most)} or {last}" if most else last


def media_types() -> list[str]:
    """Return the media types, as in 'image/jpeg'."""
    return [row.media_type for row in MEDIA_TYPES]


def pillow_formats() -> list[str]:
    """Return the names of Pillow's decoders."""
    return [row.pillow_format for row in MEDIA_TYPES]


def suffixes() -> tuple[str, ...]:
    """Return the file name suffixes, in lower case."""
    return tuple(suffix for row in MEDIA_TYPES for suffix in row.suffixes)
