"""What every embedder must do, in one process, by its threads, in two processes, and by Ray."""

from hashlib import sha256

import numpy as np
import pytest

from index.embedding import embedders
from index.embedding.cache import Embedding
from index.embedding.embedder import ItemPhoto, Photo, embed_photo
from index.embedding.embedders import LocalEmbedder
from training.errors import UnreadableImage

COUNT = 70  # two whole batches of Ray, and a part


@pytest.fixture(scope="module")
def paths(copies, tmp_path_factory):
    """Photographs, a text among them, and the path of a file that is not there."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "text.jpg").write_text("no photograph at all, only a text of some length\n")
    good = copies(COUNT)
    return [*good[:40], folder / "missing.jpg", *good[40:], folder / "text.jpg"]


@pytest.fixture(scope="module", params=["one process", "two threads", "two processes", "ray"])
def embedder(request):
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
        from index.embedding.ray_embedder import RayEmbedder

        yield RayEmbedder()
        return
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "two processes":
            patch.setattr(embedders, "FEW", 0)
        yield LocalEmbedder(1 if request.param == "one process" else 2)


@pytest.fixture(scope="module")
def results(embedder, paths, real_encoder):
    return list(embedder.embed([ItemPhoto(path) for path in paths], real_encoder))


def test_every_place_comes_once(results, paths):
    assert sorted(place for place, _ in results) == list(range(len(paths)))


def test_a_photograph_has_its_content_and_the_embedding_that_one_process_makes_of_it(
    results, paths, real_encoder
):
    for place, photo in results:
        if place in (40, COUNT + 1):
            continue
        alone = embed_photo(ItemPhoto(paths[place]), real_encoder)
        assert isinstance(photo, Photo) and isinstance(photo.embedding, Embedding)
        assert photo.content == alone.content == sha256(paths[place].read_bytes()).digest()
        assert photo.embedding.picture == alone.embedding.picture
        np.testing.assert_array_equal(
            photo.embedding.views.vectors[0], alone.embedding.views.vectors[0], strict=True
        )


def test_a_file_that_can_not_be_read_says_why_in_its_place(results):
    missing = dict(results)[40]
    assert isinstance(missing, UnreadableImage) and "can't be read" in str(missing)


def test_a_file_that_is_no_photograph_has_a_content_and_says_why_it_has_no_embedding(results, paths):
    text = dict(results)[COUNT + 1]
    assert isinstance(text.embedding, UnreadableImage) and "not an image" in str(text.embedding)
    assert text.content == sha256(paths[-1].read_bytes()).digest()


@pytest.mark.filterwarnings("ignore:.*cancelled:UserWarning:joblib")
def test_work_that_is_given_up_ends(embedder, paths, real_encoder):
    work = embedder.embed([ItemPhoto(path) for path in paths], real_encoder)
    place, _ = next(work)
    assert place in range(len(paths))
    work.close()


def test_a_few_photographs_start_no_process_unless_there_are_some(paths, real_encoder, monkeypatch):
    ways, embedder = [], LocalEmbedder(2)

    def noted(name):
        def work(function, sources, **_):
            ways.append(name)
            yield from ()

        return work

    for name in ("in_threads", "in_order"):
        monkeypatch.setattr(embedders, name, noted(name))
    monkeypatch.setattr(embedders, "FEW", 3)
    for count in (3, 4, 3):
        list(embedder.embed([ItemPhoto(path) for path in paths[:count]], real_encoder))
    assert ways == ["in_threads", "in_order", "in_order"]
