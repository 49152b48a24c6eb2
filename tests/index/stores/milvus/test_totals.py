"""How many items a filter leaves is counted again when it may have changed, and not at each search."""

import pytest

from index.edits import Delete
from index.errors import ChangeNotWritten, StoreUnreachable
from index.filters.predicates import Between
from index.pages import SearchOptions

NEEDS = "needs the client of Milvus: pip install -r requirements-scale.txt"
totals = pytest.importorskip("index.stores.milvus.totals", reason=NEEDS)


@pytest.fixture
def now(monkeypatch):
    """The moment by which totals are kept, in seconds: the test sets it."""
    clock = [1000.0]
    monkeypatch.setattr(totals.time, "monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def shop(lite, plain):
    lite.publish(*plain(*range(1, 9)))
    return lite


@pytest.fixture
def counted(shop, monkeypatch):
    """The conditions that this machine has had counted."""
    server, conditions = shop.store._place.server, []
    ask = type(server).ask

    def watched(self, method, *arguments, **options):
        if self is server and options.get("output_fields") == ["count(*)"]:
            conditions.append(options["filter"])
        return ask(self, method, *arguments, **options)

    monkeypatch.setattr(type(server), "ask", watched)
    return conditions


def total(searcher, query, **options):
    (page,) = searcher.search(query[None], SearchOptions(limit=1, **options))
    return page.total


def test_searches_of_one_moment_count_once_for_each_condition(shop, numbered, now, counted):
    searcher, even = shop.open(), Between("number", 5, 8)
    for _ in range(3):
        assert (total(searcher, numbered(1)), total(searcher, numbered(2), where=even)) == (8, 4)
        assert total(searcher, numbered(3), collapse=True) == 8
    assert len(counted) == len({*counted}) == 3


def test_a_change_made_here_is_counted_at_once(shop, numbered, now):
    searcher = shop.open()
    assert total(searcher, numbered(1)) == 8
    shop.put("new", 20)
    assert total(searcher, numbered(1)) == 9
    shop.store.changes.write_one(Delete("sku-3"))
    shop.store.changes.write_one(Delete("sku-4"))
    assert total(searcher, numbered(1)) == 7


def test_a_change_that_could_not_be_confirmed_is_counted_at_once(shop, numbered, now, monkeypatch):
    searcher = shop.open()
    assert total(searcher, numbered(1)) == 8

    def gone(_):
        raise StoreUnreachable("The server has gone.")

    with monkeypatch.context() as patch, pytest.raises(ChangeNotWritten):
        patch.setattr(shop.store.changes._searched, "wait", gone)
        shop.store.changes.write_one(Delete("sku-3"))
    assert total(searcher, numbered(1)) == 7


def test_another_machine_s_change_is_counted_after_a_moment(shop, numbered, now):
    searcher = shop.open()
    assert total(searcher, numbered(1)) == 8
    shop.connect().changes.write_one(Delete("sku-3"))
    assert total(searcher, numbered(1)) == 8
    now[0] += totals.SECONDS
    assert total(searcher, numbered(1)) == 7


def test_who_wants_strong_reads_has_everything_counted(shop, numbered, now, counted):
    searcher = shop.open()
    searcher._in_use.collection.consistency = "Strong"
    assert [total(searcher, numbered(1)) for _ in range(3)] == [8, 8, 8]
    assert len(counted) == 3
