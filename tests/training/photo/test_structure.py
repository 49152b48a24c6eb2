import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from training.errors import ImageTooComplex, UnreadableImage
from training.photo import structure
from training.photo.images import decode
from training.photo.media_types import MEDIA_TYPES

SECONDS = 2.0
"""CPU time that a hostile head may take at most; these took 5 to 90 s, or would in larger files."""


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
    start = time.process_time()
    with pytest.raises(ImageTooComplex, match=r"The image has .* Export it again"):
        decode(HOSTILE[name], size=64)
    assert time.process_time() - start < SECONDS


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
    """Ten megapixels of noise, which no compression makes less, in the small chunks of some programs."""
    structure.check_structure(png_with(chunk(b"IDAT", bytes(8192)) * (3 * 10_000_000 // 8192)), "PNG")


def test_the_structure_of_every_type_is_walked():
    for row in MEDIA_TYPES:
        structure.check_structure(b"", row.pillow_format)


def test_an_ordinary_photograph_is_walked_in_no_time():
    photo = jpeg_with(
        segment(0xE1, b"Exif\0\0" + bytes(5000)) + segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(3000))
    )
    start = time.process_time()
    for _ in range(100):
        structure.check_structure(photo, "JPEG")
    assert time.process_time() - start < 100 * 0.001  # measured: 10 microseconds each


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


def parts(data, form):
    """What each part of a file counts."""
    return list(structure._WALKS[form].parts(data))


def tiff(order, *tags):
    """A TIFF of one byte order, with tags of number, kind, count and packed value."""
    entries = b"".join(struct.pack(order + "HHI", *tag) + value.ljust(4, b"\0") for *tag, value in tags)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", 12) + bytes(4)
    return head + struct.pack(order + "H", len(tags)) + entries + bytes(4)


PNG, SCAN = b"\x89PNG\r\n\x1a\n", b"\xff\xda"
EXIF = b"Exif\0\0"

WALKED = {
    "lengths of segments": ("JPEG", segment(0xE0, b"abc") + segment(0xFE, b"") + SCAN, [5, 2]),
    "all Exif for each of its segments": (
        "JPEG", segment(0xE1, EXIF) + segment(0xE1, b"http") + segment(0xE1, EXIF + b"abc") + SCAN,
        [8, 6, 8 + 11],
    ),
    "a length that is none": ("JPEG", b"\xff\xe0\0\0" + segment(0xE2, b"") + SCAN, [2, 2]),
    "junk by every 64 bytes": (
        "JPEG", bytes(64) + segment(0xE0, b"") + bytes(65) + segment(0xE0, b"a") + SCAN, [0, 2, 0, 0, 3]
    ),
    "nothing behind the scan": ("JPEG", SCAN + segment(0xE0, b""), []),
    "chunks": ("PNG", chunk(b"IHDR", bytes(13)) + chunk(b"tEXt", b"a\0b"), [13, 3]),
    "no pixels": ("PNG", chunk(b"IDAT", b"abc") + chunk(b"fdAT", b"ab") + chunk(b"gAMA", b"abcd"), [0, 0, 4]),
    "what unpacks, by what it may become": (
        "PNG", b"".join(chunk(kind, b"a") for kind in (b"iCCP", b"zTXt", b"iTXt", b"tIME")), [2**18] * 3 + [1]
    ),
    "what unpacks and is long": ("PNG", chunk(b"zTXt", bytes(2**18 + 7)), [2**18 + 7]),
    "nothing behind the end": ("PNG", chunk(b"IEND", b"") + chunk(b"tEXt", b"a\0b"), []),
    "a chunk of which but the head is there": ("PNG", struct.pack(">I", 9) + b"tEXt", [9]),
    "a head that is cut off": ("PNG", struct.pack(">I", 9) + b"tEX", []),
    "an even place for each": ("WEBP", b"abcd\1\0\0\0x\0" + b"abcd\2\0\0\0xx" + b"abcd\3\0\0\0", [1, 2, 3]),
    "no pixels of WebP": (
        "WEBP", b"".join(kind + b"\2\0\0\0xx" for kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF", b"VP8X")),
        [0, 0, 0, 0, 2],
    ),
    "extensions and what they hold": ("GIF", b"!\xfe\2ab\1c\0" + b"!\xf9\3abc\0" + b",abc", [0, 2, 1, 0, 3]),
    "each byte that is none": ("GIF", b"ab!\xfe\1a\0;!\xfe\1a\0", [0, 0, 0, 1]),
    "an extension that is cut off": ("GIF", b"!\xfe\2a", [0, 2]),
    "boxes": ("AVIF", box(b"ftyp", b"avif") + box(b"free", b""), [12, 8]),
    "boxes that describe, 32 times": (
        "HEIF", box(b"meta", b"a") + box(b"moov", b"") + box(b"mdat", b"abc"), [288, 256, 0]
    ),
    "a box to the end": ("AVIF", struct.pack(">I4s", 0, b"free") + bytes(10), [18]),
    "a long length": ("AVIF", struct.pack(">I4sQ", 1, b"free", 20) + bytes(4) + box(b"skip", b""), [20, 8]),
    "a length shorter than its own": ("AVIF", struct.pack(">I4s", 3, b"free") + box(b"skip", b""), [3, 8]),
    "a long length that is cut off": ("AVIF", struct.pack(">I4s", 1, b"free") + bytes(7), [1]),
}  # fmt: skip


def whole(form, body):
    """What walks begin with, and a body."""
    if form == "WEBP":
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    return {"JPEG": b"\xff\xd8", "PNG": PNG, "GIF": GIF[:13]}.get(form, b"") + body


@pytest.mark.parametrize("name", WALKED)
def test_each_part_counts_the_bytes_that_reading_it_moves(name):
    form, body, counts = WALKED[name]
    assert parts(whole(form, body), form) == counts


def test_the_markers_of_jpeg_without_a_length_are_those_of_pillow():
    bare = {marker & 0xFF for marker, (*_, read) in JpegImagePlugin.MARKER.items() if read is None}
    for marker in set(range(1, 0xFF)) - {SCAN[1]}:  # a length of 4, or 4 bytes that are no segment
        counts = parts(b"\xff\xd8\xff" + bytes([marker]) + b"\0\4ab" + SCAN, "JPEG")
        assert counts == ([0, 0] if marker in bare else [4])


def test_chunks_of_webp_end_with_the_length_of_the_file():
    chunks = b"abcd\2\0\0\0xx"
    assert parts(whole("WEBP", chunks) + chunks, "WEBP") == [2]
    for cut_off in (2**24, 2**31):
        assert parts(b"RIFF" + struct.pack("<I", cut_off) + b"WEBP" + chunks, "WEBP") == [2]


@pytest.mark.parametrize("flags", [0, 7, 127, 128, 129, 135, 246, 255])
def test_the_blocks_of_a_gif_begin_behind_its_colours(flags):
    colours = 3 * 2 ** (flags % 8 + 1) if flags >= 128 else 0
    gif = b"GIF89a\x40\0\x40\0" + bytes([flags, 0, 0])
    assert parts(gif + b"a" * colours + b"!\xfe\1a\0,", "GIF") == [0, 1]
    assert parts(gif[:10], "GIF") == []


@pytest.mark.parametrize("order", "<>")
def test_tags_of_tiff_count_what_they_hold_and_strips_and_tiles_one_by_one(order):
    short, long = (order + kind for kind in "HI")
    data = tiff(
        order,
        (256, 3, 1, struct.pack(short, 64)),
        (259, 3, 1, struct.pack(short, 5)),
        (273, 4, 3, struct.pack(long, 200)),
        (322, 4, 1, struct.pack(long, 2**13)),
        (324, 4, 2, struct.pack(long, 200)),
        (700, 1, 4000, struct.pack(long, 200)),
    )
    assert parts(data, "TIFF") == [1, 1, 0, 0, 0, 3, 1, 0, 0, 2, 4000]
    assert parts(data[:-4], "TIFF")[-1] == 4000 and parts(data[:-6], "TIFF")[-1] == 2  # cut off within a tag
    assert parts(data[:7], "TIFF") == parts(data[:12], "TIFF") == []


@pytest.mark.parametrize("tag", [322, 323])
@pytest.mark.parametrize("order", "<>")
def test_tiles_are_of_8192_pixels_a_side_at_most(tag, order):
    with pytest.raises(UnreadableImage, match="a tile of 8,193 pixels"):
        parts(tiff(order, (tag, 3, 1, struct.pack(order + "H", 2**13 + 1))), "TIFF")


@pytest.mark.parametrize("compression", [0, 1, 2, 4, 5, 6, 7, 8, 9, 32773, 32946, 34712])
def test_compressions_of_tiff_are_those_that_pillow_reads_at_once(compression):
    data = tiff("<", (259, 3, 1, struct.pack("<H", compression)))
    if compression in (1, 5, 7, 8, 32773, 32946):
        assert parts(data, "TIFF") == [1]
    else:
        with pytest.raises(UnreadableImage, match=f"compression {compression},"):
            parts(data, "TIFF")


@pytest.mark.parametrize(
    ("header", "compression", "refused"),
    [(40, 0, False), (40, 1, True), (40, 2, True), (40, 3, False), (12, 1, False)],
)
def test_runs_of_bmp_are_refused(header, compression, refused):
    data = b"BM" + bytes(12) + struct.pack("<IiiHHI", header, 64, 64, 1, 8, compression)
    if refused:
        with pytest.raises(UnreadableImage, match="run-length encoding"):
            parts(data, "BMP")
    else:
        assert parts(data, "BMP") == []


@pytest.mark.parametrize(
    ("form", "most", "part"),
    [
        ("JPEG", 1_000, b"\xff\xf1"),
        ("PNG", 20_000, chunk(b"IDAT", b"")),
        ("WEBP", 2_000, b"VP8 " + bytes(4)),
        ("GIF", 20_000, b"a"),
        ("AVIF", 1_000, box(b"mdat", b"")),
        ("HEIF", 1_000, box(b"mdat", b"")),
    ],
)
def test_a_file_has_as_many_parts_as_it_may_and_no_more(form, most, part):
    structure.check_structure(whole(form, part * most), form)
    with pytest.raises(ImageTooComplex, match=f"more than {most:,} "):
        structure.check_structure(whole(form, part * (most + 1)), form)


def test_strips_of_tiff_are_as_many_as_they_may_be_and_no_more():
    for strips, refused in ((19_999, False), (20_000, True)):
        data = tiff("<", (273, 4, strips, bytes(4)))
        if refused:
            with pytest.raises(ImageTooComplex, match="more than 20,000 tags, strips and tiles"):
                structure.check_structure(data, "TIFF")
        else:
            structure.check_structure(data, "TIFF")


@pytest.mark.parametrize(("more", "refused"), [(0, False), (1, True)])
def test_a_head_may_move_8_mib_and_no_more(more, refused):
    sizes = (5 * 2**20, 3 * 2**20 + more)
    data = b"".join(struct.pack(">I4sQ", 1, b"free", size) + bytes(size - 16) for size in sizes)
    if refused:
        with pytest.raises(ImageTooComplex, match="metadata that takes more than 8 MiB to read"):
            structure.check_structure(data, "AVIF")
    else:
        structure.check_structure(data, "AVIF")
