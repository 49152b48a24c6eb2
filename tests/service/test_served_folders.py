"""A build and a service together: only pictures from below the catalogue and allowed folders are sent."""

import csv
import io
from types import SimpleNamespace

import pytest

from index.build import BuildOptions, build_index
from index.stores.folder.searcher import Searcher
from service.errors import RefusedRequest
from service.picture.item_file import item_file
from service.run.app import create_app
from training.catalogue.reader import Item, read_catalogue


@pytest.fixture
def built(live, pictures, tmp_path):
    """Build a catalogue of which half lies elsewhere, and serve it."""

    def build(*allowed):
        for folder in ("shop", "elsewhere"):
            (tmp_path / folder).mkdir(exist_ok=True)
            for number, box in enumerate(pictures.SHAPES.values()):
                pictures.drawn(box).save(tmp_path / folder / f"{number}.png")
        rows = "".join(f"own-{n},{n}.png\nfar-{n},../elsewhere/{n}.png\n" for n in range(3))
        (tmp_path / "shop" / "shop.csv").write_text("item_id,path\n" + rows)
        catalogue = read_catalogue(str(tmp_path / "shop" / "shop.csv"))
        options = BuildOptions("flat", processes=1, allow_roots=allowed)
        indexes = tmp_path / "built"
        done = build_index(catalogue, live.encoder, indexes=indexes, options=options)
        config = type(live.config)(indexes=indexes, query_folder=tmp_path / "queries", keys=live.config.keys)
        client = create_app(config, Searcher.open(indexes, encoder=live.encoder)).test_client()
        return SimpleNamespace(done=done, client=client, folder=tmp_path / "shop")

    return build


def test_pictures_from_elsewhere_are_skipped_and_named_with_what_to_do(built):
    report = csv.DictReader(built().done.report.read_text().splitlines())
    assert {row["item_id"]: "--allow-root" in row["reason"] for row in report} == dict.fromkeys(
        ("far-0", "far-1", "far-2"), True
    )


def test_an_allowed_folder_is_remembered_by_the_version_and_served(built, tmp_path):
    shop = built(tmp_path / "elsewhere")
    assert shop.done.manifest.items == 6 and str(tmp_path / "elsewhere") in shop.done.manifest.roots
    assert shop.client.get("/v1/items/far-1/image", buffered=True).status_code == 200


def test_a_picture_that_becomes_a_link_is_neither_sent_nor_searched_with(built, tmp_path, pictures):
    shop = built()
    pictures.drawn((20, 20, 60, 60)).save(tmp_path / "secret.png")
    (shop.folder / "1.png").unlink()
    (shop.folder / "1.png").symlink_to(tmp_path / "secret.png")
    for answer in (
        shop.client.get("/v1/items/own-1/image"),
        shop.client.post("/v1/search", json={"item_id": "own-1"}),
        shop.client.get("/v1/explain?query_item=own-0&item_id=own-1"),
    ):
        assert (answer.status_code, answer.json["code"]) == (404, "item_unknown")
        assert "outside of its catalogue" in answer.json["detail"] and str(tmp_path) not in answer.text
    assert shop.client.get("/v1/items/own-0/image", buffered=True).status_code == 200


def test_a_photograph_that_was_put_is_served(built, live, photo):
    shop = built()
    form = {"file": (io.BytesIO(photo), "p")}
    assert shop.client.put("/v1/items/new", data=form, headers=live.headers).status_code == 201
    assert shop.client.get("/v1/items/new/image", buffered=True).data == photo


def test_a_version_without_folders_of_its_own_serves_what_it_did(tmp_path, photo):
    """One that was built before there were any; the next build writes them down."""
    path = tmp_path / "anywhere.jpg"
    path.write_bytes(photo)
    item = Item("coat", path, {})
    assert item_file(item, None) == (path, "image/jpeg")
    with pytest.raises(RefusedRequest, match="outside of its catalogue"):
        item_file(item, (str(tmp_path / "shop"),))
