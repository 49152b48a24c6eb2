import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import IndexDamaged, ItemUnknown, NoIndex
from index.pages import SearchOptions
from index.stores.folder.publish import CURRENT, activate
from index.stores.folder.searcher import Page, Searcher
from training.catalogue.reader import Item
from training.errors import EncoderMismatch


def ids(page):
    return [hit.item.item_id for hit in page.hits]


def test_a_search_lists_the_items_of_brute_force_with_ranks_and_scores(searcher, unit_vectors):
    vectors, query = unit_vectors(40), unit_vectors(1, seed=5)
    (page,) = searcher.search(query, SearchOptions(limit=5))
    scores = vectors @ query[0]
    rows = np.argsort(-scores)[:5]
    assert ids(page) == [f"sku-{row}" for row in rows]
    assert [hit.rank for hit in page.hits] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([hit.score for hit in page.hits], scores[rows], atol=1e-6)
    assert (page.total, page.next_offset) == (40, 5)


def test_percentiles_fall_with_the_scores_and_say_how_rare_they_are(searcher, unit_vectors):
    (page,) = searcher.search(unit_vectors(40)[3:4], SearchOptions(limit=40))
    percentiles = [hit.percentile for hit in page.hits]
    assert percentiles[0] == 100.0 and percentiles == sorted(percentiles, reverse=True)
    assert 35 < np.median(percentiles) < 65


def test_several_queries_have_a_page_each(searcher, unit_vectors):
    pages = searcher.search(unit_vectors(40)[:3], SearchOptions(limit=1))
    assert [ids(page) for page in pages] == [["sku-0"], ["sku-1"], ["sku-2"]]
    assert searcher.search(np.empty((0, 16), np.float32), SearchOptions(limit=1)) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 50), offset=st.integers(0, 60), min_score=st.sampled_from([-1.0, 0.0, 0.2, 1.0]))
def test_every_page_is_a_cut_of_one_ranking(searcher, unit_vectors, limit, offset, min_score):
    scores = unit_vectors(40) @ unit_vectors(1, seed=5)[0]
    ranking = [f"sku-{row}" for row in np.argsort(-scores) if scores[row] >= min_score]
    (page,) = searcher.search(
        unit_vectors(1, seed=5), SearchOptions(limit=limit, offset=offset, min_score=min_score)
    )
    assert ids(page) == ranking[offset : offset + limit]
    assert [hit.rank for hit in page.hits] == list(range(offset + 1, offset + 1 + len(page.hits)))
    assert page.total == len(ranking)
    assert page.next_offset == (offset + limit if offset + limit < len(ranking) else None)


def test_identical_photographs_are_paged_without_gap_or_repetition(
    indexes, encoder, publish_version, unit_vectors
):
    publish_version(np.repeat(unit_vectors(3), 30, axis=0))
    searcher = Searcher.open(indexes, encoder=encoder)
    query = unit_vectors(3)[1:2]
    pages = [searcher.search(query, SearchOptions(limit=7, offset=offset))[0] for offset in range(0, 90, 7)]
    listed = [item_id for page in pages for item_id in ids(page)]
    assert listed[:30] == [f"sku-{row}" for row in range(30, 60)]
    assert len(set(listed)) == len(listed) == 90


def test_a_score_of_rounding_above_1_is_given_as_1(indexes, encoder, publish_version):
    vectors = np.eye(3, dtype=np.float32) * np.float32(1.00005)
    publish_version(vectors)
    (page,) = Searcher.open(indexes, encoder=encoder).search(-vectors[:1], SearchOptions(limit=3))
    assert page.total == 3 and page.hits[-1].score == -1.0


def test_an_item_is_not_among_its_own_neighbours(searcher, unit_vectors):
    vectors = unit_vectors(40)
    order = [row for row in np.argsort(-(vectors @ vectors[7])) if row != 7]
    page = searcher.similar("sku-7", SearchOptions(limit=4))
    assert ids(page) == [f"sku-{row}" for row in order[:4]]
    assert [hit.rank for hit in page.hits] == [1, 2, 3, 4]
    assert (page.total, page.next_offset) == (39, 4)
    everything = searcher.similar("sku-7", SearchOptions(limit=20, offset=20))
    assert ids(everything) == [f"sku-{row}" for row in order[20:]]
    assert everything.next_offset is None


def test_neighbours_above_a_score_are_counted_without_the_item(searcher, unit_vectors):
    vectors = unit_vectors(40)
    above = int(((vectors @ vectors[7]) >= 0.1).sum()) - 1
    assert searcher.similar("sku-7", SearchOptions(limit=1, min_score=0.1)).total == above


def test_the_only_item_has_no_neighbours(indexes, encoder, publish_version, unit_vectors):
    publish_version(unit_vectors(1))
    page = Searcher.open(indexes, encoder=encoder).similar("sku-0", SearchOptions(limit=5))
    assert page == Page(hits=(), total=0, next_offset=None)


def test_an_item_and_its_vector_are_found_by_id(searcher, unit_vectors):
    assert searcher.item("sku-4") == Item(
        "sku-4", Path("/photographs/4.jpg"), {"category": "skirt", "price": 4}
    )
    np.testing.assert_array_equal(searcher.vector("sku-4"), unit_vectors(40)[4])


def test_an_unknown_item_is_named(searcher):
    for ask in (
        searcher.item,
        searcher.vector,
        lambda item_id: searcher.similar(item_id, SearchOptions(limit=1)),
    ):
        with pytest.raises(ItemUnknown, match="'sku-99'"):
            ask("sku-99")


def test_without_an_index_the_error_says_how_to_build_one(indexes, encoder):
    with pytest.raises(NoIndex, match="python -m index build"):
        Searcher.open(indexes, encoder=encoder)


