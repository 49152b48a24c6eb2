import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.change import PATCH
from index.edits import Delete, Forget, Patch, Put
from index.errors import ChangeNotWritten, ChangesDamaged, InvalidChange
from index.stores.folder import journal
from index.stores.folder.changes import DELETE, FORGET, PUT, Changes
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import UnsupportedImageType

ROOT = Path(__file__).parents[4]
ENCODER = "f" * 64
KILLS = 100

# Forks a writer for every line it is sent, tells its process id, and when it is dead. The writer says of each
# step, of one change or of six, what it begins, and the number of its last change when it is done. It makes
# no photograph twice, so that one of each is expected.
WRITERS = """
import json, os, random, sys
from itertools import count
from pathlib import Path
import numpy as np
from index.edits import Delete, Forget, Patch, Put
from index.stores.folder.changes import Changes

def say(**fields):
    os.write(1, json.dumps(fields).encode() + b"\\n")  # at once and as a whole

def write(first):
    changes, dice = Changes(Path(sys.argv[1])), random.Random(first)
    vector, numbers = np.eye(8, dtype=np.float32)[0], count(first)
    make = {
        "put": lambda item_id, number: Put(
            item_id, (b"\\xff\\xd8\\xff" + str(number).encode() * 5000,), {"number": number}, vector, "f" * 64
        ),
        "patch": lambda item_id, number: Patch(item_id, {"patched": number}),
        "delete": lambda item_id, number: Delete(item_id),
        "forget": lambda item_id, number: Forget(item_id),
    }
    while True:
        actions = dice.choices(["put", "put", "patch", "delete", "forget"], k=dice.choice([1, 1, 6]))
        begun = [(action, f"sku-{dice.randrange(12)}", next(numbers)) for action in actions]
        say(begun=begun)
        say(done=changes.write([make[action](item_id, number) for action, item_id, number in begun])[-1].seq)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        write(int(line))
    say(child=child)
    os.waitpid(child, 0)
    say(dead=child)
"""


def photo_of(number):
    return b"\xff\xd8\xff" + str(number).encode() * 5000


def unit(place, dimension=8):
    return np.eye(dimension, dtype=np.float32)[place]


@pytest.fixture
def changes(indexes):
    return Changes(indexes)


@pytest.fixture
def put(changes):
    """Put an item with a photograph that shows the given number."""

    def put(item_id, number=0, **metadata):
        return changes.write_one(Put(item_id, (photo_of(number),), metadata, unit(number % 8), ENCODER)).seq

    return put


def catalogue_of(*item_ids, bad=()):
    items = tuple(Item(item_id, Path(f"/photographs/{item_id}.jpg"), {}) for item_id in item_ids)
    return Catalogue("shop.csv", items, tuple(BadItem(item_id, "x.jpg", "broken") for item_id in bad))


def ids(catalogue):
    return [item.item_id for item in catalogue.items]


def test_before_the_first_change_there_is_nothing_and_nothing_is_written(changes, indexes):
    assert changes.position() == (0, 0) and changes.since(0) == []
    assert changes.folded(catalogue_of("a")) == (catalogue_of("a"), 0)
    assert not indexes.exists()


def test_an_item_that_was_put_comes_back_with_all_that_was_given(changes, put):
    seq = put("dress/7", 3, category="dress", price=49.9, tags=["a", "ü"])
    (change,) = changes.since(0)
    assert (change.seq, change.action, change.encoder) == (seq, PUT, ENCODER)
    assert change.item.item_id == "dress/7"
    assert change.item.metadata == {"category": "dress", "price": 49.9, "tags": ["a", "ü"]}
    assert change.item.path.read_bytes() == photo_of(3)
    np.testing.assert_array_equal(change.vector, unit(3))
    assert change.vector.dtype == np.float32


def test_the_latest_state_of_an_item_counts_and_comes_last(changes, put):
    put("a", 1)
    put("b", 2)
    changes.write_one(Delete("a"))
    assert [(change.item_id, change.action) for change in changes.since(0)] == [("b", PUT), ("a", DELETE)]
    put("b", 3)
    changes.write_one(Forget("a"))
    states = changes.since(0)
    assert [(change.seq, change.item_id, change.action) for change in states] == [
        (4, "b", PUT),
        (5, "a", FORGET),
    ]
    assert states[0].item.path.read_bytes() == photo_of(3)


def test_only_what_came_later_is_told(changes, put):
    first, second = put("a"), put("b")
    assert second > first
    assert [change.item_id for change in changes.since(first)] == ["b"]
    assert changes.since(second) == [] and changes.position().seq == second


def test_an_empty_category_is_none_as_in_a_catalogue(changes, put):
    put("a", category="")
    assert changes.since(0)[0].item.metadata == {"category": None}


