"""The image types that are accepted, in one table; every other list of them is made from it."""

from dataclasses import dataclass


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
    magic: tuple[tuple[tuple[int, bytes], ...], ...]
    pillow_format: str

    def matches(self, head: bytes) -> bool:
        """Return whether a file that starts with these bytes is of this type."""
        return any(all(head.startswith(sign, at) for at, sign in signs) for signs in self.magic)


MEDIA_TYPES = [
    MediaType("JPEG", "image/jpeg", (".jpg", ".jpeg"), (((0, b"\xff\xd8\xff"),),), "JPEG"),
    MediaType("PNG", "image/png", (".png",), (((0, b"\x89PNG\r\n\x1a\n"),),), "PNG"),
    MediaType("WebP", "image/webp", (".webp",), (((0, b"RIFF"), (8, b"WEBP")),), "WEBP"),
]
"""Add a row to accept another type; it is read at each use."""

HEAD = 12
"""Bytes at the start of a file that tell its type."""


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
