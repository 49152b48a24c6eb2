"""Damaged and hostile heads of every type of picture: an image or the package's error, and within a time."""

import io
import os
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from service.picture.decoders import decode_apart
from training.errors import UnreadableImage
from training.photo import media_types

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
MOST_SECONDS = 5.0
"""For one picture, on a busy machine; what is refused by its structure takes a few milliseconds."""

HEAD = 600
EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1]
PARTS = [
    b"\xff\xe1\x00\x08Exif\x00\x00",
    b"\xff\xe2\x00\x10ICC_PROFILE\x00\x01\x01",
    b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00",
    b"\x00\x00\x00\x00IDATr\xaf\x69\x9f",
    b"\x00\x00\x00\x00tEXt\x0c\x84\x6b\xf8",
    b"ANMF\x00\x00\x00\x00",
    b"EXIF\x02\x00\x00\x00ab",
    b"!\xfe\x01x\x00",
    b"!\xf9\x04\x01\x00\x00\x00\x00",
    b"\x00\x01\x03\x00\x01\x00\x00\x00\x40\x00\x00\x00",
    b"\x00\x00\x00\x08free",
    b"\x00\x00\x00\x14infe\x02\x00\x00\x00\x00\x01\x00\x00hvc1",
    b"\x00",
    b"\xff",
]

rounds = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=not SECONDS,
    suppress_health_check=list(HealthCheck),
)


def examples(form):
    """Return pictures of a type: plain, with metadata, in other modes and of several frames."""
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    gradient = Image.linear_gradient("L").resize((64, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    ways = [
        ("RGB", {"exif": exif} if form not in ("GIF", "BMP") else {}),
        ("L", {}),
        ("RGBA", {"save_all": True, "append_images": [gradient.convert("RGBA").rotate(90)]}),
        ("P", {"transparency": 3}),
        ("CMYK", {}),
        ("1", {}),
    ]
    for mode, options in ways:
        file = io.BytesIO()
        try:
            gradient.convert(mode).save(file, form, **options)
        except (OSError, ValueError, KeyError):
            continue  # a mode that the type does not have
        yield file.getvalue()


@st.composite
def hostile(draw, pictures):
    """A picture whose head was changed: numbers set to extremes, parts put in many times, bytes cut out."""
    data = bytearray(draw(st.sampled_from(pictures)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(2, min(HEAD, len(data))))
        how = draw(st.sampled_from(["number", "part", "byte", "cut", "repeat", "end"]))
        if how == "number":
            size, order = draw(st.sampled_from([2, 4])), draw(st.sampled_from(["big", "little"]))
            data[at : at + size] = (draw(st.sampled_from(EXTREMES)) % 256**size).to_bytes(size, order)
        elif how == "part":
            data[at:at] = draw(st.sampled_from(PARTS)) * draw(st.sampled_from([1, 3, 900, 5_000, 200_000]))
        elif how == "byte":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif how == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 80))] * draw(st.integers(1, 3000))
        else:
            del data[max(at, 20) :]
    return bytes(data)


@pytest.mark.parametrize("row", media_types.MEDIA_TYPES, ids=lambda row: row.name)
def test_a_damaged_head_is_an_image_or_an_error_of_the_package_within_its_time(row):
    pictures = list(examples(row.pillow_format))

    @rounds
    @given(hostile(pictures))
    def attempt(photo):
        start = time.perf_counter()
        try:
            rgb = decode_apart(photo, size=64, seconds=60, max_ms=3000)
            assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3 and max(rgb.shape) <= 64
        except UnreadableImage as error:
            assert "breaks its decoder" not in str(error), "another exception, or a crash"
        assert time.perf_counter() - start < MOST_SECONDS

    end = time.monotonic() + SECONDS
    attempt()
    while time.monotonic() < end:
        attempt()
