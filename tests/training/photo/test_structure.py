import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from training.errors import ImageTooComplex, UnreadableImage
from training.photo import structure
from training.photo.images import decode
from training.photo.media_types import MEDIA_TYPES

SECONDS = 2.0
"""What a hostile head may take at most, on a busy machine; these took 5 to 90 s, or would in larger files."""


def encoded(form, **options):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((80, 60)).convert("RGB").save(file, form, **options)
    return file.getvalue()


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg_with(head):
    plain = encoded("JPEG")
    return plain[:20] + head + plain[20:]


def png_with(chunks):
    plain = encoded("PNG")
    return plain[:33] + chunks + plain[33:]


def webp_with(chunks):
    body = encoded("WEBP")[12:] + chunks
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def unpacking(kind):
    return chunk(kind, b"a\0\0" + zlib.compress(bytes(2**20 - 1)))


def box(kind, data):
    return struct.pack(">I4s", len(data) + 8, kind) + data


def tiff_with(*tags):
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


GIF = b"GIF89a\x40\0\x40\0\0\0\0"
SIDES = (256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 1, 8), (262, 3, 1, 1)

HOSTILE = {
    "tiny comments": GIF + b"!\xfe" + b"\1x" * 2_000_000,
    "bytes between blocks": GIF + bytes(3_000_000),
    "strips": tiff_with(*SIDES, (259, 3, 1, 1), (273, 4, 2_000_000, 200), (279, 4, 2_000_000, 200)),
    "tags": tiff_with(*((number, 3, 1, 1) for number in range(1000, 40_000))),
    "described pictures": box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(1_000_000)),
    "described tracks": box(b"ftyp", b"avis\0\0\0\0avis") + box(b"moov", bytes(1_000_000)),
    "boxes": box(b"ftyp", b"avif\0\0\0\0avif") + box(b"free", b"") * 100_000,
    "tiny Exif segments": jpeg_with(segment(0xE1, b"Exif\0\0") * 250_000),
    "full Exif segments": jpeg_with(segment(0xE1, b"Exif\0\0" + bytes(60_000)) * 200),
    "comments": jpeg_with(segment(0xFE, b"") * 500_000),
    "bare markers": jpeg_with(b"\xff\xf1" * 500_000),
    "bytes that are no segments": jpeg_with(bytes(5_000_000)),
    "fill bytes": jpeg_with(b"\xff" * 5_000_000),
    "texts": png_with(chunk(b"tEXt", b"a\0b") * 200_000),
    "empty pixel chunks": png_with(chunk(b"IDAT", b"") * 400_000),
    "profiles that unpack": png_with(unpacking(b"iCCP") * 3000),
    "texts that unpack": png_with(unpacking(b"zTXt") * 60),
    "unknown chunks": webp_with(b"abcd\1\0\0\0xx" * 300_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_head_that_would_cost_seconds_is_refused_at_once(name):
    start = time.perf_counter()
    with pytest.raises(ImageTooComplex, match=r"The image has .* Export it again"):
        decode(HOSTILE[name], size=64)
    assert time.perf_counter() - start < SECONDS


@pytest.mark.parametrize(
    "photo",
    [
        jpeg_with(segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0") + segment(0xE1, b"Exif\0\0abc") * 9),
        jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000)) * 60),
        jpeg_with(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000)) * 100),
        jpeg_with(bytes(4096)),
        png_with(chunk(b"tEXt", b"a\0" + b"b" * 1000) * 500),
        png_with(unpacking(b"zTXt") * 9),
        webp_with(b"abcd\1\0\0\0xx" * 100),
    ],
    ids=range(7),
)
def test_what_cameras_and_programs_write_is_not(photo):
    assert decode(photo, size=64).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("photo", "what"),
    [
        (b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 64, 64, 1, 8, 1) + bytes(20), "run-length encoding"),
        (tiff_with(*SIDES, (259, 3, 1, 34712)), "compression 34712"),
        (tiff_with(*SIDES, (259, 3, 1, 5), (322, 4, 1, 2**30)), "a tile of 1,073,741,824 pixels"),
    ],
    ids=range(3),
)
def test_a_way_of_packing_pixels_that_costs_too_much_is_named(photo, what):
    with pytest.raises(UnreadableImage, match=f"The image has {what}, which is not supported"):
        decode(photo)


def test_a_large_plain_png_has_few_enough_parts():
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (2500, 4000, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG", compress_level=1)
    plain = file.getvalue()
    at = plain.index(b"IDAT") - 4
    pixels = b"".join(
        plain[here + 8 : here + 8 + struct.unpack_from(">I", plain, here)[0]] for here in chunks(plain, at)
    )
    small = b"".join(chunk(b"IDAT", pixels[here : here + 8192]) for here in range(0, len(pixels), 8192))
    structure.check_structure(plain[:at] + small + chunk(b"IEND", b""), "PNG")


def chunks(png, at):
    """Yield where each chunk of pixels begins."""
    while png[at + 4 : at + 8] == b"IDAT":
        yield at
        at += 12 + struct.unpack_from(">I", png, at)[0]


def test_the_structure_of_every_type_is_walked():
    for row in MEDIA_TYPES:
        structure.check_structure(b"", row.pillow_format)


def test_an_ordinary_photograph_is_walked_in_no_time():
    photo = jpeg_with(
        segment(0xE1, b"Exif\0\0" + bytes(5000)) + segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(3000))
    )
    start = time.perf_counter()
    for _ in range(100):
        structure.check_structure(photo, "JPEG")
    assert time.perf_counter() - start < 100 * 0.001  # measured: 10 microseconds each


def test_a_long_comment_of_a_gif_is_passed_over():
    file = io.BytesIO()
    Image.new("P", (32, 32)).save(file, "GIF", comment=b"made by hand " * 20_000)
    assert decode(file.getvalue()).shape == (32, 32, 3)


def test_the_pixels_of_a_box_with_a_long_length_do_not_count():
    pixels = struct.pack(">I4sQ", 1, b"mdat", 16 + 9 * 2**20) + bytes(9 * 2**20)
    structure.check_structure(box(b"ftyp", b"avif\0\0\0\0avif") + pixels + box(b"free", b""), "AVIF")


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits"])
def test_tiff_is_read_in_the_usual_compressions(compression):
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 60)).save(file, "TIFF", compression=compression)
    assert np.abs(decode(file.getvalue())[24, 32].astype(int) - (200, 30, 60)).max() < 6
