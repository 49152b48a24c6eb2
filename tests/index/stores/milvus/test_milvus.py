"""What only Milvus can get wrong: servers that are gone, limits, races, clocks, leftovers of builds."""

import logging
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from index.edits import Delete, Forget, Put
from index.errors import (
    ChangeNotConfirmed,
    IndexDamaged,
    IndexNotWritten,
    InvalidChange,
    KindUnknown,
    NoIndex,
    RankingTooDeep,
    StoreFailed,
    StoreUnreachable,
)
from index.filters.facets import Facet
from index.pages import SearchOptions
from index.stores.address import open_store
from index.stores.milvus.index_types import MILVUS_KINDS
from training.catalogue.reader import Catalogue, Item
from training.errors import EncoderMismatch

NEEDS = "needs the client of Milvus: pip install -r requirements-scale.txt"
server = pytest.importorskip("index.stores.milvus.connection", reason=NEEDS)
changes_module = pytest.importorskip("index.stores.milvus.changes", reason=NEEDS)
ranking = pytest.importorskip("index.stores.milvus.ranking", reason=NEEDS)
parts = pytest.importorskip("index.stores.milvus.table", reason=NEEDS).parts


def collections(shop):
    names = shop.store._place.server.ask("list_collections")
    return sorted(name for name in names if name.startswith(f"{shop.store._place.server.address.prefix}_20"))


def first(shop, query):
    (page,) = shop.open().search(query[None], SearchOptions(limit=1))
    return page.hits[0].item.item_id


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(server, "CONNECT_SECONDS", 0.2)


def test_a_server_that_does_not_answer_is_named_and_left_alone_for_a_moment(tmp_path, impatient):
    store = open_store("milvus://u:secret@127.0.0.1:9", tmp_path)
    with pytest.raises(StoreUnreachable, match="milvus://127.0.0.1:9.* does not answer") as refused:
        store.versions()
    assert "secret" not in str(refused.value)
    begun = time.monotonic()
    with pytest.raises(StoreUnreachable):
        store.current()
    assert time.monotonic() - begun < 0.1


class Refusal(Exception):
    """An error of gRPC: its code is asked for, and has a name."""

    def __init__(self, name):
        self._name = name

    def code(self):
        return SimpleNamespace(name=self._name)


class Milvus(Exception):
    """An error of Milvus: its code is a number."""

    code, message = 2, "Fail connecting"


@pytest.mark.parametrize(
    ("name", "said"),
    [("UNAUTHENTICATED", "refuses the user and password"), ("UNAVAILABLE", "does not answer")],
)
def test_a_wrong_password_is_told_from_a_server_that_is_gone(tmp_path, monkeypatch, name, said):
    def refuse(*_, **__):
        raise Milvus from Refusal(name)

    monkeypatch.setattr(server, "MilvusClient", refuse)
    with pytest.raises(StoreUnreachable, match=said):
        open_store("milvus://root:wrong@host", tmp_path).versions()


def test_a_file_on_a_busy_machine_is_told_from_one_that_another_process_has_open(tmp_path, monkeypatch):
    class Starved:
        def has_collection(self, *_, **__):
            raise Refusal("DEADLINE_EXCEEDED")

    monkeypatch.setattr(server, "MilvusClient", lambda *_, **__: Starved())
    with pytest.raises(StoreUnreachable, match=r"is open and has not answered in time.* too busy"):
        open_store("milvus:vectors.db", tmp_path).versions()


def test_what_is_no_error_of_milvus_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "MilvusClient", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_store("milvus://host", tmp_path).versions()


@pytest.mark.parametrize(("address", "asked"), [("milvus:vectors.db", False), ("milvus://host", True)])
def test_milvus_in_a_file_is_not_asked_all_the_time_whether_it_is_there(
    tmp_path, monkeypatch, address, asked
):
    def connect(*_, grpc_options, **__):
        assert _pings(grpc_options) == asked
        raise Milvus from Refusal("UNAVAILABLE")

    monkeypatch.setattr(server, "MilvusClient", connect)
    with pytest.raises(StoreUnreachable):
        open_store(address, tmp_path).versions()


def _pings(options):
    """Whether gRPC asks within a day."""
    return options.get("grpc.keepalive_time_ms", 10_000) < 24 * 3_600_000


