import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.errors import UnsupportedImageType
from training.photo import media_types
from training.photo.images import decode

ROOT = Path(__file__).parents[3]


def test_the_documentation_names_the_accepted_types():
    assert f"Images are {media_types.sentence()}." in (ROOT / "docs/catalogues.md").read_text()


def test_each_type_is_told_from_the_others():
    heads = {"JPEG": b"\xff\xd8\xff\xe0", "PNG": b"\x89PNG\r\n\x1a\n", "WebP": b"RIFF....WEBP"}
    for name, head in heads.items():
        assert [row.name for row in media_types.MEDIA_TYPES if row.matches(head)] == [name]


def encoded(form, **options):
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    Image.linear_gradient("L").resize((80, 64)).convert("RGB").save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("row", media_types.MEDIA_TYPES, ids=lambda row: row.name)
def test_each_type_is_told_by_its_content_and_read(row):
    photo = encoded(row.pillow_format)
    assert media_types.detect(photo[: media_types.HEAD]) is row
    smaller = decode(photo, size=40)
    assert smaller.shape == (32, 40, 3) and smaller[-1].mean() > smaller[0].mean() + 100


def test_a_file_in_boxes_is_told_by_what_it_is_compatible_with():
    for brand, name in ((b"avif", "AVIF"), (b"heic", "HEIC")):
        head = b"\0\0\0\x20ftypmif1\0\0\0\0miaf" + brand + b"MA1B"
        assert media_types.detect(head).name == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.4\n", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\xef\xbb\xbf<svg/>", "SVG"),
        (b"\0\0\0\x18ftypisom\0\0\2\0", "MP4"),
        (b"\0\0\0\x14ftypqt  ", "QuickTime"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miaf", "another kind of HEIF"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"PK\3\4\x14", "ZIP"),
        (b"8BPS\0\1", "Photoshop"),
        (b"<!DOCTYPE html><title>Sign in</title>", "HTML"),
        (b'{"error": "denied"}', "text"),
    ],
)
def test_a_refusal_names_what_came(content, name):
    with pytest.raises(UnsupportedImageType, match=f"but {name}. Supported: JPEG, PNG"):
        decode(content)


def test_a_heic_without_its_decoder_is_refused_by_name(monkeypatch):
    rows = [row for row in media_types.MEDIA_TYPES if row.name != "HEIC"]
    monkeypatch.setattr(media_types, "MEDIA_TYPES", rows)
    with pytest.raises(UnsupportedImageType, match="but HEIC"):
        decode(encoded("HEIF"))


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "HEIF"])
def test_of_several_frames_the_first_is_read(form):
    others = [Image.new("RGB", (80, 64), colour) for colour in ("red", "blue")]
    photo = encoded(form, save_all=True, append_images=others)
    assert np.abs(decode(photo).astype(int) - decode(encoded(form))).mean() < 4


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"<?xml version='1.0'?><note/>", "XML"),
        (b" <!DOCTYPE HTML><p>", "HTML"),
        (b"item_id,path\r\n1,a.jpg\n", "text"),
        (b"a\x01b", ""),
        (b"", ""),
    ],
)
def test_what_is_no_picture_is_named_where_that_is_known(head, kind):
    assert media_types.describe(head) == kind
