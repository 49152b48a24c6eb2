"""From build to search with types beside the shapes, and with shapes alone."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from index.build import BuildOptions, build_index
from index.editing import put_item
from index.embedding.cache import FOLDER
from index.pages import SearchOptions
from index.stores.folder.store import FolderStore
from training.catalogue.drawn import draw
from training.catalogue.reader import Catalogue, Item
from training.errors import EncoderMismatch
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.sketch import read_sketch

COUNT = 12


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """The encoder that ships, by the weight of the types."""
    loaded = {}
    for weight in (0.0, 0.3):
        folder = shutil.copytree(PRETRAINED, tmp_path_factory.mktemp("bundles") / str(weight))
        description = json.loads((folder / "encoder.json").read_text()) | {"type_weight": weight}
        (folder / "encoder.json").write_text(json.dumps(description))
        loaded[weight] = Encoder.load(folder)
    return loaded


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    items = tuple(Item(f"sku-{number}", folder / f"{number}.png", {}) for number in range(COUNT))
    for number, item in enumerate(items):
        Image.fromarray(draw(number, seed=5)[2]).save(item.path)
    return Catalogue("shop", items, ())


@pytest.fixture
def build(indexes, catalogue, tmp_path):
    def build(encoder):
        options = BuildOptions(kind="flat", cache=tmp_path / "cache", processes=1)
        return build_index(catalogue, encoder, indexes=indexes, options=options)

    return build


def _sketch():
    """A pair of trousers, drawn in ink."""
    paper = Image.new("RGB", (300, 400), "white")
    corners = [(90, 40), (210, 40), (230, 360), (170, 360), (150, 140), (130, 360), (70, 360)]
    ImageDraw.Draw(paper).polygon(corners, outline="black", width=5)
    return read_sketch(np.asarray(paper))


@pytest.mark.parametrize(("built", "asked"), [(0.0, 0.3), (0.3, 0.0)])
def test_an_index_is_refused_by_an_encoder_that_weighs_types_otherwise(
    encoders, build, indexes, built, asked
):
    build(encoders[built])
    with pytest.raises(EncoderMismatch, match=f"{encoders[asked].fingerprint[:12]} is loaded. Build the"):
        FolderStore(indexes).open(encoder=encoders[asked])


def test_embeddings_are_kept_apart_by_the_weight_of_the_types(encoders, build, tmp_path):
    assert [build(encoders[weight]).cached for weight in (0.0, 0.3, 0.0, 0.3)] == [0, 0, COUNT, COUNT]
    kept = {path.stem for path in (tmp_path / "cache" / FOLDER).glob("*.sqlite")}
    assert kept == {encoder.fingerprint for encoder in encoders.values()}


@pytest.mark.parametrize(("put", "built"), [(0.0, 0.3), (0.3, 0.0)])
def test_an_item_that_another_weight_has_embedded_is_embedded_again(
    encoders, build, indexes, catalogue, put, built
):
    encoder, photo = encoders[built], catalogue.items[3].path
    build(encoder)
    store = FolderStore(indexes)
    put_item(store, encoders[put], "new", photo, {})
    (page,) = store.open(encoder=encoder).search(encoder.embed([photo]), SearchOptions(limit=2))
    assert {hit.item.item_id for hit in page.hits} == {"new", "sku-3"}
    assert [hit.score for hit in page.hits] == pytest.approx([1, 1], abs=1e-5)


def test_a_sketch_is_answered_as_by_shapes_alone(encoders, build, indexes):
    answers = []
    for encoder in encoders.values():
        build(encoder)
        (page,) = (
            FolderStore(indexes)
            .open(encoder=encoder)
            .search(encoder.embed_garments([_sketch()]), SearchOptions(limit=COUNT))
        )
        answers.append({hit.item.item_id: hit.score for hit in page.hits})
    assert [*answers[0]] == [*answers[1]] and len(answers[0]) == COUNT
    assert [*answers[0].values()] == pytest.approx([*answers[1].values()], abs=1e-5)


def test_a_photograph_finds_itself_first_and_others_by_shape_and_type(encoders, build, indexes, catalogue):
    encoder = encoders[0.3]
    build(encoder)
    vectors = encoder.embed([item.path for item in catalogue.items])
    pages = FolderStore(indexes).open(encoder=encoder).search(vectors, SearchOptions(limit=COUNT))
    for row, page in enumerate(pages):
        assert page.hits[0].item.item_id == f"sku-{row}" and page.hits[0].score == pytest.approx(1, abs=1e-5)
        scores = {hit.item.item_id: hit.score for hit in page.hits}
        assert [scores[f"sku-{other}"] for other in range(COUNT)] == pytest.approx(
            vectors @ vectors[row], abs=1e-5
        )
