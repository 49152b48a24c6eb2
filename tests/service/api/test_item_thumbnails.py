import hashlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from service.http.capacity import capacity_in_use
from service.picture import item_thumbnail
from service.run.app import create_app

FOR_EVER = "max-age=31536000, immutable"
CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def opened(answer):
    image = Image.open(io.BytesIO(answer.data))
    image.load()
    return image


def version(data):
    return hashlib.sha256(data).hexdigest()[:16]


@pytest.fixture
def decodes(monkeypatch):
    """The sizes that thumbnails were decoded for."""
    sizes, decode = [], item_thumbnail.decode_apart

    def counted(photo, *, size, **options):
        sizes.append(size)
        return decode(photo, size=size, **options)

    monkeypatch.setattr(item_thumbnail, "decode_apart", counted)
    return sizes


@pytest.fixture
def wide(searcher, pictures):
    """An item with a photograph of 700 x 900 pixels."""
    item = searcher.items[2]
    path = item.path.with_suffix(".jpg")
    pictures.drawn((100, 100, 600, 800), size=(700, 900)).save(path)
    searcher.items[2] = replace(item, path=path)
    return searcher.items[2]


def address(item, **fields):
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    return f"/v1/items/{item.item_id}/image?{query}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (CHROMIUM, "image/webp"),
        ("image/webp,*/*", "image/webp"),
        ("*/*", "image/jpeg"),
        ("image/png,image/svg+xml,image/*;q=0.8", "image/jpeg"),
        ("image/jpeg,image/webp;q=0.5", "image/jpeg"),
        ("image/webp;q=0,*/*", "image/jpeg"),
        (None, "image/jpeg"),
    ],
)
def test_a_thumbnail_is_of_the_type_that_is_accepted(client, wide, accept, media_type):
    headers = {} if accept is None else {"Accept": accept}
    answer = client.get(address(wide, width=160), headers=headers)
    assert (answer.status_code, answer.mimetype, answer.headers["Vary"]) == (200, media_type, "Accept")
    assert Image.MIME[opened(answer).format] == media_type


@pytest.mark.parametrize(("width", "size"), [(160, (160, 205)), (640, (640, 823)), (1280, (700, 900))])
def test_a_thumbnail_is_as_wide_as_asked_and_none_is_enlarged(client, wide, width, size):
    image = opened(client.get(address(wide, width=width)))
    assert image.size == size
    assert np.asarray(image.convert("L"))[:, [2, -3]].min() > 240


@pytest.mark.parametrize("width", ["0", "161", "320.5", "wide", "", "-320", "320&width=320"])
def test_another_width_is_refused_with_those_there_are(client, wide, width):
    answer = client.get(address(wide, width=width))
    assert (answer.status_code, answer.json["param"]) == (400, "width")
    if "&" not in width:
        assert "160, 320, 640, 1280" in answer.json["detail"]
    assert client.get(address(wide, size=320)).json["param"] == "size"


@pytest.mark.parametrize("form", ["HEIF", "TIFF", "PNG", "BMP"])
def test_what_browsers_do_not_show_is_shown_as_a_thumbnail(client, wide, pictures, form):
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    wide.path.write_bytes(pictures.encoded(pictures.drawn((60, 60, 300, 400), size=(400, 500)), form))
    answer = client.get(address(wide, width=320), headers={"Accept": CHROMIUM})
    assert (answer.mimetype, opened(answer).size) == ("image/webp", (320, 400))


def test_a_thumbnail_stands_upright(client, wide):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right brings it upright
    Image.new("RGB", (600, 400), "white").save(wide.path, exif=exif)
    assert opened(client.get(address(wide, width=160))).size == (160, 240)


def test_a_thumbnail_is_made_once_for_all_workers(client, config, searcher, wide, decodes):
    first = client.get(address(wide, width=320))
    again = create_app(config, searcher).test_client().get(address(wide, width=320))
    assert first.data == again.data and len(decodes) == 1
    held = client.get(address(wide, width=320), headers={"If-None-Match": first.headers["ETag"]})
    assert (held.status_code, held.data, held.headers["Vary"]) == (304, b"", "Accept")


def test_an_address_without_the_picture_s_version_is_revalidated(client, wide, pictures):
    current = version(wide.path.read_bytes())
    for fields, kept in ({}, "no-cache"), ({"v": "0" * 16}, "no-cache"), ({"v": current}, FOR_EVER):
        for size in {}, {"width": 160}:
            assert client.get(address(wide, **size, **fields)).headers["Cache-Control"] == kept
    held = client.get(address(wide, width=160)).headers["ETag"]
    wide.path.write_bytes(pictures.encoded(pictures.drawn((0, 0, 90, 90), size=(200, 100))))
    for size in {}, {"width": 160}:
        assert client.get(address(wide, v=current, **size)).headers["Cache-Control"] == "no-cache"
    answer = client.get(address(wide, width=160), headers={"If-None-Match": held})
    assert (answer.status_code, opened(answer).size) == (200, (160, 80))


