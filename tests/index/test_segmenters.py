"""From build to search with a bundle that has a segmenter of its own, beside the encoder that ships."""

import numpy as np
import pytest

from index.build import BuildOptions, build_index
from index.editing import put_item
from index.embedding.cache import FOLDER
from index.embedding.embedder import ItemPhoto
from index.embedding.embedders import LocalEmbedder
from index.pages import SearchOptions
from index.stores.folder.store import FolderStore
from index.views import ALL, ITEM
from training.catalogue.reader import Catalogue, Item
from training.errors import EncoderMismatch
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import item_garments, read_garment
from training.photo.images import decode

COLOURS = ((200, 30, 40), (20, 60, 160), (30, 30, 30), (20, 120, 60))


@pytest.fixture(scope="module")
def encoders(own_bundle):
    return {"own": Encoder.load(own_bundle), "ours": Encoder.load(PRETRAINED)}


@pytest.fixture
def items(tmp_path, make_photo, encode_image):
    listed = []
    for number, colour in enumerate(COLOURS):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encode_image(make_photo(colour=colour, side=200 + 20 * number)))
        listed.append(Item(f"sku-{number}", path, {}))
    return tuple(listed)


@pytest.fixture
def build(indexes, items, tmp_path):
    def build(encoder, garments=ITEM):
        options = BuildOptions(kind="flat", garments=garments, cache=tmp_path / "cache", processes=1)
        return build_index(Catalogue("shop", items[:3], ()), encoder, indexes=indexes, options=options)

    return build


def by_hand(encoder, item):
    return encoder.embed_garments([read_garment(item.path, segmenter=encoder.segmenter)])


@pytest.mark.parametrize("garments", [ITEM, ALL])
@pytest.mark.parametrize("name", ["own", "ours"])
def test_items_and_queries_are_cut_out_by_the_encoder_s_segmenter(
    encoders, build, indexes, items, name, garments
):
    encoder = encoders[name]
    build(encoder, garments)
    searcher = FolderStore(indexes).open(encoder=encoder)
    for item in items[:3]:
        (page,) = searcher.search(by_hand(encoder, item), SearchOptions(limit=1))
        assert page.hits[0].item.item_id == item.item_id and page.hits[0].score == pytest.approx(1, abs=1e-5)
    other = encoders["ours" if name == "own" else "own"]
    (page,) = searcher.search(by_hand(other, items[0]), SearchOptions(limit=1))
    assert page.hits[0].score < 0.999  # the test would see a mixture


@pytest.mark.parametrize(("built", "asked"), [("own", "ours"), ("ours", "own")])
def test_an_index_is_refused_by_the_same_model_with_another_segmenter(encoders, build, indexes, built, asked):
    build(encoders[built])
    with pytest.raises(EncoderMismatch, match=encoders[asked].fingerprint[:12]):
        FolderStore(indexes).open(encoder=encoders[asked])


def test_embeddings_are_kept_apart_by_the_segmenter(encoders, build, tmp_path):
    assert [build(encoders[name]).cached for name in ("own", "ours", "own", "ours")] == [0, 0, 3, 3]
    kept = {path.stem for path in (tmp_path / "cache" / FOLDER).glob("*.sqlite")}
    assert kept == {encoder.fingerprint for encoder in encoders.values()}


def test_an_item_that_is_put_is_cut_out_by_the_encoder_s_segmenter(encoders, build, indexes, items):
    build(encoders["own"])
    store = FolderStore(indexes)
    put_item(store, encoders["own"], "new", items[3].path, {})
    (page,) = store.open(encoder=encoders["own"]).search(
        by_hand(encoders["own"], items[3]), SearchOptions(limit=1)
    )
    assert page.hits[0].item.item_id == "new" and page.hits[0].score == pytest.approx(1, abs=1e-5)


def test_an_item_that_another_segmenter_has_cut_out_is_cut_out_again(encoders, build, indexes, items):
    build(encoders["own"])
    store = FolderStore(indexes)
    put_item(store, encoders["ours"], "new", items[3].path, {})
    (page,) = store.open(encoder=encoders["own"]).search(
        by_hand(encoders["own"], items[3]), SearchOptions(limit=1)
    )
    assert page.hits[0].item.item_id == "new" and page.hits[0].score == pytest.approx(1, abs=1e-5)


def test_worker_processes_cut_out_by_the_encoder_s_segmenter(encoders, items):
    photos = [ItemPhoto(item.path, None, ALL) for item in items]
    for encoder in encoders.values():
        alone, shared = (
            [photo.embedding.views for _, photo in LocalEmbedder(processes).embed(photos, encoder)]
            for processes in (1, 2)
        )
        for item, one, other in zip(items, alone, shared, strict=True):
            expected = [
                cut.box for cut in item_garments(decode(item.path, size=256), None, encoder.segmenter)
            ]
            assert np.array_equal(one.vectors, other.vectors)
            assert other.boxes == pytest.approx(np.array(expected), abs=1e-6)
