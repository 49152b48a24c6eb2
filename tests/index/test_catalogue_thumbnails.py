import io
import os
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from index.catalogue_thumbnails import make_thumbnails
from index.photographs import content_of
from index.thumbnails import Thumbnails, key_of
from training.photo.images import shrink

CONTENT = key_of(sha256(b"another photograph").hexdigest(), 0)


def size_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four photographs, with their contents; the last two are equal."""
    folder = tmp_path_factory.mktemp("photos")
    found = []
    for number, ground in enumerate(["navy", "teal", "gold", "gold"]):
        path = folder / f"{number}.png"
        Image.new("RGB", (800, 900 + 100 * min(number, 2)), ground).save(path)
        found.append(((path,), sha256(path.read_bytes()).digest()))
    return found


def test_a_build_makes_three_widths_of_each_content_once(photos, tmp_path, capfd):
    made = make_thumbnails(photos, tmp_path, processes=1, progress=True)
    files = {path.name: path for path in tmp_path.glob("*.webp")}
    assert sorted(files) == sorted(
        f"{content.hex()}-0-{width}.webp" for _, content in photos[:3] for width in (160, 320, 640)
    )
    assert made == (3, sum(path.stat().st_size for path in files.values()))
    assert size_of(files[f"{photos[1][1].hex()}-0-320.webp"].read_bytes()) == (320, 400)
    assert "Thumbnails: 3/3" in capfd.readouterr().err
    before = {name: path.stat().st_ino for name, path in files.items()}
    assert make_thumbnails(photos, tmp_path, processes=1) == made and not capfd.readouterr().err
    assert {name: path.stat().st_ino for name, path in files.items()} == before


def test_a_build_s_thumbnails_keep_within_their_bytes_and_do_not_push_each_other_out(photos, tmp_path):
    _, all_bytes = make_thumbnails(photos, tmp_path / "all", processes=1)
    few = tmp_path / "few"
    kept = Thumbnails(few)
    kept.get(CONTENT, 640, "image/webp", lambda size: shrink(np.zeros((700, 640, 3), np.uint8), size=size))
    os.utime(few / f"{CONTENT}-640.webp", (0, 0))
    done, taken = make_thumbnails(photos, few, max_bytes=all_bytes - 1, processes=1)
    assert done == 2 and taken < all_bytes
    for _, content in photos[:2]:
        used = [path.stat().st_mtime for path in few.glob(f"{content.hex()}-*")]
        assert len(used) == 3 and min(used) > 0
    assert sum(path.stat().st_size for path in few.iterdir()) < all_bytes
    assert make_thumbnails(photos[:2], few, max_bytes=taken, processes=1) == (2, taken)
    assert kept.find(CONTENT, 640, "image/webp") is None
    assert kept.find(key_of(photos[0][1].hex(), 0), 160, "image/webp")


def test_a_photograph_that_was_replaced_or_is_damaged_gets_none_from_a_build(photos, tmp_path):
    broken, gone = tmp_path / "broken.jpg", tmp_path / "gone.png"
    broken.write_bytes(b"\xff\xd8\xff nothing more")
    damaged = ((broken,), sha256(broken.read_bytes()).digest())
    replaced = [(photos[0][0], digest) for digest in (bytes(32), b"\xff" * 32)]
    listed = [*replaced, damaged, ((gone,), bytes([1] * 32)), photos[1]]
    assert make_thumbnails(listed, tmp_path / "kept", processes=1)[0] == 1


def test_all_photographs_of_an_item_get_thumbnails(photos, tmp_path):
    paths, digests = [path for (path,), _ in photos[:3]], [digest for _, digest in photos[:3]]
    content = content_of(digests)
    made = make_thumbnails([(paths, content), (paths, bytes(32)), photos[1]], tmp_path, processes=1)
    assert made[0] == 4 and made[1] == sum(path.stat().st_size for path in tmp_path.glob("*.webp"))
    kept = Thumbnails(tmp_path)
    for photo in range(3):
        thumbnail = kept.find(key_of(content.hex(), photo), 320, "image/webp")
        assert size_of(thumbnail) == (320, [360, 400, 440][photo])
