"""The searcher while its catalogue changes and its versions are switched."""

import gc
import logging
import random
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.edits import Delete, Forget, Put
from index.errors import ItemUnknown
from index.filters.parse import parse_filter
from index.pages import SearchOptions
from index.stores.folder.changes import Changes
from index.stores.folder.publish import activate, building, list_versions, remove_old
from index.stores.folder.searcher import Searcher
from index.stores.folder.sweep import sweep
from training.catalogue.reader import Catalogue, Item

PICTURE = b"\xff\xd8\xff picture "
ENCODER = "f" * 64


def numbered(number):
    """The vector of a number: float32 (16,), of norm 1."""
    vector = np.random.default_rng(number).standard_normal(16)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


QUERY = numbered(10**6)


@pytest.fixture
def changes(indexes):
    return Changes(indexes)


@pytest.fixture
def put(changes):
    def put(item_id, number, **metadata):
        picture = PICTURE + str(number).encode()
        return changes.write_one(
            Put(item_id, (picture,), {"number": number, **metadata}, numbered(number), ENCODER)
        ).seq

    return put


def ids(page):
    return [hit.item.item_id for hit in page.hits]


def first(searcher, vector):
    return ids(searcher.search(vector[None], SearchOptions(limit=1))[0])


def test_an_item_that_was_put_is_found_after_the_next_look(searcher, put):
    put("new", 7, category="skirt")
    assert first(searcher, numbered(7)) != ["new"]
    assert searcher.refresh() is True
    assert first(searcher, numbered(7)) == ["new"]
    assert searcher.item("new").metadata == {"number": 7, "category": "skirt"}
    np.testing.assert_array_equal(searcher.vector("new"), numbered(7))
    assert (searcher.count, searcher.pending) == (41, 1)
    assert searcher.refresh() is False


def test_an_item_that_was_replaced_is_found_as_it_is_now(searcher, put, unit_vectors):
    put("sku-3", 7)
    searcher.refresh()
    assert first(searcher, numbered(7)) == ["sku-3"]
    assert first(searcher, unit_vectors(40)[3]) != ["sku-3"]
    assert searcher.count == 40


def test_a_deleted_item_is_unknown_everywhere(searcher, changes, unit_vectors):
    changes.write_one(Delete("sku-3"))
    searcher.refresh()
    (page,) = searcher.search(unit_vectors(40)[3:4], SearchOptions(limit=40))
    assert "sku-3" not in ids(page) and page.total == len(page.hits) == searcher.count == 39
    for ask in (
        searcher.item,
        searcher.vector,
        lambda item_id: searcher.similar(item_id, SearchOptions(limit=1)),
    ):
        with pytest.raises(ItemUnknown, match="'sku-3'"):
            ask("sku-3")


def test_neighbours_are_found_of_what_was_put_and_among_it(searcher, put, unit_vectors):
    put("new", 7)
    put("other", 8)
    searcher.refresh()
    vectors = {f"sku-{row}": vector for row, vector in enumerate(unit_vectors(40))}
    vectors |= {"other": numbered(8)}
    ranking = sorted(vectors, key=lambda item_id: -float(vectors[item_id] @ numbered(7)))
    page = searcher.similar("new", SearchOptions(limit=50))
    assert ids(page) == ranking and page.total == 41


def test_a_filter_and_its_count_hold_for_base_and_changes(searcher, changes, put):
    put("new", 7, price=1)
    put("sku-2", 8, price=99)
    changes.write_one(Delete("sku-1"))
    searcher.refresh()
    cheap = parse_filter({"price": {"lt": 4}})
    (page,) = searcher.search(QUERY[None], SearchOptions(limit=10, where=cheap))
    assert sorted(ids(page)) == ["new", "sku-0", "sku-3"] and page.total == 3
    assert sorted(ids(searcher.similar("sku-3", SearchOptions(limit=10, where=cheap)))) == ["new", "sku-0"]


