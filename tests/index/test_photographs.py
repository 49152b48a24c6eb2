import hashlib
import os

import pytest

from index.photographs import Photographs
from training.errors import UnsupportedImageType
from training.photo.media_types import detect

JPEG = b"\xff\xd8\xff and the rest"


@pytest.fixture
def photographs(tmp_path):
    return Photographs(tmp_path / "photographs")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"", None),
    ],
)
def test_a_picture_is_told_by_its_first_bytes(head, kind):
    found = detect(head)
    assert (found and found.media_type) == kind


def test_a_photograph_is_named_by_its_content_and_type(photographs):
    name = photographs.store(JPEG)
    assert name == hashlib.sha256(JPEG).hexdigest() + ".jpg"
    assert photographs.path(name).read_bytes() == JPEG and photographs.path(name).is_absolute()


def test_what_is_no_photograph_is_refused(photographs):
    with pytest.raises(UnsupportedImageType, match="JPEG, PNG, WebP"):
        photographs.store(b"text")
    assert not photographs.folder.exists()


def test_a_photograph_is_made_durable_even_where_it_exists(photographs, monkeypatch):
    photographs.store(JPEG)
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    photographs.store(JPEG)
    assert len(synced) == 2 and synced[1] == str(photographs.folder)


def test_only_what_is_named_is_kept(photographs):
    kept, other = photographs.store(JPEG), photographs.store(JPEG + b"2")
    (photographs.folder / f".{other}.77.draft").write_bytes(b"half")
    assert photographs.remove_all_but({kept}) == 2
    assert os.listdir(photographs.folder) == [kept]


def test_there_is_nothing_to_remove_where_nothing_was_ever_stored(photographs):
    assert photographs.remove_all_but(()) == 0