def test_a_server_that_comes_back_is_used_again(lite, plain, monkeypatch, caplog):
    lite.publish(*plain(1, 2, 3))
    searcher = lite.open()
    monkeypatch.setattr(server, "REST_SECONDS", 0.0)
    connection = lite.store._place.server

    def gone(*_, **__):
        raise connection._unreachable("it does not answer")

    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(connection, "ask", gone)
        for _ in range(2):
            assert searcher.refresh() is False
        with pytest.raises(StoreUnreachable):
            searcher.search(plain(1)[1], SearchOptions(limit=1))
        with pytest.raises(ChangeNotConfirmed, match="Repeat it"):
            lite.put("new", 4)
    assert caplog.text.count("Staying with index") == 1
    assert searcher.search(plain(1)[1], SearchOptions(limit=1))[0].hits[0].item.item_id == "sku-1"


def _hold(path, opened, done):
    from milvus_lite.db import MilvusLite

    database = MilvusLite(path)
    opened.set()
    done.wait(60)
    database.close()


def test_a_file_that_another_process_has_open_is_refused(tmp_path):
    context = multiprocessing.get_context("spawn")
    opened, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(tmp_path / "vectors.db"), opened, done))
    other.start()
    try:
        assert opened.wait(60)
        with pytest.raises(StoreUnreachable, match="another process has it open"):
            open_store(f"milvus:{tmp_path}/vectors.db", tmp_path).versions()
    finally:
        done.set()
        other.join()


@pytest.mark.parametrize("kind", sorted(kind for kind in MILVUS_KINDS if MILVUS_KINDS[kind].lite))
def test_each_kind_is_built_tuned_and_found_exactly(lite, numbered, kind):
    items = [Item(f"sku-{number}", Path("x.jpg"), {}) for number in range(400)]
    vectors = np.stack([numbered(number) for number in range(400)])
    manifest = lite.publish(items, vectors, kind=kind)
    assert manifest.kind == kind and manifest.parameters["recall"] >= 0.97
    (page,) = lite.open().search(vectors[7:8], SearchOptions(limit=20))
    scores = sorted((vectors @ vectors[7]).tolist(), reverse=True)[:20]
    np.testing.assert_allclose([hit.score for hit in page.hits][:5], scores[:5], atol=1e-5)
    assert page.hits[0].item.item_id == "sku-7" and page.total == 400
    assert lite.store.verify().kind == kind


def test_milvus_lite_is_not_asked_for_what_it_only_pretends_to_build(lite, plain):
    with pytest.raises(KindUnknown, match="'ivf-pq' \\(IVF_PQ\\). Choose one of flat, hnsw, ivf-flat, sq8"):
        lite.publish(*plain(1, 2, 3), kind="ivf-pq")
    with pytest.raises(KindUnknown, match="Known: flat"):
        lite.publish(*plain(1, 2, 3), kind="annoy")
    assert collections(lite) == []


def test_an_index_that_is_not_of_the_type_asked_for_is_not_published(lite, plain, monkeypatch):
    asked = lite.store._place.server.ask

    def other(method, *arguments, **options):
        answer = asked(method, *arguments, **options)
        return {**answer, "index_type": "HNSW"} if method == "describe_index" else answer

    monkeypatch.setattr(lite.store._place.server, "ask", other)
    with pytest.raises(IndexNotWritten, match="has not built an index of type FLAT"):
        lite.publish(*plain(1, 2, 3))
    assert lite.store.versions() == [] and collections(lite) == []


def test_what_a_killed_build_has_left_is_removed_by_the_next_one(lite, plain, numbered):
    lite.publish(*plain(1, 2, 3))
    (left,) = collections(lite)
    stale = f"{left[:-20]}2026_01_01T00_00_00Z"
    lite.store._place.server.ask("create_collection", stale, dimension=4)
    lite.publish(*plain(1, 2, 3))
    assert len(collections(lite)) == 2 and stale not in collections(lite)
    lite.store._place.server.ask("create_collection", stale, dimension=4)
    lite.store.prune(keep=1)
    assert len(collections(lite)) == 1 and first(lite, numbered(2)) == "sku-2"


