"""Items with several photographs, in each store, held against comparing all views, the best of each item."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.backup import restore_backup, write_backup
from index.edits import Delete
from index.errors import InvalidChange
from index.filters.parse import parse_filter
from index.pages import SearchOptions
from index.views import Views
from training.catalogue.reader import Item

CHEAP = parse_filter({"price": {"lt": 20}})
COPIES = {7, 12, 30}
COUNT = 36


def views_of(number: int, *counts: int, dimension: int = 16) -> Views:
    """Views of as many photographs as there are counts, with so many garments each."""
    rng = np.random.default_rng(1000 + number)
    photographs = np.repeat(np.arange(len(counts)), counts)
    vectors = rng.standard_normal((len(photographs), dimension)).astype(np.float32)
    boxes = rng.random((len(photographs), 4)).astype(np.float32)
    return Views(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), boxes, photographs)


def item_of(number: int, photographs: int) -> Item:
    first, *further = [Path(f"/shop/{number}-{photograph}.jpg") for photograph in range(photographs)]
    return Item(f"sku {number}/ü", first, {"price": number}, tuple(further))


class Gallery(tuple):
    """Items, their views, and the hashes of their first photographs."""

    def __repr__(self) -> str:
        return "gallery"


@pytest.fixture(scope="session")
def gallery():
    """Items with 1 to 4 photographs of 1 to 3 garments; those of `COPIES` repeat each other."""
    rng = np.random.default_rng(3)
    counts = [rng.integers(1, 4, size=1 + number % 4).tolist() for number in range(COUNT)]
    views = [views_of(number, *each) for number, each in enumerate(counts)]
    first = views[min(COPIES)].vectors[0]
    views = [
        Views(np.vstack([first, each.vectors[1:]]), each.boxes, each.photographs)
        if number in COPIES
        else each
        for number, each in enumerate(views)
    ]
    items = [item_of(number, len(each)) for number, each in enumerate(counts)]
    pictures = np.arange(COUNT, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(4)
    pictures[list(COPIES)] = 0
    return Gallery((items, views, pictures))


@pytest.fixture(scope="module", params=["folder", "lite", "server"])
def filled(request, shop_at, gallery):
    shop = shop_at(request.param)
    shop.manifest = shop.publish(*gallery)
    shop.searcher = shop.open()
    return shop


def ranking(gallery, query, *, collapse=False, where=None, without=()):
    """Score, number, photograph and box of each item's best view, the best first."""
    items, views, _ = gallery
    best = []
    for number, (item, each) in enumerate(zip(items, views, strict=True)):
        if number in without or (where and not where.matches(item.metadata)):
            continue
        scores = each.vectors.astype(float) @ query.astype(float)
        at = int(scores.argmax())
        best.append((float(scores[at]), number, int(each.photographs[at]), each.boxes[at]))
    best.sort(key=lambda found: (-round(found[0], 7), found[1]))  # those of copies in the items' order
    if collapse:
        first = [found for found in best if found[1] in COPIES][:1]
        best = [found for found in best if found[1] not in COPIES or found in first]
    return best


def check(page, expected, options):
    """The page is a cut of the expected ranking."""
    expected = [found for found in expected if found[0] >= options.min_score]
    assert page.total == len(expected)
    shown = expected[options.offset : options.end]
    assert [hit.item.metadata["price"] for hit in page.hits] == [number for _, number, *_ in shown]
    for hit, (score, number, photograph, box) in zip(page.hits, shown, strict=True):
        assert hit.score == pytest.approx(score, abs=1e-5)
        assert (hit.photograph, hit.box) == (photograph, pytest.approx(box.tolist(), abs=1e-6))
        assert hit.item.photographs[photograph] == Path(f"/shop/{number}-{photograph}.jpg")
    assert page.next_offset == (options.end if options.end < len(expected) else None)


@settings(max_examples=25, deadline=None)
@example(seed=846, limit=COUNT, offset=0, min_score=-1.0, collapse=False, cheap=False)  # nearly equal scores
@given(
    seed=st.integers(0, 1000),
    limit=st.integers(1, COUNT),
    offset=st.integers(0, COUNT),
    min_score=st.sampled_from([-1.0, 0.1, 0.4]),
    collapse=st.booleans(),
    cheap=st.booleans(),
)
def test_every_page_lists_each_item_once_by_its_best_view(
    filled, gallery, numbered, seed, limit, offset, min_score, collapse, cheap
):
    where = CHEAP if cheap else None
    options = SearchOptions(limit, offset, min_score, where, collapse)
    (page,) = filled.searcher.search(numbered(seed)[None], options)
    check(page, ranking(gallery, numbered(seed), collapse=collapse, where=where), options)


