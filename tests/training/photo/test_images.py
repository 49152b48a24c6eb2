import io
import struct
import zlib
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from training.errors import (
    FileTooLarge,
    ImageTooLarge,
    UnreadableImage,
    UnsupportedImageType,
)
from training.photo import images
from training.photo.images import _reduced, decode, shrink


def _quadrants(height=40, width=60):
    """Red, green, blue and white quarters, so that every turn shows."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[: height // 2, : width // 2] = (255, 0, 0)
    photo[: height // 2, width // 2 :] = (0, 255, 0)
    photo[height // 2 :, : width // 2] = (0, 0, 255)
    photo[height // 2 :, width // 2 :] = 255
    return photo


def test_a_png_comes_back_pixel_for_pixel(encode_image):
    photo = _quadrants()
    assert np.array_equal(decode(encode_image(photo)), photo)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_nearly_the_same(encode_image, form):
    photo = _quadrants()
    assert np.abs(decode(encode_image(photo, form, quality=95)).astype(int) - photo).mean() < 5


def test_a_photograph_is_turned_upright_by_its_exif(encode_image):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rows run from right to left of the upright picture
    upright = decode(encode_image(_quadrants(), "JPEG", exif=exif, quality=95, subsampling=0))
    assert upright.shape == (60, 40, 3)
    assert upright[5, 35].tolist() == pytest.approx([255, 0, 0], abs=12)


def test_transparency_is_laid_on_white(encode_image):
    layer = np.zeros((20, 20, 4), np.uint8)
    layer[:, 10:] = (10, 20, 30, 255)
    photo = decode(encode_image(layer))
    assert photo[0, 0].tolist() == [255, 255, 255]
    assert photo[0, 19].tolist() == [10, 20, 30]


def test_a_palette_with_a_transparent_colour_is_laid_on_white(encode_image):
    image = Image.new("P", (20, 20), 0)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.paste(1, (10, 0, 20, 20))
    photo = decode(encode_image(image, transparency=0))
    assert photo[0, 0].tolist() == [255, 255, 255]
    assert photo[0, 15].tolist() == [200, 100, 50]


def _png(colour_type, depth, samples, *extra):
    """Write a PNG of whole samples, int (h, w, channels), in any depth; Pillow writes few of them."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = samples.shape[:2]
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    else:
        bits = samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    content = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *(chunk(*part) for part in extra), chunk(b"IDAT", content)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def _disc(height=600, width=900):
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - height / 2, x - width / 2) < height / 3


def _grey(depth):
    key, most = 1 if depth > 1 else 0, 2**depth - 1
    ink = most * 2 // 3 if depth > 1 else 1
    shade = ink * 255 // most if depth < 16 else ink >> 8
    samples = np.where(_disc(), ink, key)[..., None]
    return _png(0, depth, samples, (b"tRNS", struct.pack(">H", key))), (shade,) * 3


def _colour(depth):
    scale = 257 if depth == 16 else 1
    samples = np.where(_disc()[..., None], np.array([200, 30, 60]) * scale, np.array([0, 255, 0]) * scale)
    return _png(2, depth, samples, (b"tRNS", struct.pack(">3H", 0, 255 * scale, 0))), (200, 30, 60)


def _palette(depth):
    chunks = (b"PLTE", bytes([0, 255, 0, 200, 30, 60])), (b"tRNS", bytes([0, 128]))
    return _png(3, depth, _disc().astype(int)[..., None], *chunks), (227, 142, 157)


def _alpha(form, mode):
    layer = np.zeros((*_disc().shape, 4), np.uint8)
    layer[..., 1] = 255
    layer[_disc()] = (90, 90, 90, 255)
    file = io.BytesIO()
    Image.fromarray(layer).convert(mode).save(file, form, lossless=True)
    return file.getvalue(), (90, 90, 90)


def _gif():
    image = Image.fromarray(_disc().astype(np.uint8))
    image.putpalette([0, 255, 0, 200, 30, 60])
    file = io.BytesIO()
    image.save(file, "GIF", transparency=0)
    return file.getvalue(), (200, 30, 60)


