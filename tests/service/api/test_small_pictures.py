"""What is too small: fewer than 16 pixels on a side of what was sent, in whatever way a picture comes."""

import io

import numpy as np
import pytest
from PIL import Image

from index.embedding.embedder import ItemPhoto, embed_photo
from training.errors import UnreadableImage
from training.photo.encoder import PRETRAINED, Encoder

ACCEPTED = [(1920, 96), (96, 1920), (4000, 16), (16, 700), (16, 16)]
REFUSED = [(900, 15), (15, 900), (1, 1), (64_000, 1)]


def picture(size):
    file = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert("RGB").save(file, "PNG")
    return file.getvalue()


def form(size):
    return {"file": (io.BytesIO(picture(size)), "photo.png")}


@pytest.mark.parametrize("size", ACCEPTED)
def test_a_thin_picture_is_accepted_in_every_way(live, size, tmp_path):
    stored = live.client.put("/v1/items/thin", data=form(size), headers=live.headers)
    assert stored.status_code == 201, stored.json
    for kind in ("photo", "sketch"):
        searched = live.client.post("/v1/search", data=form(size) | {"kind": kind})
        assert searched.status_code == 200, searched.json
    source = {"query_id": searched.json["query_id"]}
    assert live.client.post("/v1/search", json={"item_id": "thin"}).status_code == 200
    assert live.client.post("/v1/search", json=source | {"box": [0, 0, 1, 1]}).status_code == 200
    assert live.client.get("/v1/explain", query_string=source | {"item_id": "thin"}).status_code == 200
    assert live.client.get("/v1/items/thin/similar").status_code == 200
    (tmp_path / "thin.png").write_bytes(picture(size))
    found = embed_photo(ItemPhoto(tmp_path / "thin.png"), Encoder.load(PRETRAINED)).embedding
    assert np.linalg.norm(found.views.vectors[0]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", REFUSED)
def test_a_picture_that_is_too_small_is_refused_in_the_same_words_in_every_way(live, size, tmp_path):
    words = f"The image has {size[0]} x {size[1]} pixels; each side needs at least 16."
    put = live.client.put("/v1/items/small", data=form(size), headers=live.headers)
    for answer in (put, live.client.post("/v1/search", data=form(size))):
        assert (answer.status_code, answer.json["param"]) == (422, "file")
        assert answer.json["detail"].startswith(words)
    (tmp_path / "small.png").write_bytes(picture(size))
    found = embed_photo(ItemPhoto(tmp_path / "small.png"), Encoder.load(PRETRAINED)).embedding
    assert isinstance(found, UnreadableImage) and str(found).startswith(words)
    live.client.put("/v1/items/small", data=form((64, 64)), headers=live.headers)
    next(path for path in tmp_path.rglob("*.png") if "photographs" in str(path)).write_bytes(picture(size))
    by_item = live.client.post("/v1/search", json={"item_id": "small"})
    assert (by_item.status_code, by_item.json["param"]) == (422, "item_id")
    assert by_item.json["detail"].startswith(words)


def test_a_box_is_refused_by_the_pixels_that_it_holds_of_what_was_sent(post):
    wide = picture((1920, 96))
    assert post(wide, fields={"box": "0.1,0.1,0.5,0.9"}).status_code == 200
    answer = post(wide, fields={"box": "0.1,0.1,0.5,0.2"})
    assert (answer.status_code, answer.json["param"]) == (400, "box")
    assert "pixels; each side needs at least 16" in answer.json["detail"]
