import shutil
from hashlib import sha256

import numpy as np
import pytest

from index.embedding.cache import EmbeddingCache
from index.embedding.embedder import embed_photo
from index.embedding.embeddings import embed_catalogue, reencode
from training.catalogue.reader import Catalogue, Item, read_catalogue
from training.photo.encoder import PRETRAINED, Encoder


@pytest.fixture
def catalogue(catalogue_path):
    return read_catalogue(str(catalogue_path))


def test_every_readable_item_has_the_vector_of_its_own_photograph(catalogue, encoder):
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    assert [item.item_id for item in embedded.items] == [item.item_id for item in catalogue.items[:8]]
    assert embedded.vectors.dtype == np.float32 and embedded.vectors.shape == (8, encoder.dimension)
    np.testing.assert_allclose(
        embedded.vectors, encoder.embed([item.path for item in embedded.items]), atol=1e-6
    )


def test_unreadable_photographs_are_left_out_with_item_path_and_reason(catalogue, encoder):
    bad = embed_catalogue(catalogue, encoder, processes=1).bad
    assert [item.item_id for item in bad] == ["broken-1", "broken-2"]
    assert bad[0].path.endswith("truncated.jpg") and bad[1].path.endswith("text.jpg")
    assert all(item.reason for item in bad) and bad[0].reason != bad[1].reason


def test_a_catalogue_without_a_readable_photograph_has_no_vectors(tmp_path, encoder):
    (tmp_path / "text.jpg").write_text("no photograph at all, only a text of some length\n")
    catalogue = Catalogue("folder", (Item("a", tmp_path / "text.jpg"),), ())
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    assert embedded.items == () and embedded.vectors.shape == (0, encoder.dimension)
    assert len(embedded.bad) == 1


@pytest.mark.parametrize("progress", [True, False])
def test_progress_goes_to_standard_error_when_asked_for(catalogue, encoder, capsys, progress):
    embed_catalogue(catalogue, encoder, processes=1, progress=progress)
    out, err = capsys.readouterr()
    assert out == "" and ("10/10" in err) is progress


@pytest.fixture
def embed(catalogue_path, encoder, tmp_path):
    """Embed the catalogue as a build does, with the cache of `tmp_path`."""

    def run():
        with EmbeddingCache(tmp_path / "cache", encoder) as cache:
            return embed_catalogue(read_catalogue(str(catalogue_path)), encoder, cache=cache, processes=1)

    return run


@pytest.fixture
def encoded(encoder, monkeypatch):
    """Counts the garments that are encoded."""
    counts = []
    embed = encoder.embed_garments
    monkeypatch.setattr(
        encoder, "embed_garments", lambda garments: counts.append(len(garments)) or embed(garments)
    )
    return counts


def test_photographs_are_encoded_one_by_one(catalogue, encoder, encoded):
    embed_catalogue(catalogue, encoder, processes=1)
    assert encoded == [1] * 8


def test_a_vector_of_the_real_encoder_is_the_same_to_the_bit_whatever_stands_beside_it(catalogue):
    encoder = Encoder.load(PRETRAINED)
    all_of_them = embed_catalogue(catalogue, encoder, processes=1)
    backwards = Catalogue("folder", catalogue.items[4:8][::-1], ())
    np.testing.assert_array_equal(
        embed_catalogue(backwards, encoder, processes=1).vectors, all_of_them.vectors[4:8][::-1]
    )