def test_a_damaged_version_is_not_activated_and_another_build_mends_it(lite, plain, numbered):
    old = lite.publish(*plain(1, 2, 3)).version
    new = lite.publish(*plain(1, 2, 3)).version
    ask, versions = lite.store._place.server.ask, lite.store._place.versions
    ask("delete", versions.collection(old), filter="row >= 1")
    with pytest.raises(IndexDamaged, match="1 items where the manifest says 3"):
        lite.store.activate(old)
    ask("drop_collection", versions.collection(old))
    with pytest.raises(IndexDamaged, match="damaged"):
        lite.store.rollback()
    assert lite.store.current() == new and first(lite, numbered(2)) == "sku-2"
    lite.store._place.versions._records.remove(f'key == "{new}"')
    with pytest.raises(IndexDamaged, match="names the version"):
        lite.open()
    lite.publish(*plain(1, 2, 3))
    assert first(lite, numbered(2)) == "sku-2"


@pytest.mark.parametrize("minutes", [1, 50, 59])
def test_a_change_of_a_machine_whose_clock_is_behind_is_not_lost(lite, plain, numbered, monkeypatch, minutes):
    """It comes during a build, with a lower number than what the build has folded in."""
    lite.publish(*plain(1, 2, 3))
    lite.put("early", 5)

    def behind():
        now = time.time_ns() - minutes * 60 * 10**9
        monkeypatch.setattr(changes_module.time, "time_ns", lambda: now)
        other = lite.connect()
        other.changes.write_one(Delete("sku-2"))
        monkeypatch.undo()

    lite.publish(*plain(1, 2, 3), during=behind)
    assert first(lite, numbered(2)) != "sku-2" and lite.open().count == 3


def test_the_version_in_use_and_the_one_before_are_in_memory_and_no_other(lite, plain, monkeypatch):
    versions = []
    for _ in range(4):
        lite.publish(*plain(1, 2, 3))
        versions.append(lite.store.current())
    place, asked = lite.store._place.versions, []
    ask = type(place._server).ask

    def watched(server, name, *arguments, **options):
        asked.append((name, *arguments))
        return ask(server, name, *arguments, **options)

    monkeypatch.setattr(type(place._server), "ask", watched)
    lite.publish(*plain(1, 2, 3))
    newest = lite.store.current()
    released = {arguments[0] for name, *arguments in asked if name == "release_collection"}
    assert released == {place.collection(version) for version in versions[:-1]}
    loaded = {arguments[0] for name, *arguments in asked if name == "load_collection"}
    assert place.collection(newest) in loaded


def test_of_two_who_change_one_item_at_once_the_later_in_the_log_is_searched(
    lite, plain, numbered, monkeypatch
):
    """The first has written to the log and not yet to the version when the second has done both."""
    lite.publish(*plain(1, 2, 3))
    other = lite.connect()
    apply, overtaken = lite.store.changes._searched.apply_to_current, []

    def late(changes):
        if not overtaken:
            overtaken.append(other.changes.write_one(Delete("new")).seq)
        return apply(changes)

    monkeypatch.setattr(lite.store.changes._searched, "apply_to_current", late)
    lite.put("new", 5)
    assert overtaken and first(lite, numbered(5)) != "new" and lite.open().count == 3


def test_numbers_grow_even_where_the_clock_stands_still(lite, monkeypatch):
    monkeypatch.setattr(changes_module.time, "time_ns", lambda: 1_800_000_000_000_000_000)
    numbers = [lite.store.changes.write_one(Delete(f"sku-{number}")).seq for number in range(3)]
    assert numbers == [1_800_000_000_000_000 + step for step in range(3)]
    assert numbers[-1] < 2**53  # what every reader of JSON can hold


def test_a_photograph_of_another_encoder_is_refused_before_anything_is_written(lite, plain, numbered):
    lite.publish(*plain(1, 2, 3))
    with pytest.raises(EncoderMismatch, match="belongs to the encoder ffffffffffff"):
        lite.store.changes.write_one(Put("new", (b"\xff\xd8\xff",), {}, numbered(9), "e" * 64))
    assert lite.store.changes.since(0) == [] and not lite.store.changes.photographs.folder.exists()


