"""A service whose encoder brings its own segmenter."""

import io
from types import SimpleNamespace

import pytest

from index.build import BuildOptions, build_index
from index.stores.folder.searcher import Searcher
from service.config import Config
from service.http.keys import add_key
from service.picture.explanation import draw
from service.run.app import create_app
from training.alignment.agreement import agreement
from training.catalogue.reader import Catalogue, Item
from training.errors import EncoderMismatch
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import isolate, locate
from training.photo.images import decode


@pytest.fixture(scope="module")
def encoders(own_bundle):
    return {"own": Encoder.load(own_bundle), "ours": Encoder.load(PRETRAINED)}


@pytest.fixture(params=["own", "ours"])
def shop(request, encoders, tmp_path, make_photo, encode_image):
    """A service over two shirts, and the encoder that it has."""
    encoder = encoders[request.param]
    photos = [encode_image(make_photo(colour=colour)) for colour in ((200, 30, 40), (20, 60, 160))]
    items = []
    for number, photo in enumerate(photos):
        (tmp_path / f"{number}.png").write_bytes(photo)
        items.append(Item(f"sku-{number}", tmp_path / f"{number}.png", {}))
    config = Config(indexes=tmp_path / "indexes", query_folder=tmp_path / "q", keys=tmp_path / "keys.json")
    options = BuildOptions(kind="flat", processes=1)
    build_index(Catalogue("shop", tuple(items), ()), encoder, indexes=config.indexes, options=options)
    client = create_app(config, Searcher.open(config.indexes, encoder=encoder)).test_client()
    headers = {"Authorization": f"Bearer {add_key(config.keys, 'tests')}"}
    return SimpleNamespace(client=client, encoder=encoder, photos=photos, config=config, headers=headers)


def search(shop, photo):
    return shop.client.post("/v1/search", data={"file": (io.BytesIO(photo), "photo.png")})


def test_a_query_is_parsed_by_the_segmenter_of_the_index_in_use(shop):
    for number, photo in enumerate(shop.photos):
        answer = search(shop, photo).json
        best = answer["results"][0]
        assert best["item_id"] == f"sku-{number}" and best["score"] == pytest.approx(1, abs=1e-4)
        cut = isolate(decode(photo, size=256), segmenter=shop.encoder.segmenter)
        assert answer["query"]["box"] == pytest.approx(cut.box, abs=1e-3)
        regions, _ = locate(decode(photo, size=256), shop.encoder.segmenter)
        found = [garment["confidence"] for garment in answer["query"]["garments"]]
        assert found == pytest.approx([region.confidence for region in regions], abs=1e-3)


def test_an_upload_that_is_kept_is_parsed_again_by_that_segmenter(shop):
    first = search(shop, shop.photos[0]).json
    again = shop.client.post("/v1/search", json={"query_id": first["query_id"]}).json
    assert again["results"][0]["score"] == first["results"][0]["score"]
    assert again["query"]["garments"] == first["query"]["garments"]


def test_an_item_that_is_put_is_found_by_its_own_photograph(shop, make_photo, encode_image):
    photo = encode_image(make_photo(colour=(20, 120, 60), side=300))
    sent = {"data": {"file": (io.BytesIO(photo), "new.png")}, "headers": shop.headers}
    assert shop.client.put("/v1/items/new", **sent).status_code == 201
    best = search(shop, photo).json["results"][0]
    assert best["item_id"] == "new" and best["score"] == pytest.approx(1, abs=1e-4)


def test_an_explanation_has_the_outlines_of_that_segmenter(shop):
    query_id = search(shop, shop.photos[0]).json["query_id"]
    address = f"/v1/explain?query_id={query_id}&item_id=sku-0"
    garment = isolate(decode(shop.photos[0], size=256), segmenter=shop.encoder.segmenter)
    assert shop.client.get(address).text == draw(garment.mask, garment.mask, agreement(garment, garment))


def test_a_service_with_the_other_segmenter_does_not_answer_from_this_index(shop, encoders):
    (other,) = [one for one in encoders.values() if one.fingerprint != shop.encoder.fingerprint]
    with pytest.raises(EncoderMismatch):
        Searcher.open(shop.config.indexes, encoder=other)