def test_an_item_is_found_by_each_of_its_photographs_and_shows_all(filled, gallery):
    items, views, _ = gallery
    for number in (2, 3, 5):
        for vector, photograph in zip(views[number].vectors, views[number].photographs, strict=True):
            (page,) = filled.searcher.search(vector[None], SearchOptions(1))
            assert (page.hits[0].item, page.hits[0].photograph) == (items[number], photograph)
        assert filled.searcher.item(items[number].item_id) == items[number]


def test_the_neighbours_of_an_item_are_other_items(filled, gallery):
    items, views, _ = gallery
    for number, collapse in ((3, False), (12, True)):
        options = SearchOptions(COUNT, collapse=collapse)
        page = filled.searcher.similar(items[number].item_id, options)
        others = COPIES if collapse else {number}
        check(page, ranking(gallery, views[number].vectors[0], without=others), options)


def test_views_and_items_and_photographs_are_counted(filled, gallery):
    items, views, _ = gallery
    manifest, sizes = filled.manifest, [len(each) for each in views]
    assert (filled.searcher.count, manifest.items, manifest.vectors) == (COUNT, COUNT, sum(sizes))
    assert manifest.photographs == sum(len(item.photographs) for item in items)
    assert manifest.duplicates == len(COPIES) - 1 and filled.store.verify() == manifest
    assert len({item.item_id for item in filled.searcher.sample(12)}) == 12


def search(searcher, vector):
    """All items by one vector, with all changes."""
    searcher.refresh()
    return searcher.search(vector[None], SearchOptions(50))[0]


def found_by(searcher, views):
    """The first item and its photograph by each view."""
    hits = [search(searcher, vector).hits[0] for vector in views.vectors]
    return [(hit.item.item_id, hit.photograph) for hit in hits]


@pytest.mark.parametrize("several", [False, True], ids=["one vector an item", "several"])
def test_what_is_put_with_several_photographs_is_found_by_each_at_once_and_after_a_build(
    shop, plain, several
):
    items, vectors = plain(0, 1, 2)
    if several:
        items[0] = Item("sku-0", Path("/shop/a.jpg"), {}, (Path("/shop/b.jpg"),))
        vectors = [views_of(0, 1, 1), *vectors[1:]]
    shop.publish(items, vectors)
    searcher, coat, hat = shop.open(), views_of(50, 1, 1, 1), views_of(51, 1, 1)
    shop.put_views("coat", coat)
    shop.put_views("sku-1", hat)
    for _ in range(2):
        assert found_by(searcher, coat) == [("coat", 0), ("coat", 1), ("coat", 2)]
        assert found_by(searcher, hat) == [("sku-1", 0), ("sku-1", 1)]
        page = search(searcher, coat.vectors[0])
        assert page.total == searcher.count == len({hit.item.item_id for hit in page.hits}) == 4
        photographs = searcher.item("coat").photographs
        assert len(photographs) == 3 and all(path.is_file() for path in photographs)
        shop.publish(items, vectors)
        shop.store.prune(keep=1)
        searcher = shop.connect().open(encoder=shop.encoder)
    shop.put_views("coat", views_of(52, 1))
    assert found_by(searcher, views_of(52, 1)) == [("coat", 0)]
    page = search(searcher, coat.vectors[1])
    assert page.total == 4 and page.hits[0].score < 0.99
    shop.store.changes.write_one(Delete("sku-1"))
    page = search(searcher, hat.vectors[1])
    assert page.total == 3 and "sku-1" not in [hit.item.item_id for hit in page.hits]


def test_a_backup_brings_all_photographs_back(shop, plain, tmp_path):
    shop.publish(*plain(0, 1))
    coat = views_of(60, 1, 1)
    shop.put_views("coat", coat)
    written = write_backup(shop.store, tmp_path / "b.zip")
    assert (written.changes, written.photographs) == (1, 2)
    shop.put_views("coat", views_of(61, 1))
    assert restore_backup(shop.store, tmp_path / "b.zip").photographs == 2
    (state,) = shop.connect().changes.since(0)
    assert [path.is_file() for path in state.item.photographs] == [True, True]
    np.testing.assert_array_equal(state.views.photographs, coat.photographs)
    assert found_by(shop.connect().open(encoder=shop.encoder), coat) == [("coat", 0), ("coat", 1)]


def test_a_photograph_of_several_that_is_missing_is_damage(shop):
    shop.put_views("coat", views_of(60, 1, 1))
    assert shop.store.changes.damage() == []
    shop.store.changes.state("coat").item.photographs[1].unlink()
    (problem,) = shop.store.changes.damage()
    assert "can't be read" in problem


def test_an_item_is_not_put_with_more_than_twenty_photographs(shop):
    with pytest.raises(InvalidChange, match="The item has 21 photographs. Accepted: 1 to 20"):
        shop.put_views("coat", views_of(60, *[1] * 21))
    assert shop.store.changes.since(0) == []
