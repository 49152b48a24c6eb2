import gc
import sqlite3
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from index.errors import IndexDamaged, IndexNotWritten, ItemUnknown
from index.filters.parse import parse_filter
from index.filters.postings import posted_values
from index.stores.folder.items import Items, write_items
from training.catalogue.reader import Item

METADATA = {
    "category": "dress",
    "price": 19.5,
    "sold": None,
    "new": True,
    "sizes": [36, 38],
    "maker": {"a": "Ä"},
}


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "items.sqlite"
    write_items(path, [Item(f"sku-{n}", Path(f"/p/{n} ä?#.jpg"), {**METADATA, "n": n}) for n in range(50)])
    return path


def test_an_item_comes_back_with_its_path_and_the_types_of_its_metadata(store):
    row, item = Items.open(store).by_id("sku-7")
    assert row == 7
    assert item == Item("sku-7", Path("/p/7 ä?#.jpg"), {**METADATA, "n": 7})


def test_rows_come_in_the_order_asked_and_as_often(store):
    found = Items.open(store).by_rows([9, 3, 9, 0])
    assert [item.item_id for item in found] == ["sku-9", "sku-3", "sku-9", "sku-0"]


def test_no_rows_give_no_items(store):
    assert Items.open(store).by_rows([]) == []


def test_more_rows_than_sqlite_takes_parameters_can_be_asked(tmp_path):
    path = tmp_path / "items.sqlite"
    write_items(path, [Item(str(n), Path(f"/{n}")) for n in range(40_000)])
    assert [item.item_id for item in Items.open(path).by_rows(range(39_999, -1, -1))][:2] == [
        "39999",
        "39998",
    ]


def test_the_store_counts_its_items(store):
    assert len(Items.open(store)) == 50


def test_an_unknown_id_and_a_row_that_is_not_there_are_told_apart(store):
    items = Items.open(store)
    with pytest.raises(ItemUnknown, match="'sku-50'"):
        items.by_id("sku-50")
    with pytest.raises(IndexDamaged, match="no row 50"):
        items.by_rows([1, 50])


def test_an_id_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(IndexNotWritten, match="UNIQUE"):
        write_items(tmp_path / "items.sqlite", [Item("a", Path("/1")), Item("a", Path("/2"))])


@pytest.mark.parametrize("content", [None, b"", b"no database " * 100])
def test_a_file_that_is_no_store_is_refused_and_named(tmp_path, content):
    path = tmp_path / "items.sqlite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IndexDamaged, match="items.sqlite"):
        Items.open(path)


def test_the_store_is_opened_for_reading_only(store):
    items = Items.open(store)
    with items._connection() as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM items")


def test_many_threads_ask_at_once_with_few_connections(store):
    items, failures = Items.open(store), []

    def ask():
        for n in range(200):
            if items.by_id(f"sku-{n % 50}")[0] != n % 50:
                failures.append(n)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert 1 <= len(items._idle) <= 8


def test_a_thread_that_finds_no_idle_connection_opens_one_and_leaves_it_to_the_next(store):
    items = Items.open(store)
    idle = set(items._idle)
    assert len(idle) == 8
    with ExitStack() as threads:
        held = {threads.enter_context(items._connection()) for _ in range(len(idle) + 1)}
        assert held > idle and not items._idle
        (opened,) = held - idle
        assert opened.execute("SELECT count(*) FROM items").fetchone() == (50,)
    assert set(items._idle) == held


def test_the_connections_are_closed_with_the_store(store):
    items = Items.open(store)
    connection = items._idle[0]
    del items
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


@pytest.mark.parametrize(
    ("metadata", "category"),
    [({"category": "dress"}, "dress"), ({"category": ""}, None), ({"category": 7}, "7"), ({}, None)],
)
def test_the_category_is_text_or_nothing(metadata, category):
    assert Item("a", Path("/a"), metadata).category == category


def test_each_item_tells_the_first_of_its_group(tmp_path):
    path = tmp_path / "items.sqlite"
    groups = np.array([0, 1, 0, 3, 1, 0])
    write_items(path, [Item(str(n), Path(f"/{n}")) for n in range(6)], groups=groups)
    assert Items.open(path).groups().tolist() == [0, 1, 0, 3, 1, 0]


def test_without_groups_every_item_is_alone(store):
    assert Items.open(store).groups().tolist() == list(range(50))


def test_an_item_passes_a_filter_on_its_metadata(store):
    items = Items.open(store)
    assert items.matching(parse_filter({"n": {"gte": 48}, "sizes": 38})).tolist() == [48, 49]
    assert items.matching(parse_filter({"sizes": 40})).tolist() == []
    assert items.matching(parse_filter({"sold": None, "new": True})).tolist() == list(range(50))


def test_the_values_of_64_fields_are_kept_and_none_of_a_field_that_no_item_has(tmp_path, monkeypatch):
    write_items(tmp_path / "items.sqlite", [Item("a", Path("/a"), {f"f{n}": n for n in range(65)})])
    items, read = Items.open(tmp_path / "items.sqlite"), []

    def reading(field, *options):
        read.append(field)
        return posted_values(field, *options)

    monkeypatch.setattr("index.stores.folder.items.posted_values", reading)
    fields = [f"f{n}" for n in range(64)]
    for field in [*fields, "no field", *fields, "no field"]:
        found = items.values(field, np.array([0])).pairs()
        assert found == ([] if field == "no field" else [(0, int(field[1:]))])
    assert read == [*fields, "no field", "no field"]
    for field in ("f64", "f1", "f0"):
        items.values(field, np.array([0]))
    assert read[66:] == ["f64", "f0"]  # which made room for the last one


def test_a_filter_on_a_damaged_store_names_it(store):
    items = Items.open(store)
    store.write_bytes(store.read_bytes()[:4096] + b"\xff" * (store.stat().st_size - 4096))
    with pytest.raises(IndexDamaged, match="items.sqlite"):
        items.matching(parse_filter({"n": {"gte": 0}}))


def test_items_that_were_asked_for_lately_are_not_read_again(store, monkeypatch):
    items, asked = Items.open(store), []
    monkeypatch.setattr(items, "_ask", lambda *query, ask=items._ask: asked.append(query) or ask(*query))
    first = items.by_rows([3, 1, 3])
    again = items.by_rows([1, 3, 2])
    assert again[0] is first[1] and again[1] is first[0] is first[2] and again[2].item_id == "sku-2"
    assert [values for _, *values in asked if values] == [["[3, 1, 3]"], ["[2]"]]


def test_no_more_items_are_kept_than_have_room(tmp_path, monkeypatch):
    monkeypatch.setattr("index.stores.folder.items._ITEMS_KEPT", 8)
    write_items(tmp_path / "items.sqlite", [Item(str(n), Path(f"/{n}")) for n in range(40)])
    items = Items.open(tmp_path / "items.sqlite")
    for at in range(36):
        assert [item.item_id for item in items.by_rows(range(at, at + 3))] == [
            str(at),
            str(at + 1),
            str(at + 2),
        ]
        assert len(items._recent._young) + len(items._recent._old) <= 8
    often = items.by_rows([0])[0]
    for at in range(1, 40):
        items.by_rows([at])
        assert items.by_rows([0])[0] is often
    assert len(items.by_rows(range(40))) == 40
    assert len(items._recent._young) + len(items._recent._old) <= 8