def test_what_was_embedded_before_is_not_encoded_again(embed, encoded):
    first = embed()
    again = embed()
    assert len(encoded) == 8 and (first.cached, again.cached) == (0, 8)
    assert again.items == first.items and again.bad == first.bad
    for name in ("vectors", "pictures", "contents"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


def test_only_a_changed_photograph_is_encoded_and_all_vectors_are_those_of_a_full_build(
    embed, encoded, encoder, catalogue_path
):
    embed()
    encoded.clear()
    shutil.copy(catalogue_path.parent / "round-1.png", catalogue_path.parent / "square-3.png")
    changed = embed()
    assert encoded == [] and changed.cached == 8  # its new content was known under another name
    (catalogue_path.parent / "square-2.png").write_bytes(
        (catalogue_path.parent / "square-2.png").read_bytes() + b"a trailing byte"
    )
    again = embed()
    assert encoded == [1] and again.cached == 7
    full = embed_catalogue(read_catalogue(str(catalogue_path)), encoder, processes=1)
    np.testing.assert_array_equal(again.vectors, full.vectors)


def test_one_content_under_several_names_is_encoded_once(catalogue_path, encoder, encoded):
    folder = catalogue_path.parent
    for number in range(3):
        shutil.copy(folder / "round-0.png", folder / f"copy-{number}.png")
        shutil.copy(folder / "text.jpg", folder / f"text-{number}.jpg")
    with catalogue_path.open("a") as file:
        file.writelines(
            f"{name}-{number},{name}-{number}.{end},round\n"
            for name, end in (("copy", "png"), ("text", "jpg"))
            for number in range(3)
        )
    embedded = embed_catalogue(read_catalogue(str(catalogue_path)), encoder, processes=1)
    assert len(encoded) == 8 and len(embedded.items) == 11
    np.testing.assert_array_equal(embedded.vectors[8:], embedded.vectors[[0, 0, 0]])
    assert [item.item_id for item in embedded.bad] == ["broken-1", "broken-2", "text-0", "text-1", "text-2"]
    assert len({item.reason for item in embedded.bad[1:]}) == 1


def test_the_content_of_each_item_is_the_digest_of_its_file(embed):
    embedded = embed()
    for item, content in zip(embedded.items, embedded.contents, strict=True):
        assert content.tobytes() == sha256(item.path.read_bytes()).digest()


@pytest.fixture
def repeated(catalogue_path):
    """A catalogue in which one photograph stands twice, and its folder."""
    folder = catalogue_path.parent
    shutil.copy(folder / "round-0.png", folder / "copy.png")
    with catalogue_path.open("a") as file:
        file.write("copy,copy.png,round\n")
    catalogue = read_catalogue(str(catalogue_path))
    return catalogue, folder


def test_a_photograph_that_is_replaced_while_it_waits_is_known_by_what_was_encoded(
    repeated, encoder, monkeypatch
):
    catalogue, folder = repeated
    paths = []

    def read_late(photo, encoder):
        if not paths:
            shutil.copy(folder / "square-0.png", folder / "round-0.png")
        paths.append(photo.path.name)
        return embed_photo(photo, encoder)

    monkeypatch.setattr("index.embedding.embedders.embed_photo", read_late)
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    expected = encoder.embed([folder / "square-0.png", folder / "copy.png"])
    np.testing.assert_array_equal(embedded.vectors[[0, -1]], expected)
    assert paths.count("copy.png") == 1
    assert embedded.contents[0].tobytes() == sha256((folder / "square-0.png").read_bytes()).digest()


def test_a_photograph_that_goes_while_it_waits_takes_no_other_item_with_it(repeated, encoder, monkeypatch):
    catalogue, folder = repeated

    def read_late(photo, encoder):
        (folder / "round-0.png").unlink(missing_ok=True)
        return embed_photo(photo, encoder)

    monkeypatch.setattr("index.embedding.embedders.embed_photo", read_late)
    embedded = embed_catalogue(catalogue, encoder, processes=1)
    assert [item.item_id for item in embedded.bad] == ["round-0", "broken-1", "broken-2"]
    assert embedded.items[-1].item_id == "copy"


def test_all_garments_of_a_photograph_are_embedded_each_by_itself_and_kept_apart_from_one_alone(
    wearing, encoder, encoded, tmp_path
):
    upper, trousers = (80, 62, 160, 132), (100, 140, 140, 290)
    wearing.photo(person=(95, 5, 145, 60), upper=upper, trousers=trousers).save(tmp_path / "outfit.png")
    wearing.photo(trousers=trousers).save(tmp_path / "trousers.png")
    names = [("Chinos", "outfit"), ("Jeans", "trousers"), ("Trousers", "outfit")]
    items = tuple(Item(kind, tmp_path / f"{name}.png", {"category": kind}) for kind, name in names)
    catalogue = Catalogue("outfits", items, ())

    def embed(garments):
        with EmbeddingCache(tmp_path / "cache", encoder) as cache:
            return embed_catalogue(catalogue, encoder, garments=garments, cache=cache, processes=1)

    every = embed("all")
    assert len(encoded) == 3 and every.cached == 0
    assert every.owners.tolist() == [0, 1, 2, 0, 2] and len(every.pictures) == len(every.contents) == 3
    boxes = np.array([trousers, trousers, trousers, upper, upper]) / (240, 380, 240, 380)
    np.testing.assert_allclose(every.boxes, boxes, atol=0.02)
    np.testing.assert_array_equal(every.vectors[[0, 3]], every.vectors[[2, 4]])
    own = embed("item")
    assert own.cached == 3 and own.owners is None and own.boxes is None
    np.testing.assert_array_equal(own.vectors, every.vectors[:3])
    again = embed("all")
    assert again.cached == 3 and len(encoded) == 3
    for name in ("vectors", "owners", "boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(every, name))
    rows, vectors = reencode(every, encoder)
    np.testing.assert_array_equal(vectors, every.vectors[rows])
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4]


def test_one_photograph_is_embedded_once_for_each_type_of_garment_that_its_items_name(
    wearing, encoder, encoded, tmp_path
):
    photograph = wearing.photo(
        person=(95, 5, 145, 60), upper=(80, 62, 160, 132), trousers=(100, 140, 140, 290)
    )
    photograph.save(tmp_path / "outfit.png")
    categories = ("T-shirts", "Chinos", "blouse", "sale", "hats")
    items = tuple(Item(category, tmp_path / "outfit.png", {"category": category}) for category in categories)
    catalogue = Catalogue("outfits", items, ())
    with EmbeddingCache(tmp_path / "cache", encoder) as cache:
        first = embed_catalogue(catalogue, encoder, cache=cache, processes=1)
    assert len(encoded) == 4  # upper, trousers, none named, and a hat, of which there is none
    shirt, chinos, blouse, sale, hat = first.vectors
    assert (shirt == blouse).all() and not np.allclose(shirt, chinos, atol=0.1)
    assert (sale == hat).all() and ((sale == shirt).all() or (sale == chinos).all())
    with EmbeddingCache(tmp_path / "cache", encoder) as cache:
        again = embed_catalogue(catalogue, encoder, cache=cache, processes=1)
    assert len(encoded) == 4 and again.cached == 5
    np.testing.assert_array_equal(again.vectors, first.vectors)


@pytest.fixture
def looks(tmp_path, encode_image):
    """The path of a photograph of a dark rectangle that many pixels wide."""

    def look(width):
        photo = np.full((150, 120, 3), 255, np.uint8)
        photo[20:130, 10 : 10 + width] = 40
        path = tmp_path / f"{width}.png"
        path.write_bytes(encode_image(photo))
        return path

    return look


def test_each_photograph_of_an_item_has_a_vector_of_its_own(
    looks, encoder, encoded, plain_garments, tmp_path
):
    photographs = [looks(width) for width in (30, 50, 70, 90)]
    items = (
        Item("coat", photographs[0], {}, (photographs[1], photographs[2])),
        Item("hat", photographs[3]),
        Item("scarf", photographs[1], {}, (photographs[3],)),
    )

    def embed():
        with EmbeddingCache(tmp_path / "cache", encoder) as cache:
            return embed_catalogue(Catalogue("shop", items, ()), encoder, cache=cache, processes=1)

    embedded = embed()
    assert len(encoded) == 4 and embedded.garments == "item"
    assert embedded.owners.tolist() == [0, 1, 2, 0, 0, 2]
    assert embedded.photographs.tolist() == [0, 0, 0, 1, 2, 1]
    own = encoder.embed([photographs[at] for at in (0, 3, 1, 1, 2, 3)])
    assert embedded.boxes.shape == (6, 4) and len(embedded.pictures) == 3
    one = embed_catalogue(Catalogue("shop", items[1:2], ()), encoder, processes=1)
    assert one.owners is None and one.contents[0].tobytes() == embedded.contents[1].tobytes()
    digests = [sha256(path.read_bytes()).digest() for path in items[0].photographs]
    assert embedded.contents[0].tobytes() == sha256(b"".join(digests)).digest()
    np.testing.assert_allclose(embedded.vectors, own, atol=1e-6)
    again = embed()
    assert again.cached == 3 and len(encoded) == 6
    looks(30).write_bytes(looks(35).read_bytes())
    assert embed().cached == 2
    rows, vectors = reencode(embedded, encoder)
    assert sorted(rows.tolist()) == [1, 2, 5]  # a photograph of the coat is another one since
    np.testing.assert_array_equal(vectors, embedded.vectors[rows])


def test_an_item_stays_with_the_photographs_that_can_be_read(looks, encoder, plain_garments, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_text("no photograph at all, only a text of some length\n")
    items = (
        Item("coat", broken, {"price": 9}, (looks(50), broken, looks(70))),
        Item("hat", broken, {}, (tmp_path / "gone.png",)),
        Item("scarf", looks(90)),
    )
    embedded = embed_catalogue(Catalogue("shop", items, ()), encoder, processes=1)
    assert embedded.items == (Item("coat", looks(50), {"price": 9}, (looks(70),)), items[2])
    assert embedded.owners.tolist() == [0, 1, 0] and embedded.photographs.tolist() == [0, 0, 1]
    assert [(bad.item_id, bad.path.rpartition("/")[2]) for bad in embedded.bad] == [
        *[("coat", "broken.png")] * 2,
        *[("hat", name) for name in ("broken.png", "gone.png")],
    ]


def test_all_garments_of_all_photographs_are_views_of_an_item(wearing, encoder, tmp_path):
    upper, trousers = (80, 62, 160, 132), (100, 140, 140, 290)
    wearing.photo(person=(95, 5, 145, 60), upper=upper, trousers=trousers).save(tmp_path / "worn.png")
    wearing.photo(trousers=trousers).save(tmp_path / "laid out.png")
    coat = Item("jeans", tmp_path / "worn.png", {"category": "Jeans"}, (tmp_path / "laid out.png",))
    embedded = embed_catalogue(Catalogue("shop", (coat,), ()), encoder, garments="all", processes=1)
    assert embedded.owners.tolist() == [0, 0, 0] and embedded.photographs.tolist() == [0, 0, 1]
    boxes = np.array([trousers, upper, trousers]) / (240, 380, 240, 380)
    np.testing.assert_allclose(embedded.boxes, boxes, atol=0.02)