def test_collapsed_the_duplicates_of_an_item_are_not_its_neighbours(searcher, changes, monkeypatch):
    monkeypatch.setattr(type(searcher._gallery.version.items), "groups", lambda self: np.arange(40) // 4 * 4)
    changes.write_one(Delete("sku-4"))
    searcher.refresh()
    (page,) = searcher.search(QUERY[None], SearchOptions(limit=40, collapse=True))
    assert page.total == len(page.hits) == 10
    assert len({int(item_id[4:]) // 4 for item_id in ids(page)}) == 10
    similar = searcher.similar("sku-5", SearchOptions(limit=40, collapse=True))
    assert similar.total == len(similar.hits) == 9
    assert not {"sku-4", "sku-5", "sku-6", "sku-7"} & set(ids(similar))


def test_changes_outlive_a_restart(searcher, put, indexes, encoder):
    put("new", 7)
    assert first(Searcher.open(indexes, encoder=encoder), numbered(7)) == ["new"]


def test_a_snapshot_stays_with_the_changes_it_has(searcher, put):
    snapshot = searcher.snapshot()
    put("new", 7)
    searcher.refresh()
    assert (snapshot.count, searcher.count) == (40, 41)


def test_a_version_and_the_changes_to_it_are_taken_up_together(searcher, put, publish_version, unit_vectors):
    """The new version has folded in the first change, and the second came during its build."""
    seq = put("new", 7)
    put("late", 8)
    vectors = np.concatenate([unit_vectors(40), [numbered(7)]])
    items = [Item(f"sku-{row}", Path("x.jpg"), {}) for row in range(40)] + [Item("new", Path("y.jpg"), {})]
    publish_version(vectors, items=items, changes=seq, night=1)
    assert searcher.refresh() is True
    assert (searcher.count, searcher.pending) == (42, 1)
    assert first(searcher, numbered(8)) == ["late"] and searcher.item("new").path == Path("y.jpg")


def test_going_back_shows_the_changes_of_now(searcher, put, changes, indexes, publish_version, unit_vectors):
    old = searcher.manifest.version
    put("new", 7)
    seq = changes.write_one(Delete("sku-3")).seq
    items = [Item(f"sku-{row}", Path("x.jpg"), {}) for row in range(40)]
    publish_version(unit_vectors(40), items=items, changes=seq, night=1)
    changes.write_one(Delete("sku-4"))
    activate(indexes, old)
    searcher.refresh()
    assert searcher.manifest.version == old and searcher.count == 39
    assert first(searcher, numbered(7)) == ["new"]
    for item_id in ("sku-3", "sku-4"):
        with pytest.raises(ItemUnknown):
            searcher.item(item_id)


def test_the_old_version_is_let_go_when_nobody_uses_it(searcher, publish_version, put):
    put("new", 7)
    searcher.refresh()
    snapshot = searcher.snapshot()
    old = weakref.ref(searcher._gallery.version)
    publish_version(night=1)
    searcher.refresh()
    assert old() is not None
    del snapshot
    gc.collect()
    assert old() is None


def break_log(indexes):
    for file in indexes.glob("changes.sqlite*"):
        file.unlink()
    (indexes / "changes.sqlite").write_bytes(b"nothing of the kind" * 500)


def test_a_log_that_breaks_leaves_the_changes_that_are_known(searcher, put, indexes, publish_version, caplog):
    seq = put("new", 7)
    put("late", 8)
    searcher.refresh()
    break_log(indexes)
    with caplog.at_level(logging.ERROR):
        assert [searcher.refresh() for _ in range(3)] == [False] * 3
    assert caplog.text.count("changes.sqlite") >= 1 and len(caplog.records) == 1
    assert searcher.count == 42
    publish_version(changes=seq, night=1)
    assert searcher.refresh() is True
    assert searcher.count == 41 and first(searcher, numbered(8)) == ["late"]


def test_a_log_that_is_broken_from_the_start_is_logged_and_the_version_searched(
    searcher, put, indexes, encoder, caplog
):
    put("new", 7)
    break_log(indexes)
    with caplog.at_level(logging.ERROR):
        assert Searcher.open(indexes, encoder=encoder).count == 40
    assert "can't be read" in caplog.text


class Model:
    """What must be found, kept in dicts: numbers by id, and the last event of each id."""

    def __init__(self):
        self.catalogue = {f"sku-{number}": number for number in range(4)} | {"always": 99}
        self.events = {}  # id -> (time, action, number)
        self.built = {}  # version -> (time, numbers by id)
        self.time = 0

    def happen(self, action, item_id, number=None):
        self.time += 1
        self.events[item_id] = (self.time, action, number)

    def overlaid(self, numbers):
        for item_id, (_, action, number) in self.events.items():
            if action != "forget":
                numbers = {**numbers, item_id: number}
        return {item_id: number for item_id, number in numbers.items() if number is not None}

    def build(self, version):
        self.built[version] = (self.time, self.overlaid(self.catalogue))

    def truth(self, version):
        return self.overlaid(self.built[version][1])

    def sweep(self):
        folded = min(time for time, _ in self.built.values())
        for item_id, (time, action, _) in list(self.events.items()):
            settled = action == "forget" or (action == "delete" and item_id not in self.catalogue)
            if time <= folded and settled:
                del self.events[item_id]


class World:
    """The index and its model, to which the same things happen."""

    def __init__(self, indexes, encoder, publish_version):
        self.indexes, self.encoder, self.publish = indexes, encoder, publish_version
        shutil.rmtree(indexes, ignore_errors=True)
        self.changes, self.model, self.number = Changes(indexes), Model(), 100
        self.build(None)
        self.searcher = Searcher.open(indexes, encoder=encoder)

    def listed(self):
        items = (Item(key, Path(f"/shop/{number}.jpg"), {"number": number}) for key, number in self.catalogue)
        return Catalogue("shop.csv", tuple(items), ())

    @property
    def catalogue(self):
        return self.model.catalogue.items()

    def put(self, item_id):
        self.number += 1
        picture = PICTURE + str(self.number).encode()
        self.changes.write_one(
            Put(item_id, (picture,), {"number": self.number}, numbered(self.number), ENCODER)
        )
        self.model.happen("put", item_id, self.number)

    def delete(self, item_id):
        self.changes.write_one(Delete(item_id))
        self.model.happen("delete", item_id)

    def forget(self, item_id):
        self.changes.write_one(Forget(item_id))
        self.model.happen("forget", item_id)

    def deliver(self, item_id):
        """The catalogue gets that item anew, or loses it."""
        self.number += 1
        if self.model.catalogue.pop(item_id, None) is None:
            self.model.catalogue[item_id] = self.number

    def build(self, _):
        folded, seq = self.changes.folded(self.listed())
        assert seq == self.model.time
        vectors = np.stack([numbered(item.metadata["number"]) for item in folded.items])
        night = len(self.model.built)
        self.model.build(self.publish(vectors, items=folded.items, changes=seq, night=night))

    def activate(self, item_id):
        versions = list_versions(self.indexes)
        activate(self.indexes, versions[hash(item_id) % len(versions)])

    def restart(self, _):
        self.searcher = Searcher.open(self.indexes, encoder=self.encoder)

    def clean_up(self, _):
        with building(self.indexes):
            for version in remove_old(self.indexes, keep=2):
                del self.model.built[version]
            sweep(self.indexes, catalogue=self.listed())
        self.model.sweep()

    def check(self):
        truth = self.model.truth(self.searcher.manifest.version)
        ranking = sorted(truth, key=lambda item_id: -float(numbered(truth[item_id]) @ QUERY))
        (page,) = self.searcher.search(QUERY[None], SearchOptions(limit=50))
        assert ids(page) == ranking
        assert page.total == self.searcher.count == len(truth)
        assert [hit.item.metadata["number"] for hit in page.hits] == [truth[item_id] for item_id in ranking]
        for hit in page.hits:
            assert "/shop/" in str(hit.item.path) or hit.item.path.exists()
        best = self.searcher.similar(ranking[0], SearchOptions(limit=50))
        assert sorted(ids(best)) == sorted(ranking[1:])
        for item_id in {"sku-0", "sku-1", "new"} - truth.keys():
            with pytest.raises(ItemUnknown):
                self.searcher.item(item_id)


STEPS = ("put", "put", "delete", "forget", "deliver", "build", "activate", "restart", "clean_up")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["sku-0", "sku-1", "new"])), max_size=16))
def test_whatever_happens_the_search_finds_what_a_model_holds(indexes, encoder, publish_version, steps):
    world = World(indexes, encoder, publish_version)
    for step, item_id in steps:
        getattr(world, step)(item_id)
        world.searcher.refresh()
        world.check()


