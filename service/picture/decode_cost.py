"""The decode cost of a picture, estimated from its header, so that decompression bombs are refused."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from training.errors import ImageTooLarge
from training.photo.media_types import pillow_formats

NS_A_PIXEL = 36.0
NS_A_DEEP_PIXEL = 61.0
NS_A_JPEG_PIXEL = 6.0
NS_A_PIXEL_AND_SCAN = 0.7
"""Measured on one core, 21 November 2026, on pictures of 16 megapixels; see docs/decisions/035."""

LARGE_PIXELS = 16_000_000

_START_OF_SCAN = np.frombuffer(b"\xff\xda", np.uint16)
_large = threading.Lock()


def _scans(photo: bytes) -> int:
    """Count the scans of a JPEG, in a seventh of the time that `bytes.count` takes."""
    pairs = (np.frombuffer(photo, np.uint16, (len(photo) - at) // 2, at) for at in (0, 1))
    return sum(int(np.count_nonzero(numbers == _START_OF_SCAN)) for numbers in pairs)


def _header(photo: bytes) -> tuple[str, str, int]:
    """Return format, mode and pixel count; empty values where it is not a picture, which decoding reports."""
    try:
        with Image.open(io.BytesIO(photo), formats=pillow_formats()) as image:
            return str(image.format), image.mode, image.width * image.height
    except Exception:  # on hostile bytes Pillow's readers raise almost anything
        return "", "", 0


def _milliseconds(form: str, mode: str, pixels: int, scans: int) -> float:
    """Estimate the time on one core; a JPEG may repeat its scans, each of which visits every pixel."""
    if form == "JPEG":
        return pixels * (NS_A_JPEG_PIXEL + NS_A_PIXEL_AND_SCAN * scans) / 1e6
    return pixels * (NS_A_DEEP_PIXEL if mode.startswith("I") else NS_A_PIXEL) / 1e6


@contextmanager
def bounded_decode_cost(photo: bytes, *, most_ms: int) -> Iterator[None]:
    """Guard the block that decodes a photograph: refuse what costs too much, decode large ones one at a time.

    Raises
    ------
    ImageTooLarge
        Decoding it would take too long.
    """
    form, mode, pixels = _header(photo)
    takes = _milliseconds(form, mode, pixels, _scans(photo) if form == "JPEG" else 0)
    if takes > most_ms:
        detail = (
            f"Decoding this {form} of {pixels:,} pixels would take about {takes / 1000:,.1f} s; at most "
            f"{most_ms / 1000:g} s are given to it. Save the picture as a plain JPEG and retry."
        )
        raise ImageTooLarge(detail)
    if pixels <= LARGE_PIXELS:
        yield
        return
    with _large:  # each takes up to 30 bytes a pixel
        yield