@pytest.mark.parametrize("size", [None, 256, 100])
@pytest.mark.parametrize(
    "write",
    [
        *(partial(_grey, depth) for depth in (1, 2, 4, 8, 16)),
        *(partial(_colour, depth) for depth in (8, 16)),
        *(partial(_palette, depth) for depth in (1, 2, 4, 8)),
        partial(_alpha, "PNG", "LA"),
        partial(_alpha, "PNG", "RGBA"),
        partial(_alpha, "WEBP", "RGBA"),
        partial(_alpha, "TIFF", "RGBA"),
        partial(_alpha, "TIFF", "LA"),
        partial(_gif),
    ],
    ids=lambda write: f"{write.func.__name__}{write.args}",
)
def test_what_is_transparent_is_as_if_laid_on_white_before(encode_image, write, size):
    photo, colour = write()
    on_white = np.where(_disc()[..., None], np.array(colour), 255).astype(np.uint8)
    expected = decode(encode_image(on_white), size=size).astype(int)
    assert np.abs(decode(photo, size=size) - expected).max() <= 3


def test_a_cmyk_jpeg_has_its_colours(encode_image):
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    red = decode(encode_image(image, "JPEG", quality=95))[16, 16].astype(int)
    assert red[0] > 200 and red[1] < 60 and red[2] < 60


def test_sixteen_bit_grey_keeps_its_tones(encode_image):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(32, axis=0)
    photo = decode(encode_image(Image.fromarray(ramp)))
    assert np.array_equal(photo[0, :, 0], (ramp[0] >> 8).astype(np.uint8))


def test_the_longer_side_is_at_most_the_wanted_size(encode_image):
    assert decode(encode_image(_quadrants(600, 300), "JPEG"), size=100).shape == (100, 50, 3)
    assert decode(encode_image(_quadrants(40, 60)), size=100).shape == (40, 60, 3)
    assert shrink(_quadrants(600, 300), size=100).shape == (100, 50, 3)


def test_decoding_at_a_smaller_scale_changes_hardly_anything(encode_image):
    rng = np.random.default_rng(0)
    smooth = np.asarray(
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).resize(
            (1600, 1200), Image.Resampling.BICUBIC
        )
    )
    data = encode_image(smooth, "JPEG", quality=95)
    exact = Image.fromarray(decode(data)).resize((256, 192), Image.Resampling.BICUBIC)
    difference = np.abs(decode(data, size=256).astype(int) - np.asarray(exact))
    assert difference.mean() < 1.5