def test_no_search_fails_while_items_change_and_versions_switch(
    searcher, indexes, publish_version, put, changes
):
    """An item is always there, though in ever other places; the one that was deleted never comes back."""
    stop, searched, failures = threading.Event(), threading.Event(), []
    changes.write_one(Delete("sku-39"))
    put("sku-1", 7)
    searcher.refresh()

    def ask():
        while not stop.is_set():
            try:
                snapshot = searcher.snapshot()
                (page,) = snapshot.search(numbered(7)[None], SearchOptions(limit=100))
                found = ids(page)
                similar = snapshot.similar("sku-1", SearchOptions(limit=3))
                right = found[0] == "sku-1" and "sku-39" not in found and len(set(found)) == len(found)
                if not (right and page.total == len(found) == snapshot.count and len(similar.hits) == 3):
                    failures.append(found)
            except Exception as error:
                failures.append(error)
            searched.set()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    dice = random.Random(0)
    for step in range(40):
        if step % 10 == 2:
            publish_version(night=step)
        elif step % 10 == 5:
            activate(indexes, dice.choice(list_versions(indexes)[:-1]))
        elif step % 3 == 0:
            changes.write_one(Delete(f"sku-{dice.randrange(2, 39)}"))
        else:
            put(f"new-{dice.randrange(5)}", 100 + step)
        assert searcher.refresh()
        searched.clear()
        assert searched.wait(timeout=30)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
