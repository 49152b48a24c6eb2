"""The decode cost of a picture, estimated from its header, so that decompression bombs are refused."""

import numpy as np
from PIL import Image

from training.errors import ImageTooLarge

NS_A_PIXEL = 36.0
NS_A_DEEP_PIXEL = 61.0
NS_A_HEIC_PIXEL = 60.0
NS_A_JPEG_PIXEL = 6.0
NS_A_PIXEL_AND_SCAN = 0.7
"""Measured on one core, November 2026; see docs/decisions/017 and 035."""

_START_OF_SCAN = np.frombuffer(b"\xff\xda", np.uint16)


def _scans(data: bytes) -> int:
    """Count the scans of a JPEG, in a seventh of the time that `bytes.count` takes."""
    pairs = (np.frombuffer(data, np.uint16, (len(data) - at) // 2, at) for at in (0, 1))
    return sum(int(np.count_nonzero(numbers == _START_OF_SCAN)) for numbers in pairs)


def _nanoseconds_a_pixel(image: Image.Image, data: bytes, form: str) -> float:
    """Estimate the time on one core; a JPEG may repeat its scans, each of which visits every pixel."""
    if form == "JPEG":
        return NS_A_JPEG_PIXEL + NS_A_PIXEL_AND_SCAN * _scans(data)
    if form == "HEIF":
        return NS_A_HEIC_PIXEL
    return NS_A_DEEP_PIXEL if image.mode.startswith("I") else NS_A_PIXEL


def check_decode_cost(image: Image.Image, data: bytes, form: str, *, most_ms: int) -> None:
    """Refuse a picture whose pixels cost too much to decode.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened, and not decoded yet.
    data : bytes
        The encoded file.
    form : str
        Name of Pillow's decoder.
    most_ms : int
        Milliseconds on one core.

    Raises
    ------
    ImageTooLarge
        Decoding it would take too long.
    """
    pixels = image.width * image.height
    takes = pixels * _nanoseconds_a_pixel(image, data, form) / 1e6
    if takes > most_ms:
        detail = (
            f"Decoding this {form} of {pixels:,} pixels would take about {takes / 1000:,.1f} s; at most "
            f"{most_ms / 1000:g} s are given to it. Save the picture as a plain JPEG and retry."
        )
        raise ImageTooLarge(detail)
