"""An index of all garments, in each store, held against comparing all that are found, the best of an item."""

from collections import Counter

import numpy as np
import pytest

from index.backup import restore_backup, write_backup
from index.build import BuildOptions, build_index
from index.editing import delete_item, put_item
from index.filters.parse import parse_filter
from index.gate.checks import Limits
from index.head import Arrangement
from index.pages import SearchOptions
from index.views import ALL, ITEM
from training.catalogue.reader import Catalogue, read_catalogue
from training.photo.garment import WORKING_SIZE, item_garments
from training.photo.garment_types import type_of
from training.photo.images import decode

pytest.importorskip("cv2", reason="drawn people need OpenCV")

LENIENT = Limits(max_drop=1)


def seen(item, encoder):
    """The vectors and boxes of all garments that are found in an item's photograph, its own first."""
    photo = decode(item.path, size=WORKING_SIZE)
    found = item_garments(photo, type_of(item.category), encoder.segmenter)
    vectors = np.concatenate([encoder.embed_garments([garment]) for garment in found])
    return vectors, [garment.box for garment in found]


@pytest.fixture(scope="session")
def people(tmp_path_factory, make_encoder):
    """Drawn people in whose pictures at least two garments are found, and what is found in each."""
    listed = read_catalogue("drawn-worn:60:5", cache=tmp_path_factory.mktemp("people")).items
    found = {item.item_id: seen(item, make_encoder()) for item in listed}
    several = [item for item in listed if len(found[item.item_id][1]) > 1][:7]
    assert len(several) == 7
    return several, found


@pytest.fixture(params=["folder", "lite", "server"])
def shop(request, shop_at, make_encoder):
    shop = shop_at(request.param)
    shop.encoder = make_encoder()
    return shop


@pytest.fixture
def build(shop, tmp_path):
    def build(items, garments=ALL, **options):
        chosen = BuildOptions(
            garments=garments, limits=LENIENT, cache=tmp_path / "cache", processes=1, **options
        )
        catalogue = Catalogue("shop.csv", tuple(items), ())
        return build_index(catalogue, shop.encoder, indexes=shop.indexes, store=shop.store, options=chosen)

    return build


def best(found, item_ids, query):
    """The best score of each item, and the box of the garment that has it."""
    scores = {item_id: found[item_id][0] @ query for item_id in item_ids}
    return {
        item_id: (float(each.max()), found[item_id][1][int(each.argmax())])
        for item_id, each in scores.items()
    }


def check(page, expected):
    """The page lists every item once, by its best garment."""
    assert sorted(hit.item.item_id for hit in page.hits) == sorted(expected) and page.total == len(expected)
    scores = [hit.score for hit in page.hits]
    assert scores == sorted(scores, reverse=True)
    for hit in page.hits:
        score, box = expected[hit.item.item_id]
        assert hit.score == pytest.approx(score, abs=1e-4) and hit.box == pytest.approx(box, abs=1e-5)


def search(searcher, query, **options):
    return searcher.search(query[None], SearchOptions(**{"limit": 100, **options}))[0]


def test_an_item_is_found_by_each_of_its_garments_and_listed_once(shop, people, build):
    items, found = people
    manifest = build(items).manifest
    assert (manifest.items, manifest.garments) == (len(items), ALL)
    assert manifest.vectors == sum(len(found[item.item_id][1]) for item in items) > 2 * len(items) - 1
    assert shop.store.verify() == manifest
    searcher, ids = shop.open(), [item.item_id for item in items]
    assert searcher.count == len(items) and len({item.item_id for item in searcher.sample(3)}) == 3
    for item in items:
        vectors, boxes = found[item.item_id]
        for vector, box in zip(vectors, boxes, strict=True):
            page = search(searcher, vector)
            check(page, best(found, ids, vector))
            (first,) = [hit for hit in page.hits if hit.item == item]
            assert first.score == pytest.approx(1, abs=1e-4) and first.box == pytest.approx(box, abs=1e-5)
        np.testing.assert_allclose(searcher.vector(item.item_id), vectors[0], atol=1e-6)


def test_pages_thresholds_filters_and_neighbours_count_items(shop, people, build):
    items, found = people
    build(items)
    searcher, ids = shop.open(), [item.item_id for item in items]
    query = found[ids[0]][0][1]
    whole = search(searcher, query)
    parts = [search(searcher, query, limit=2, offset=offset) for offset in range(0, len(items), 2)]
    assert [hit for page in parts for hit in page.hits] == list(whole.hits)
    assert {page.total for page in parts} == {len(items)}
    counted = search(searcher, query, limit=2, arrangement=Arrangement(facets=("category",))).facets[0]
    kinds = Counter(item.category for item in items)
    assert dict(counted.values) == kinds and counted.missing == 0
    least = (whole.hits[2].score + whole.hits[3].score) / 2
    assert search(searcher, query, limit=1, min_score=least).total == 3
    category = items[0].category
    where = parse_filter({"category": category})
    same = [item.item_id for item in items if item.category == category]
    check(search(searcher, query, where=where), best(found, same, query))
    assert search(searcher, query, limit=1, where=where).total == len(same)
    check(search(searcher, query, collapse=True), best(found, ids, query))
    own = found[ids[0]][0][0]
    check(searcher.similar(ids[0], SearchOptions(limit=100)), best(found, ids[1:], own))
    check(searcher.similar(ids[0], SearchOptions(limit=100, collapse=True)), best(found, ids[1:], own))