def test_a_truncated_jpeg_is_refused(encode_image):
    data = encode_image(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), "JPEG")
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        decode(data[: len(data) // 2])


def test_text_named_as_a_picture_is_an_unsupported_type(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("not a picture")
    with pytest.raises(UnsupportedImageType, match="Supported: JPEG, PNG, WebP"):
        decode(path)


def test_an_empty_file_is_named_as_such():
    with pytest.raises(UnsupportedImageType, match="empty file"):
        decode(b"")


def test_a_missing_file_is_an_unreadable_image(tmp_path):
    with pytest.raises(UnreadableImage, match="No such file"):
        decode(tmp_path / "nothing.jpg")


def test_one_pixel_is_too_small(encode_image):
    with pytest.raises(UnreadableImage, match="1 x 1 pixels"):
        decode(encode_image(np.zeros((1, 1, 3), np.uint8)))


def _png_header(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_001, 30_000])
def test_enormous_pictures_are_refused_before_they_are_decoded(side):
    with pytest.raises(ImageTooLarge, match="pixels"):
        decode(_png_header(side, side))


def test_a_file_over_the_limit_is_refused_by_its_bytes(encode_image, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(encode_image(_quadrants()) + bytes(1000))
    for source in (path, path.read_bytes()):
        with pytest.raises(FileTooLarge, match="more than 500 bytes"):
            decode(source, max_bytes=500)


@pytest.mark.parametrize(
    ("side", "drafted"),
    [(533, 533), (766, 766), (768, 384), (1532, 766), (1536, 384), (3072, 384), (6400, 800)],
)
@pytest.mark.parametrize("upright", [True, False])
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_leaves_enough(
    encode_image, monkeypatch, side, drafted, upright
):
    seen, thumbnail = [], Image.Image.thumbnail
    monkeypatch.setattr(
        Image.Image,
        "thumbnail",
        lambda self, *a, **k: seen.append(max(self.size)) or thumbnail(self, *a, **k),
    )
    small = np.full((side, side // 4, 3) if upright else (side // 4, side, 3), 200, np.uint8)
    assert max(decode(encode_image(small, "JPEG"), size=256).shape) == 256
    assert seen[0] == drafted


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 400), place=st.integers(0, 400))
def test_damaged_bytes_raise_our_error_or_decode(data, cut, place):
    file = io.BytesIO()
    Image.fromarray(_quadrants()).save(file, "PNG")
    whole = file.getvalue()
    damaged = whole[:place] + data + whole[place + cut :]
    try:
        photo = decode(damaged)
    except UnreadableImage:
        return
    assert photo.dtype == np.uint8 and photo.ndim == 3 and photo.shape[2] == 3


@pytest.mark.parametrize("turned", [False, True])
def test_each_side_has_16_pixels_at_least(encode_image, turned):
    def picture(side):
        return encode_image(np.zeros((40, side, 3) if turned else (side, 40, 3), np.uint8))

    assert min(decode(picture(16)).shape[:2]) == 16
    with pytest.raises(UnreadableImage, match="15"):
        decode(picture(15))


def test_a_picture_may_have_as_many_pixels_and_bytes_as_are_accepted_and_no_more(encode_image, tmp_path):
    data = encode_image(_quadrants(40, 60))
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    for source in (data, path):
        assert decode(source, max_pixels=2400, max_bytes=len(data)).shape == (40, 60, 3)
        with pytest.raises(ImageTooLarge, match="60 x 40 pixels; at most 2,399 pixels"):
            decode(source, max_pixels=2399)
        with pytest.raises(FileTooLarge, match=f"more than {len(data) - 1} bytes"):
            decode(source, max_bytes=len(data) - 1)


@pytest.mark.parametrize(
    ("more", "many_bytes", "many_pixels"),
    [
        (0, UnsupportedImageType, "each side needs at least 16"),
        (1, FileTooLarge, "at most 64,000,000 pixels"),
    ],
)
def test_a_picture_has_32_mib_and_64_megapixels_at_most_by_default(
    monkeypatch, more, many_bytes, many_pixels
):
    with pytest.raises(many_bytes):
        decode(bytes(2**25 + more))
    monkeypatch.setattr(images, "_open", lambda *_: SimpleNamespace(size=(64_000_000 + more, 1)))
    with pytest.raises(UnreadableImage, match=many_pixels):
        decode(b"\xff\xd8\xff")


def test_a_picture_is_admitted_by_width_and_height_before_its_pixels_are_decoded(encode_image):
    admitted = []
    data = encode_image(np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8), "JPEG")
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        decode(data[: len(data) // 2], admit=lambda *size: admitted.append(size))
    assert admitted == [(80, 64)]

    class NoRoom(Exception):
        pass

    def refuse(*_):
        raise NoRoom

    with pytest.raises(NoRoom):
        decode(data, admit=refuse)


def test_a_picture_that_would_take_longer_to_decode_than_is_accepted_is_refused(encode_image):
    data = encode_image(_quadrants(600, 600), "JPEG", progressive=True)
    assert decode(data, size=64).shape == (64, 64, 3)
    with pytest.raises(ImageTooLarge, match="at most 0.001 s are given to it"):
        decode(data, size=64, max_ms=1)


@pytest.mark.parametrize("mode", ["P", "1", "RGBA", "LA", "I;16"])
@pytest.mark.parametrize(("side", "size"), [(63, (63, 20)), (64, (32, 10)), (95, (48, 10)), (96, (32, 7))])
def test_blocks_are_averaged_while_twice_the_size_is_left(mode, side, size):
    """Two by two from four times the size on, three by three from six; Pillow averages no 16 bits."""
    reduced = _reduced(Image.new(mode, (side, 20)), 16)
    assert reduced.size == (size if mode != "I;16" else (side, 20))