@pytest.mark.parametrize(
    ("item_id", "metadata", "said"),
    [
        ("x" * 5000, {}, "5,000 bytes of item_id; at most 4,096"),
        ("x", {"text": "x" * 70_000}, "70,012 bytes of metadata; at most 65,535"),
        ("x", {"text": "ü" * 16_000}, "96,012 bytes of metadata; at most 65,535"),
        ("x", {"list": list(range(5000))}, "values to filter by"),
        ("x", {f"field {number}": "ü" * 250 for number in range(150)}, "bytes of sort_keys"),
    ],
)
def test_what_milvus_can_not_hold_is_refused_before_anything_is_written(lite, item_id, metadata, said):
    with pytest.raises(IndexNotWritten, match=said):
        lite.publish([Item(item_id, Path("x.jpg"), metadata)], np.eye(1, 16, dtype="f4"))
    assert collections(lite) == []


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"text": "ü" * 16_000}, "96,012 bytes of metadata; at most 65,535"),
        ({"list": list(range(5000))}, "values to filter by"),
    ],
)
def test_what_any_item_may_hold_and_milvus_can_not_is_refused_when_it_is_put(lite, metadata, said):
    with pytest.raises(InvalidChange, match=said):
        lite.put("x", 1, **metadata)
    assert lite.store.changes.since(0) == []


def test_beyond_what_milvus_lists_a_page_is_refused_and_a_count_ends(lite, plain, monkeypatch):
    numbers = range(300)
    lite.publish(*plain(*numbers))
    searcher, query = lite.open(), plain(7)[1]
    for module in (ranking, server):
        monkeypatch.setattr(module, "DEEPEST", 200, raising=False)
    monkeypatch.setattr("index.stores.milvus.version.DEEPEST", 200)
    with pytest.raises(
        RankingTooDeep, match="Hits 191 to 210 were asked for, and Milvus lists the first 200"
    ):
        searcher.search(query, SearchOptions(limit=20, offset=190))
    (last,) = searcher.search(query, SearchOptions(limit=20, offset=180))
    assert (last.total, last.next_offset, len(last.hits)) == (300, None, 20)
    (counted,) = searcher.search(query, SearchOptions(limit=20, min_score=-0.99))
    assert counted.total == 200


def test_items_with_the_same_photograph_are_duplicates_before_a_build_has_compared_them(lite, plain):
    lite.publish(*plain(1, 2, 3))
    for item_id in ("one", "two"):
        lite.put(item_id, 5)
    searcher = lite.open()
    (page,) = searcher.search(plain(5)[1], SearchOptions(limit=10, collapse=True))
    assert page.total == len(page.hits) == 4
    assert searcher.similar("one", SearchOptions(limit=10, collapse=True)).total == 3


def test_photographs_go_once_nothing_refers_to_them_and_not_at_once(lite, plain):
    lite.put("new", 5)
    lite.publish(*plain(1, 2, 3))
    lite.put("new", 6)
    folder = lite.store.changes.photographs.folder
    assert len(list(folder.iterdir())) == 2
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    lite.store.prune(keep=1)
    assert len(list(folder.iterdir())) == 2  # the version refers to the first, the log to the second
    lite.publish(*plain(1, 2, 3))
    (folder / "fresh.jpg").write_bytes(b"")
    lite.store.prune(keep=1)
    left = {path.name for path in folder.iterdir()}
    assert left == {"fresh.jpg", lite.open().item("new").path.name}


def test_facets_of_any_size_are_kept_and_go_with_their_version(lite, plain, numbered):
    items, vectors = plain(*range(40))
    named = [replace(item, metadata={"brand": f"{row % 20}" + "ü" * 58}) for row, item in enumerate(items)]
    versions = lite.store._place.versions
    with pytest.MonkeyPatch.context() as small:
        small.setattr("index.stores.milvus.publish.LONGEST", 1000)
        old = lite.publish(named, vectors).version
    (facet,) = lite.open().facets()
    assert [len(facet.values), facet.values[0]] == [20, ("0" + "ü" * 58, 2)]
    assert len(versions._facets.find('version != ""')) > 1
    new = lite.publish(items, vectors).version
    assert [facet.field for facet in versions.facets(new)] == ["number"]
    assert lite.store.prune(keep=1) == [old]
    assert {record["version"] for record in versions._facets.find('version != ""')} == {new}


