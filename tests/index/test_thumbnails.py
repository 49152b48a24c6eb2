import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from index import thumbnails
from index.thumbnails import WIDTHS, Thumbnails, encode, key_of, scaled
from training.photo.images import shrink

CONTENT = key_of(sha256(b"a photograph").hexdigest(), 0)


def plain(width, height):
    return np.full((height, width, 3), (200, 30, 60), np.uint8)


def shrinking(width, height):
    """Decode a plain picture of that size."""
    return lambda size: shrink(plain(width, height), size=size)


def size_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size


@settings(deadline=None, max_examples=50)
@given(width=st.integers(16, 500), height=st.integers(16, 500), asked=st.sampled_from(WIDTHS[:2]))
@example(width=750, height=1000, asked=320)
@example(width=400, height=899, asked=320)
@example(width=320, height=480, asked=320)
@example(width=200, height=1600, asked=320)
def test_a_thumbnail_is_as_wide_as_asked_but_not_wider_than_its_picture(width, height, asked):
    picture, decoded = plain(width, height), []

    def decoding(size):
        decoded.append(size)
        return shrink(picture, size=size)

    found = scaled(decoding, asked)
    narrow = min(width, asked, round(asked * 4 * width / height))
    assert abs(found.shape[1] - narrow) <= (height > 4 * width)
    assert abs(found.shape[0] - found.shape[1] * height / width) <= 1 + height / width
    assert len(decoded) == 1 or height > 1.49 * width
    assert (found == found[0, 0]).all()


@pytest.mark.parametrize(
    ("picture", "sizes"),
    [((750, 1000), [480]), ((400, 899), [480, 720]), ((100, 800), [480, 1280]), ((300, 400), [480])],
)
def test_what_is_high_is_decoded_again_as_large_as_it_has_to_be(picture, sizes):
    decoded = []

    def decoding(size):
        decoded.append(size)
        return shrinking(*picture)(size)

    scaled(decoding, 320)
    assert decoded == sizes


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp"])
def test_a_thumbnail_is_a_file_of_its_type_without_metadata(media_type):
    with Image.open(io.BytesIO(encode(plain(30, 20), media_type))) as image:
        assert (Image.MIME[image.format], image.size) == (media_type, (30, 20))
        assert not image.getexif()
        assert np.abs(np.asarray(image.convert("RGB"), int) - (200, 30, 60)).max() < 8


@pytest.mark.parametrize(
    ("media_type", "form", "options"),
    [
        ("image/jpeg", "JPEG", {"quality": 80, "progressive": True}),
        ("image/webp", "WEBP", {"quality": 70, "method": 2}),
    ],
)
def test_a_thumbnail_is_encoded_as_was_decided(media_type, form, options):
    noise, file = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), io.BytesIO()
    picture = Image.fromarray(noise).resize((64, 48))
    picture.save(file, form, **options)
    assert encode(np.asarray(picture), media_type) == file.getvalue()


@pytest.mark.parametrize(("seconds", "marked"), [(5, False), (86_400, False), (86_401, True)])
def test_a_thumbnail_is_marked_as_used_once_a_day(tmp_path, monkeypatch, seconds, marked):
    kept, path = Thumbnails(tmp_path), tmp_path / f"{CONTENT}-160.webp"
    path.write_bytes(b"a thumbnail")
    os.utime(path, (1e9, 1e9))
    monkeypatch.setattr(time, "time", lambda: 1e9 + seconds)
    assert kept.find(CONTENT, 160, "image/webp") == b"a thumbnail"
    assert (path.stat().st_mtime > 1e9) == marked


def test_thumbnails_take_4_gib_at_most_by_default_and_one_process_writes_them(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(thumbnails, "BoundedFolder", lambda *_, **limits: made.append(limits))
    Thumbnails(tmp_path)
    assert made == [{"max_bytes": 4 * 2**30, "writers": 1}]


def test_sixteen_locks_stand_for_all_photographs(tmp_path):
    kept = Thumbnails(tmp_path)
    for number in range(64):
        with kept._alone(f"{number * 0x0FEDCBB:08x}"):
            pass
    assert len(list(tmp_path.iterdir())) == 16


def test_the_longest_unused_thumbnails_make_room(tmp_path):
    kept = Thumbnails(tmp_path, max_bytes=2**40)
    contents = [key_of(sha256(bytes([number])).hexdigest(), number) for number in range(6)]
    for age, content in enumerate(contents):
        kept.get(content, 160, "image/jpeg", shrinking(200, 300))
        path = tmp_path / f"{content}-160.jpeg"
        os.utime(path, (time.time() - 1e6 * (10 - age),) * 2)
    size = path.stat().st_size
    assert kept.find(contents[0], 160, "image/jpeg")  # which marks it as used
    few = Thumbnails(tmp_path, max_bytes=3 * size)
    few.sweep()
    assert [bool(few.find(content, 160, "image/jpeg")) for content in contents] == [1, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("folders", [1, 3])
def test_one_makes_a_thumbnail_however_many_want_it(tmp_path, folders):
    made = []

    def decoding(size):
        made.append(size)
        return shrink(plain(300, 400), size=size)

    kept = [Thumbnails(tmp_path) for _ in range(folders)]
    with ThreadPoolExecutor(6) as pool:
        jobs = [
            pool.submit(kept[number % folders].get, CONTENT, 160, "image/webp", decoding)
            for number in range(6)
        ]
    assert len({job.result() for job in jobs}) == 1
    assert made == [240]


def test_what_a_loss_of_power_has_left_empty_is_made_again(tmp_path):
    kept = Thumbnails(tmp_path)
    (tmp_path / f"{CONTENT}-160.webp").touch()
    assert kept.find(CONTENT, 160, "image/webp") is None
    assert size_of(kept.get(CONTENT, 160, "image/webp", shrinking(320, 200))) == (160, 100)


def test_a_failed_decode_leaves_nothing(tmp_path):
    kept = Thumbnails(tmp_path)

    def failing(size):
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        kept.get(CONTENT, 160, "image/webp", failing)
    assert kept.find(CONTENT, 160, "image/webp") is None
