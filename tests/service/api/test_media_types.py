import io

import pytest

from service.picture import cut_out
from training.catalogue.reader import read_catalogue
from training.photo import media_types, structure
from training.photo.images import decode
from training.photo.media_types import MediaType


@pytest.fixture(autouse=True)
def ppm(monkeypatch):
    def here(photo, part, seconds, **options):
        return decode(photo, **options)

    monkeypatch.setattr(cut_out, "decode_apart", here)  # in this process, with its table
    monkeypatch.setitem(structure._WALKS, "PPM", structure._WALKS["BMP"])
    row = MediaType("PPM", "image/x-portable-pixmap", (".ppm", ".pnm"), (((0, b"P6"),),), "PPM")
    monkeypatch.setattr(media_types, "MEDIA_TYPES", [*media_types.MEDIA_TYPES, row])


@pytest.fixture
def scan(pictures):
    return pictures.encoded(pictures.drawn(pictures.SHAPES["dress"]), "PPM")


def test_a_row_of_the_table_is_all_that_another_type_needs_to_be_searched_with(post, scan):
    answer = post(scan)
    assert answer.status_code == 200 and answer.json["results"]


def test_a_row_of_the_table_is_all_that_another_type_needs_to_be_stored_and_sent(live, scan):
    data = {"file": (io.BytesIO(scan), "scan.ppm")}
    stored = live.client.put("/v1/items/scan", data=data, headers=live.headers)
    assert stored.status_code == 201, stored.json
    image = live.client.get("/v1/items/scan/image")
    assert (image.status_code, image.mimetype, image.data) == (200, "image/x-portable-pixmap", scan)


def test_a_row_of_the_table_is_all_that_another_type_needs_in_a_folder(tmp_path, scan):
    (tmp_path / "scan.PPM").write_bytes(scan)
    assert [item.item_id for item in read_catalogue(str(tmp_path), cache=tmp_path).items] == ["scan"]


def test_the_page_the_contract_and_the_messages_name_every_type(client, post):
    page = client.get("/").text
    types = ",".join(row.media_type for row in media_types.MEDIA_TYPES)
    assert f'accept="{types}"' in page and "image/avif" in types
    assert "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, PPM" in page
    assert "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC or PPM." in client.get("/openapi.json").text
    assert "AVIF, HEIC, PPM" in post(b"text").json["detail"]