def test_the_address_of_an_indexed_photograph_keeps_showing_it_until_it_is_built_again(
    client, searcher, wide, pictures, decodes
):
    content = hashlib.sha256(wide.path.read_bytes()).hexdigest()
    searcher.items[2] = replace(wide, content=content)
    found = client.get("/v1/items/dress/1/similar").json["results"]
    (result,) = [result for result in found if result["item_id"] == wide.item_id]
    assert result["image_url"] == f"/v1/items/dress/2/image?v={content[:16]}"
    first = client.get(result["image_url"] + "&width=160")
    wide.path.write_bytes(pictures.encoded(pictures.drawn((0, 0, 90, 90), size=(200, 100))))
    again = client.get(result["image_url"] + "&width=160")
    assert again.data == first.data and again.headers["Cache-Control"] == FOR_EVER and len(decodes) == 1
    late = client.get(result["image_url"] + "&width=320")
    assert (opened(late).size, late.headers["Cache-Control"]) == ((200, 100), "no-cache")
    wide.path.unlink()
    assert client.get(result["image_url"] + "&width=160").json["code"] == "item_unknown"


def put(live, item_id, photo):
    data = {"file": (io.BytesIO(photo), "photo.jpg")}
    return live.client.put(f"/v1/items/{item_id}", data=data, headers=live.headers).json


def test_every_address_of_a_picture_changes_with_it(live, photo, pictures):
    indexed = live.client.get("/v1/index").json["examples"][0]
    item_id, searcher = indexed["item_id"], live.app.extensions["silhouette.live_index"].searcher()
    known = version(searcher.item(item_id).path.read_bytes())
    assert indexed["image_url"] == f"/v1/items/{item_id}/image?v={known}"
    assert live.client.get(f"/v1/items/{item_id}").json["image_url"] == indexed["image_url"]
    other = pictures.encoded(pictures.drawn((42, 10, 78, 90)))
    for photograph in photo, other, photo:
        stored = put(live, item_id, photograph)["image_url"]
        assert stored == f"/v1/items/{item_id}/image?v={version(photograph)}"
        found = live.client.get(f"/v1/items/{item_id}").json["image_url"]
        searched = live.client.post("/v1/search", json={"item_id": item_id}).json["results"]
        assert {found, *(hit["image_url"] for hit in searched if hit["item_id"] == item_id)} == {stored}
        answer = live.client.get(stored)
        assert (answer.data, answer.headers["Cache-Control"]) == (photograph, FOR_EVER)
        assert live.client.get(f"{stored}&width=160").headers["Cache-Control"] == FOR_EVER


def test_each_photograph_has_thumbnails_and_an_address_that_changes_with_any(live, pictures, decodes):
    photos = [pictures.encoded(pictures.drawn((40, 20, 80, 170), size=(200, 200 + 50 * n))) for n in range(3)]
    given = [photos, photos[::-1], photos[:2]]
    seen = set()
    for files in given:
        data = {"file": [(io.BytesIO(photo), "photo.jpg") for photo in files]}
        urls = live.client.put("/v1/items/new", data=data, headers=live.headers).json["image_urls"]
        assert live.client.get("/v1/items/new").json["image_urls"] == urls
        for url, photo in zip(urls, files, strict=True):
            answer = live.client.get(f"{url}&width=160")
            with Image.open(io.BytesIO(photo)) as original:
                assert opened(answer).size[1] == round(original.height * 0.8)
            assert answer.headers["Cache-Control"] == FOR_EVER
            assert live.client.get(url).headers["Cache-Control"] == FOR_EVER
        seen.update(urls)
    assert len(seen) == len(decodes) == 8


def test_without_a_folder_thumbnails_are_made_at_each_use(config, searcher, wide, decodes, caplog):
    config.thumbnail_folder.write_text("no folder")
    client = create_app(config, searcher).test_client()
    answers = [client.get(address(wide, width=160)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len(decodes) == 3 and caplog.text.count("Thumbnails can't be kept") == 1


def test_a_picture_that_is_damaged_since_is_refused(client, wide):
    wide.path.write_bytes(wide.path.read_bytes()[:2000])
    answer = client.get(address(wide, width=160))
    assert (answer.status_code, answer.json["code"]) == (422, "image_undecodable")


def test_a_worker_makes_one_thumbnail_at_a_time_and_searches_go_on(app, searcher, wide, photo, monkeypatch):
    going, inside, most = threading.Event(), [], []

    def slow(photograph, *, size, **options):
        inside.append(size)
        most.append(len(inside))
        assert going.wait(60)
        inside.pop()
        return np.zeros((size, size, 3), np.uint8)

    monkeypatch.setattr(item_thumbnail, "decode_apart", slow)
    with ThreadPoolExecutor(5) as pool:
        asked = [
            pool.submit(app.test_client().get, address(wide, width=width), headers={"Accept": accept})
            for width in (160, 320)
            for accept in ("image/webp", "*/*")
        ]
        found = app.test_client().post("/v1/search", data={"file": (io.BytesIO(photo), "photo.jpg")})
        assert (found.status_code, any(job.done() for job in asked)) == (200, False)
        going.set()
        assert [job.result().status_code for job in asked] == [200] * 4
    assert max(most) == 1


def test_what_can_not_wait_is_told_to_come_again(app, client, wide):
    with app.app_context(), ExitStack() as waiting:
        waiting.enter_context(capacity_in_use().thumbnail())
        while capacity_in_use()._thumbnails.acquire(blocking=False):
            waiting.callback(capacity_in_use()._thumbnails.release)
        answer = client.get(address(wide, width=160))
        assert (answer.status_code, answer.json["code"]) == (503, "overloaded")
        assert answer.headers["Retry-After"]
    assert client.get(address(wide, width=160)).status_code == 200