def test_facets_in_the_record_of_an_earlier_release_are_read(lite, plain):
    version = lite.publish(*plain(1, 2, 3)).version
    versions = lite.store._place.versions
    versions._facets.remove('version != ""')
    record = versions._records.get(version)
    facets = '[{"field": "hue", "values": [["red", 2], ["blue", 1]], "lowest": 0.0, "highest": 0.0}]'
    versions._records.put([{**record, "facets": facets}])
    assert lite.open().facets() == [Facet("hue", (("red", 2), ("blue", 1)))]


def test_settled_changes_are_dropped_by_the_tidying_of_a_build(lite, plain, monkeypatch):
    lite.put("new", 5)
    for item_id in ("sku-1", "sku-9"):
        lite.store.changes.write_one(Delete(item_id))
    lite.store.changes.write_one(Forget("sku-2"))
    lite.publish(*plain(1, 2, 3))
    catalogue = Catalogue("shop.csv", tuple(plain(1, 2, 3)[0]), ())
    assert lite.store.tidy(keep=1, catalogue=catalogue) == []
    assert len(lite.store.changes.since(0)) == 4  # another clock may have numbered them
    monkeypatch.setattr(changes_module, "SKEW", 0)
    lite.store.tidy(keep=1, catalogue=catalogue)
    assert [change.item_id for change in lite.store.changes.since(0)] == ["new", "sku-1"]


def test_tidying_that_fails_fails_nothing(lite, caplog):
    with caplog.at_level(logging.WARNING):
        assert lite.store.tidy(keep=1, catalogue=Catalogue("shop.csv", (), ())) == []
    assert "Not all old versions and changes were removed" in caplog.text


def test_the_columns_of_a_search_are_what_the_client_makes_of_it(lite, plain):
    lite.publish(*plain(*range(12)))
    connection, name = lite.store._place.server, collections(lite)[0]
    asked = {"data": list(plain(3, 4)[1]), "limit": 5, "output_fields": ["row", "metadata", "vector", "key"]}
    for condition in ("", "row < 2", "row < 0"):
        found = connection.search(name, filter=condition, **asked)
        expected = connection.ask("search", name, filter=condition, **asked)
        assert [len(hits.keys) for hits in found] == [len(hits) for hits in expected]
        for hits, rows in zip(found, expected, strict=True):
            assert hits.keys == list(rows.ids) and hits.scores.tolist() == list(rows.distances)
            for field, column in hits.fields.items():
                assert list(map(str, column)) == [
                    str(np.array(row["entity"][field], np.float32))
                    if field == "vector"
                    else str(row["entity"][field])
                    for row in rows
                ]


@pytest.mark.parametrize(("name", "error"), [("UNAVAILABLE", StoreUnreachable), ("INTERNAL", StoreFailed)])
def test_what_keeps_a_search_from_its_end_is_told(lite, plain, monkeypatch, name, error):
    from pymilvus.client.asynch import SearchFuture

    lite.publish(*plain(1))
    connection = lite.store._place.server

    def broken(*_, **__):
        raise Refusal(name)

    answer = SearchFuture(SimpleNamespace(exception=lambda: None, result=broken))
    monkeypatch.setattr(connection._client, "search", lambda *_, **__: answer)
    with pytest.raises(error):
        connection.search("any")


def test_a_search_of_what_is_not_there_or_that_is_not_understood_is_told(lite, plain):
    lite.publish(*plain(1))
    connection, name = lite.store._place.server, collections(lite)[0]
    with pytest.raises(server.NotThere):
        connection.search("nothing", data=list(plain(1)[1]), limit=1)
    with pytest.raises(StoreFailed):
        connection.search(name, data=list(plain(1)[1]), limit=1, filter="no (")


def test_what_milvus_refuses_is_said_in_its_words(lite):
    lite.store.changes.write_one(Delete("x"))
    with pytest.raises(StoreFailed, match="Milvus at .* has not done what was asked"):
        lite.store.changes._table.find("no (")
    with pytest.raises(NoIndex):
        lite.open()


@pytest.mark.parametrize("count", [0, 4096, 4097, 100_000])
def test_keys_are_split_into_parts_small_enough_for_one_answer(count):
    conditions = parts(count)
    assert count / len(conditions) <= 4096
    assert conditions == ['key != ""'] or conditions[10] == 'key like "a%"' or conditions[10].endswith('0a%"')