def test_another_encoder_is_refused_with_both_fingerprints(indexes, make_encoder, publish_version):
    publish_version(encoder="a" * 64)
    with pytest.raises(EncoderMismatch, match="a{12}.*b{12}"):
        Searcher.open(indexes, encoder=make_encoder("b" * 64))


@pytest.mark.parametrize("name", ["vectors.faiss", "items.sqlite"])
def test_a_flipped_bit_is_refused_at_opening(indexes, encoder, publish_version, flip_a_bit, name):
    flip_a_bit(indexes / publish_version() / name)
    with pytest.raises(IndexDamaged, match=name):
        Searcher.open(indexes, encoder=encoder)


def test_a_search_writes_nothing_into_the_folder(indexes, encoder, publish_version, unit_vectors):
    folder = indexes / publish_version()
    before = sorted(path.name for path in folder.iterdir())
    Searcher.open(indexes, encoder=encoder).search(unit_vectors(1), SearchOptions(limit=1))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_new_version_is_taken_up(searcher, publish_version, unit_vectors):
    assert searcher.refresh() is False
    second = publish_version(unit_vectors(50, seed=1), night=1)
    assert searcher.refresh() is True
    assert searcher.manifest.version == second
    (page,) = searcher.search(unit_vectors(50, seed=1)[49:], SearchOptions(limit=1))
    assert ids(page) == ["sku-49"] and page.total == 50


def test_going_back_is_taken_up_too(searcher, indexes, publish_version):
    first = searcher.manifest.version
    publish_version(seed=1, night=1)
    assert searcher.refresh()
    activate(indexes, first)
    assert searcher.refresh()
    assert searcher.manifest.version == first


def test_without_a_change_nothing_is_opened(searcher, monkeypatch):
    monkeypatch.setattr("index.stores.folder.searcher.current_version", lambda _: pytest.fail("opened"))
    assert searcher.refresh() is False


def test_the_same_version_activated_again_changes_nothing(searcher, indexes):
    activate(indexes, searcher.manifest.version)
    assert searcher.refresh() is False


def broken_by_a_bit(indexes, version, flip_a_bit):
    flip_a_bit(indexes / version / "vectors.faiss")


def broken_by_removal(indexes, version, flip_a_bit):
    (indexes / version).rename(indexes / "elsewhere")


def broken_pointer(indexes, version, flip_a_bit):
    (indexes / CURRENT).write_bytes(b"\xff\xfe no version")


@pytest.mark.parametrize("broken", [broken_by_a_bit, broken_by_removal, broken_pointer])
def test_a_new_version_that_is_damaged_is_logged_once_and_the_old_one_stays(
    searcher, indexes, publish_version, flip_a_bit, unit_vectors, caplog, broken
):
    first = searcher.manifest.version
    broken(indexes, publish_version(seed=1, night=1), flip_a_bit)
    with caplog.at_level(logging.ERROR):
        assert [searcher.refresh() for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1 and first in caplog.text
    assert searcher.manifest.version == first
    assert ids(searcher.search(unit_vectors(40)[3:4], SearchOptions(limit=1))[0]) == ["sku-3"]


def test_a_new_version_of_another_encoder_is_not_taken_up_and_the_next_one_is(
    searcher, publish_version, caplog
):
    first = searcher.manifest.version
    publish_version(encoder="e" * 64, night=1)
    assert searcher.refresh() is False
    assert searcher.manifest.version == first and "e" * 12 in caplog.text
    third = publish_version(night=2)
    assert searcher.refresh() is True
    assert searcher.manifest.version == third


def test_a_pointer_that_vanishes_leaves_the_old_version(searcher, indexes):
    (indexes / CURRENT).unlink()
    assert searcher.refresh() is False


def test_a_failed_switch_leaves_the_old_version_served(searcher, publish_version, monkeypatch):
    first = searcher.manifest.version

    def fail(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(Exception, match="Input/output"):
            publish_version(seed=1, night=1)
    assert searcher.refresh() is False
    assert searcher.manifest.version == first


def test_a_snapshot_stays_with_its_version(searcher, publish_version):
    snapshot = searcher.snapshot()
    first = searcher.manifest.version
    publish_version(seed=1, night=1)
    assert searcher.refresh()
    assert snapshot.manifest.version == first != searcher.manifest.version


def test_no_search_fails_while_versions_are_switched(searcher, publish_version, unit_vectors):
    """Every version has its own count, so that a mixture of two would be seen."""
    query, stop, searched = unit_vectors(1, seed=5), threading.Event(), threading.Event()
    failures, seen = [], set()

    def ask():
        while not stop.is_set():
            try:
                (page,) = searcher.search(query, SearchOptions(limit=3))
                seen.add(page.total)
                similar = searcher.similar("sku-1", SearchOptions(limit=3))
                if len(page.hits) != 3 or len(similar.hits) != 3:
                    failures.append(page)
            except Exception as error:
                failures.append(error)
            searched.set()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for night in range(1, 11):
        publish_version(unit_vectors(40 + night, seed=night), night=night)
        assert searcher.refresh()
        searched.clear()
        assert searched.wait(timeout=30)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(seen) > 1 and seen <= set(range(40, 51))


def test_the_manifest_says_what_is_served(searcher, encoder):
    manifest = searcher.manifest
    assert manifest.encoder == encoder.fingerprint == searcher.encoder.fingerprint
    assert (manifest.items, manifest.kind, manifest.dimension) == (40, "flat", 16)
    assert datetime.fromisoformat(manifest.built_at) == datetime(2026, 11, 21, 2, tzinfo=UTC)
