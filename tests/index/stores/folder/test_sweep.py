import logging
from pathlib import Path

import numpy as np
import pytest

from index.edits import Delete, Forget, Put
from index.stores.folder.changes import Changes
from index.stores.folder.publish import building, remove_old
from index.stores.folder.sweep import sweep, tidy
from training.catalogue.reader import BadItem, Catalogue, Item

PICTURE = b"\xff\xd8\xff picture "


@pytest.fixture
def changes(indexes):
    return Changes(indexes)


@pytest.fixture
def put(changes):
    def put(item_id, number):
        return changes.write_one(
            Put(item_id, (PICTURE + str(number).encode(),), {}, np.eye(16, dtype="f4")[0], "f" * 64)
        ).seq

    return put


def catalogue_of(*item_ids, bad=()):
    items = tuple(Item(item_id, Path("/shop/x.jpg"), {}) for item_id in item_ids)
    return Catalogue("shop.csv", items, tuple(BadItem(item_id, "x.jpg", "broken") for item_id in bad))


def left(changes):
    return [change.item_id for change in changes.since(0)]


def test_a_deletion_stays_while_an_older_version_could_show_the_item(changes, indexes, publish_version):
    publish_version(changes=0)
    seq = changes.write_one(Delete("sku-1")).seq
    publish_version(changes=seq, night=1)
    sweep(indexes, catalogue=catalogue_of("sku-2"))
    assert left(changes) == ["sku-1"]
    with building(indexes):
        remove_old(indexes, keep=1)
        sweep(indexes, catalogue=catalogue_of("sku-2"))
    assert left(changes) == []


def test_a_deletion_stays_while_the_catalogue_holds_the_item(changes, indexes, publish_version):
    changes.write_one(Delete("sku-1"))
    publish_version(changes=changes.write_one(Delete("sku-2")).seq)
    sweep(indexes, catalogue=catalogue_of("sku-1", bad=("sku-2",)))
    assert left(changes) == ["sku-1", "sku-2"]


def test_before_there_is_a_version_every_change_stays(changes, indexes):
    changes.write_one(Forget("sku-1"))
    sweep(indexes, catalogue=catalogue_of())
    assert left(changes) == ["sku-1"]


def test_what_was_put_stays_for_every_build_to_come(changes, put, indexes, publish_version):
    publish_version(changes=put("new", 1))
    sweep(indexes, catalogue=catalogue_of())
    assert left(changes) == ["new"]


def test_a_photograph_stays_while_a_version_has_it(changes, put, indexes, publish_version, unit_vectors):
    put("new", 1)
    old = changes.since(0)[0].item
    put("new", 2)
    publish_version(unit_vectors(1), items=[old])
    sweep(indexes)
    assert old.path.exists() and len(list(old.path.parent.iterdir())) == 2
    publish_version(unit_vectors(1), night=1)
    with building(indexes):
        remove_old(indexes, keep=1)
        sweep(indexes)
    assert not old.path.exists() and len(list(old.path.parent.iterdir())) == 1


@pytest.mark.parametrize("name", ["manifest.json", "items.sqlite"])
def test_beside_a_damaged_version_all_is_kept(changes, put, indexes, publish_version, caplog, name):
    publish_version(changes=changes.write_one(Delete("sku-1")).seq)
    put("new", 1)
    put("new", 2)
    broken = indexes / publish_version(changes=1, night=1) / name
    broken.unlink()
    with caplog.at_level(logging.WARNING):
        sweep(indexes, catalogue=catalogue_of())
    assert left(changes) == ["sku-1", "new"] and "kept for now" in caplog.text
    assert len(list(changes.photographs.folder.iterdir())) == 2


def test_without_changes_nothing_is_made(indexes, publish_version):
    publish_version()
    sweep(indexes, catalogue=catalogue_of())
    assert not list(indexes.glob("changes*")) and not (indexes / "photographs").exists()


def test_old_versions_that_can_not_be_removed_are_logged_and_fail_no_build(indexes, publish_version, caplog):
    versions = [publish_version(night=night) for night in range(3)]
    (indexes / "current").write_text("no version\n")
    assert tidy(indexes, keep=1, catalogue=catalogue_of()) == []
    assert "Old versions were not removed" in caplog.text
    assert all((indexes / version).exists() for version in versions)