def test_what_is_put_is_found_by_all_garments_through_restart_and_rebuild(shop, people, build):
    items, found = people
    build(items[:4])
    new, taken = items[5], items[6]
    put_item(shop.store, shop.encoder, new.item_id, new.path, new.metadata)
    put_item(shop.store, shop.encoder, items[1].item_id, taken.path, taken.metadata)
    delete_item(shop.store, items[0].item_id)
    now = {**found, items[1].item_id: found[taken.item_id]}
    ids = [items[1].item_id, items[2].item_id, items[3].item_id, new.item_id]
    for folded in (False, True):
        if folded:
            assert build(items[:4]).manifest.items == 4
        searcher = shop.connect().open(encoder=shop.encoder)
        assert searcher.count == 4
        for item_id in (*ids, items[0].item_id):
            for query in found[item_id][0]:
                check(search(searcher, query), best(now, ids, query))
    assert shop.store.verify().garments == ALL


def test_an_item_that_is_put_again_with_fewer_garments_is_not_found_by_the_former(shop, people, build):
    items, found = people
    many, few = (
        pick(items, key=lambda item: len(found[item.item_id][1]))
        for pick in (max, lambda items, key: min(items, key=key))
    )
    build([item for item in items if item not in (many, few)])
    put_item(shop.store, shop.encoder, "coat", many.path, many.metadata)
    put_item(shop.store, shop.encoder, "coat", few.path, few.metadata)
    searcher = shop.connect().open(encoder=shop.encoder)
    now = {**found, "coat": found[few.item_id]}
    ids = [item.item_id for item in items if item not in (many, few)] + ["coat"]
    for query in found[many.item_id][0]:
        check(search(searcher, query), best(now, ids, query))
    delete_item(shop.store, "coat")
    searcher = shop.connect().open(encoder=shop.encoder)
    check(search(searcher, query), best(now, ids[:-1], query))


def test_a_change_serves_versions_of_both_choices(shop, people, build):
    items, found = people
    one = build(items[:3], ITEM).manifest
    several = build(items[:3]).manifest
    assert one.garments == ITEM and one.vectors == one.items
    new = items[4]
    put_item(shop.store, shop.encoder, new.item_id, new.path, new.metadata)
    shop.store.activate(one.version)
    own, other = found[new.item_id][0][:2]
    (first, *_) = search(shop.connect().open(encoder=shop.encoder), own).hits
    assert (first.item.item_id, first.box) == (new.item_id, None)
    hits = search(shop.connect().open(encoder=shop.encoder), other).hits
    (hit,) = [hit for hit in hits if hit.item.item_id == new.item_id]
    assert hit.score == pytest.approx(float(own @ other), abs=1e-4)
    put_item(shop.store, shop.encoder, "late", items[5].path, items[5].metadata)
    shop.store.activate(several.version)
    searcher = shop.connect().open(encoder=shop.encoder)
    (first, *_) = search(searcher, other).hits
    assert first.item.item_id == new.item_id and first.score == pytest.approx(1, abs=1e-4)
    assert searcher.count == 5


def test_a_change_of_the_choice_encodes_only_what_is_new(people, build, monkeypatch):
    items, _ = people
    assert build(items, ITEM).cached == 0
    first = build(items)
    assert first.cached == 0 and first.difference.changed == first.difference.new == 0
    monkeypatch.setattr("index.embedding.embedder.cut_views", None)
    monkeypatch.setattr("index.build.reencode", lambda *_: None)
    again = build(items)
    assert again.cached == len(items) and again.manifest.vectors == first.manifest.vectors
    assert build(items, ITEM).cached == len(items)


def test_a_backup_brings_all_garments_back(shop, people, build, tmp_path):
    items, found = people
    build(items[:3])
    new = items[4]
    put_item(shop.store, shop.encoder, new.item_id, new.path, new.metadata)
    write_backup(shop.store, tmp_path / "b.zip")
    put_item(shop.store, shop.encoder, new.item_id, items[5].path, new.metadata)
    restore_backup(shop.store, tmp_path / "b.zip")
    (state,) = shop.connect().changes.since(0)
    np.testing.assert_allclose(state.views.vectors, found[new.item_id][0], atol=1e-6)
    ids = [item.item_id for item in items[:3]] + [new.item_id]
    for query in found[new.item_id][0]:
        check(search(shop.connect().open(encoder=shop.encoder), query), best(found, ids, query))