@pytest.mark.parametrize("item_id", ["", "\ud800", "a\0b"])
def test_what_can_be_no_id_is_refused(changes, item_id):
    for edit in (Put(item_id, (photo_of(0),), {}, unit(0), ENCODER), Delete(item_id), Forget(item_id)):
        with pytest.raises(InvalidChange, match="id.*Accepted: 1 to 255 characters"):
            changes.write_one(edit)
    assert changes.since(0) == []


@pytest.mark.parametrize("value", ["\ud800", {1, 2}, Path("x")])
def test_metadata_that_json_does_not_know_is_refused(changes, put, value):
    with pytest.raises(InvalidChange, match="metadata"):
        put("a", price=value)


@pytest.mark.parametrize(
    "vector", [np.zeros(8, np.float32), np.full(8, np.nan, np.float32), np.eye(2, dtype="f4")]
)
def test_what_is_no_embedding_is_refused(changes, vector):
    with pytest.raises(InvalidChange, match="one vector of norm 1"):
        changes.write_one(Put("a", (photo_of(0),), {}, vector, ENCODER))


def test_what_is_no_photograph_is_refused_and_changes_nothing(changes, put):
    put("a", 1)
    with pytest.raises(UnsupportedImageType):
        changes.write_one(Put("a", (b"text",), {}, unit(0), ENCODER))
    assert changes.since(0)[0].item.path.read_bytes() == photo_of(1)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_state_before(changes, put, monkeypatch, call):
    put("a", 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(ChangeNotWritten, match="No space left.*Nothing was changed"):
            put("a", 2)
    (change,) = changes.since(0)
    assert change.seq == 1 and change.item.path.read_bytes() == photo_of(1)


def test_nobody_can_remove_a_photograph_between_it_and_its_change(changes, put, indexes, monkeypatch):
    monkeypatch.setattr(journal, "_WAIT_SECONDS", 0)
    store = changes.photographs.store

    def store_and_try(photo):
        name = store(photo)
        with pytest.raises(ChangeNotWritten, match="locked"):
            Changes(indexes).drop(folded=0, catalogue=None, photographs=())
        return name

    monkeypatch.setattr(changes.photographs, "store", store_and_try)
    put("a", 1)
    assert changes.state("a").item.path.exists()


def test_changes_of_many_threads_are_each_made_once(changes, put):
    with ThreadPoolExecutor(4) as threads:
        numbers = list(threads.map(lambda number: put(f"sku-{number % 5}", number), range(20)))
    assert sorted(numbers) == list(range(1, 21))
    latest = {
        f"sku-{number % 5}": (seq, number) for seq, number in sorted(zip(numbers, range(20), strict=True))
    }
    for change in changes.since(0):
        assert (change.seq, change.item.path.read_bytes()) == (
            latest[change.item_id][0],
            photo_of(latest[change.item_id][1]),
        )


def test_a_catalogue_gets_the_changes_in_its_order_and_added_items_last(changes, put):
    put("z")
    put("b", 5, price=9)
    changes.write_one(Delete("c"))
    changes.write_one(Delete("unheard-of"))
    seq = put("y")
    folded, folded_seq = changes.folded(catalogue_of("a", "b", "c", "d"))
    assert ids(folded) == ["a", "b", "d", "z", "y"] and folded_seq == seq
    assert folded.items[1].metadata == {"price": 9}
    assert folded.items[1].path.read_bytes() == photo_of(5)
    assert folded.source == "shop.csv"


def test_folding_again_changes_nothing_more(changes, put):
    put("a", 1)
    changes.write_one(Delete("b"))
    once, seq = changes.folded(catalogue_of("a", "b"))
    assert changes.folded(once) == (once, seq)


def test_an_item_that_is_forgotten_is_what_the_catalogue_says(changes, put):
    put("a", 1)
    put("new", 2)
    changes.write_one(Delete("b"))
    for item_id in ("a", "b", "new"):
        changes.write_one(Forget(item_id))
    assert changes.folded(catalogue_of("a", "b")) == (catalogue_of("a", "b"), 6)


def test_fields_are_laid_over_what_the_catalogue_says_build_after_build(changes):
    first, second = changes.write([Patch("b", {"price": 5, "size": "M"}), Patch("b", {"size": None})])
    assert (second.seq, second.fields) == (2, {"price": 5, "size": None}) and first.seq == 1
    items = (Item("a", Path("/a.jpg"), {"price": 1}), Item("b", Path("/b.jpg"), {"size": "S", "old": None}))
    folded, seq = changes.folded(Catalogue("shop.csv", items, (BadItem("c", "c.jpg", "broken"),)))
    assert [item.metadata for item in folded.items] == [{"price": 1}, {"old": None, "price": 5}]
    assert folded.items[1].path == Path("/b.jpg") and seq == 2
    changes.write([Patch("c", {"price": 3})])
    again, _ = changes.folded(Catalogue("shop.csv", (), (BadItem("c", "c.jpg", "broken"),)))
    assert again.items == () and [bad.item_id for bad in again.bad] == ["c"]


def test_a_patch_of_what_was_put_keeps_photograph_and_vector(changes, put):
    seq = put("a", 3, price=9, size="M")
    changes.write([Patch("a", {"price": 8, "size": None, "sale": True})])
    (state,) = changes.since(seq)
    assert (state.action, state.item.metadata) == (PUT, {"price": 8, "sale": True})
    assert state.item.path.read_bytes() == photo_of(3) and state.photographed == seq
    np.testing.assert_array_equal(state.vector, unit(3))
    changes.write_one(Delete("a"))
    changes.write([Patch("a", {"price": 1})])
    assert (changes.state("a").action, changes.state("a").fields) == (PATCH, {"price": 1})


def test_what_nobody_knows_is_not_changed_where_that_can_be_told(changes, put):
    put("mine", 1)
    known = {"listed": Item("listed", Path("/x.jpg"), {"text": "x" * 32_000})}
    edits = [
        Patch("mine", {"a": 1}),
        Delete("mine"),
        Patch("mine", {"a": 2}),
        Delete("listed"),
        Delete("other"),
    ]
    made = changes.write(edits, items=known)
    assert [getattr(each, "seq", None) for each in made] == [2, 3, None, 4, None]
    assert "deleted already" in str(made[2]) and "'other'" in str(made[4])
    changes.write_one(Forget("listed"))
    (long,) = changes.write([Patch("listed", {"more": "y" * 800})], items=known)
    assert isinstance(long, InvalidChange) and "32,768" in str(long)


def test_a_photograph_that_was_stored_before_its_change_is_not_written_again(changes, monkeypatch):
    stored = changes.photographs.store_ahead(photo_of(1))
    with monkeypatch.context() as patch:
        patch.setattr(type(changes.photographs), "store", lambda *_: pytest.fail("written again"))
        (made,) = changes.write([Put("a", (stored, stored), {}, unit(0), ENCODER)])
    assert [path.read_bytes() for path in made.item.photographs] == [photo_of(1)] * 2
    assert made.item.path.read_bytes() == photo_of(1)


def test_the_names_of_photographs_stored_before_are_made_durable_in_one_step(changes, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    folder = changes.photographs.folder
    folder.mkdir(parents=True)
    stored = [changes.photographs.store_ahead(photo_of(number)) for number in range(3)]
    assert len(synced) == 3 and str(folder) not in synced
    changes.write([Put(name, (name,), {}, unit(0), ENCODER) for name in stored])
    assert synced[3:] == [str(folder)]


def test_where_the_names_of_photographs_can_not_be_made_durable_nothing_is_changed(changes):
    stored = changes.photographs.store_ahead(photo_of(1))
    changes.photographs.folder.rename(changes.photographs.folder.with_name("moved"))
    with pytest.raises(ChangeNotWritten, match="could not be written"):
        changes.write([Put("a", (stored,), {}, unit(0), ENCODER)])
    assert changes.since(0) == []


def test_a_photograph_that_a_build_has_removed_meanwhile_is_told_and_nothing_is_changed(changes, put):
    stored = changes.photographs.store_ahead(photo_of(1))
    put("b", 2)
    changes.drop(folded=0, catalogue=None, photographs=())
    with pytest.raises(ChangeNotWritten, match="Nothing was changed"):
        changes.write([Delete("b"), Put("a", (photo_of(3), stored), {}, unit(0), ENCODER)])
    assert [change.item_id for change in changes.since(0)] == ["b"]


def test_what_was_put_or_deleted_is_no_bad_item_any_more(changes, put):
    put("a")
    changes.write_one(Delete("b"))
    changes.write_one(Forget("c"))
    folded, _ = changes.folded(catalogue_of("d", bad=("a", "b", "c", "e")))
    assert [bad.item_id for bad in folded.bad] == ["c", "e"] and ids(folded) == ["d", "a"]


def test_settled_deletions_are_dropped_and_what_was_put_is_kept(changes, put):
    put("a")
    for item_id in ("gone", "listed"):
        changes.write_one(Delete(item_id))
    changes.write_one(Forget("b"))
    last = changes.write_one(Delete("late")).seq
    changes.drop(folded=last - 1, catalogue=catalogue_of("listed"), photographs=())
    assert [change.item_id for change in changes.since(0)] == ["a", "listed", "late"]
    assert changes.position().seq == last


def test_without_the_catalogue_no_deletion_is_dropped(changes):
    changes.write_one(Delete("a"))
    changes.drop(folded=9, catalogue=None, photographs=())
    assert len(changes.since(0)) == 1


def test_photographs_stay_that_a_state_or_a_version_has(changes, put):
    put("a", 1)
    put("b", 2)
    put("b", 3)
    put("b", 4)
    version = changes.photographs.store(photo_of(3))
    changes.drop(folded=9, catalogue=None, photographs={version})
    kept = {path.read_bytes() for path in changes.photographs.folder.iterdir()}
    assert kept == {photo_of(1), photo_of(3), photo_of(4)}


def test_dropping_makes_no_log(changes, indexes):
    changes.drop(folded=0, catalogue=None, photographs=())
    assert not indexes.exists()


def test_a_lost_log_numbers_on_after_what_versions_have_folded_in(indexes, put, publish_version):
    publish_version(changes=41)
    assert put("a") == 42


def test_a_damaged_version_is_left_out_of_what_a_lost_log_numbers_on_after(indexes, put, publish_version):
    (indexes / publish_version(changes=57) / "manifest.json").write_text("{")
    publish_version(changes=41, night=1)
    assert put("a") == 42


def test_a_damaged_log_is_told(changes, put, indexes):
    put("a")
    (indexes / "changes.sqlite").write_bytes(b"nothing of the kind" * 500)
    for read in (changes.position, lambda: changes.since(0), lambda: changes.folded(catalogue_of("a"))):
        with pytest.raises(ChangesDamaged, match="changes.sqlite"):
            read()


class Writers:
    """The process that forks writers, and what is known of their steps: those done, and the one begun."""

    def __init__(self, indexes):
        command = [sys.executable, "-c", WRITERS, str(indexes)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.done, self.begun, self.child = [], None, 0

    def start(self, number):
        self._process.stdin.write(f"{number}\n")
        while not self.child:
            self.hear()

    def hear(self):
        """Take in one line."""
        said = json.loads(self._process.stdout.readline())
        if "done" in said:
            self.done.append((said["done"], self.begun))
            self.begun = None
        elif "begun" in said:
            self.begun = said["begun"]
        self.child = said.get("child", 0 if "dead" in said else self.child)

    def kill(self):
        os.kill(self.child, signal.SIGKILL)
        while self.child:
            self.hear()

    def close(self):
        if self.child:
            os.kill(self.child, signal.SIGKILL)
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=30)


@pytest.fixture
def in_memory(indexes):
    """A folder on no disk where there is one: a kill does not see the difference, and a test waits less."""
    if not os.access("/dev/shm", os.W_OK):
        yield indexes
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def writers(in_memory):
    writers = Writers(in_memory)
    yield writers
    writers.close()


def stored(indexes):
    """What the log holds: of each item its action, the number of its photograph and that of its patch."""
    changes = Changes(indexes)
    found = {}
    for change in changes.since(0):
        metadata = change.item.metadata if change.item else change.fields or {}
        number = metadata.get("number")
        assert change.item is None or change.item.path.read_bytes() == photo_of(number)
        found[change.item_id] = (change.seq, change.action, number, metadata.get("patched"))
    return changes.position().seq, found


def after(seq, model, step):
    """The number of the last change, and the states, after all changes of a step."""
    for action, item_id, number in step:
        seq += 1
        _, before, shown, _ = model.get(item_id, (0, FORGET, None, None))
        if action == PATCH:
            state = (PUT, shown, number) if before == PUT else (PATCH, None, number)
        else:
            state = (action, number if action == PUT else None, None)
        model = model | {item_id: (seq, *state)}
    return seq, model


def test_no_acknowledged_change_is_lost_or_made_twice_by_a_kill_at_any_moment(writers, in_memory):
    """The step that was under way, of one change or of six, may have been made or not, but no part of it."""
    dice, pause = random.Random(4), threading.Event()
    seq, model, interrupted, made = 0, {}, 0, 0
    for kill in range(KILLS):
        writers.start(kill * 1000)
        for _ in range(dice.randrange(6)):
            writers.hear()
        pause.wait(dice.uniform(0, 0.003))
        writers.kill()
        for done, step in writers.done:
            seq, model = after(seq, model, step)
            assert done == seq
        interrupted += writers.begun is not None
        found = stored(in_memory)
        if found != (seq, model):
            assert writers.begun, "a change was made that was never begun, or lost"
            (seq, model), made = after(seq, model, writers.begun), made + 1
            assert found == (seq, model)
        writers.done, writers.begun = [], None
    assert seq > KILLS and len(model) == 12 and KILLS / 4 < interrupted
    changes = Changes(in_memory)
    changes.drop(folded=0, catalogue=None, photographs=())
    assert len(list(changes.photographs.folder.iterdir())) == sum(state[1] == PUT for state in model.values())
