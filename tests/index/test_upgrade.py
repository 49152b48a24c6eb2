"""What an earlier release has written is opened; what a later one writes is refused by name."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index.edits import Delete, Put
from index.errors import ChangesDamaged, IndexDamaged
from index.manifest import MANIFEST, parse_manifest
from index.pages import SearchOptions
from index.stores.folder.changes import CHANGES, Changes
from index.stores.folder.journal import FORMAT
from index.stores.folder.store import FolderStore
from index.views import Views
from training.catalogue.reader import Catalogue, Item

# Built by the first release: five garments; then sku-1 was put, sku-4 deleted, `new` put and forgotten.
FIRST_RELEASE = Path(__file__).parents[1] / "data" / "index-format-2"

# Built when an item had one photograph, of all garments: four; then `new` and sku-1 were put, sku-3 deleted.
ONE_PHOTOGRAPH = FIRST_RELEASE.with_name("index-format-5")


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(FIRST_RELEASE, tmp_path / "indexes"))


def _format(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_an_index_and_a_log_of_the_first_release_are_opened_and_written_to(old, make_encoder):
    store = FolderStore(old)
    manifest = store.verify()
    assert (manifest.items, store.changes.damage()) == (5, [])
    assert (manifest.garments, manifest.vectors, manifest.neighbour_quantiles) == ("item", 5, ())
    assert manifest.categories is None
    encoder = make_encoder(manifest.encoder)
    searcher = store.open(encoder=encoder)
    assert searcher.item("sku-1").metadata == {"category": "coat", "price": 49.9}
    assert searcher.item("sku-2").metadata == {"category": "skirt", "price": 22}
    assert [state.item_id for state in store.changes.since(0)] == ["sku-1", "sku-4", "new"]
    assert store.changes.write_one(Delete("sku-2")).seq == 5
    assert _format(old / CHANGES) == FORMAT
    assert [state.item_id for state in Changes(old).since(4)] == ["sku-2"]
    assert Changes(old).folded(Catalogue("shop.csv", (), ()))[1] == 5


def test_an_index_and_a_log_from_before_items_had_several_photographs_are_opened_and_written_to(
    tmp_path, make_encoder
):
    folder = Path(shutil.copytree(ONE_PHOTOGRAPH, tmp_path / "indexes"))
    store, encoder = FolderStore(folder), make_encoder()
    manifest = store.verify()
    assert (manifest.garments, manifest.items, manifest.vectors, manifest.photographs) == ("all", 4, 7, 0)
    searcher = store.open(encoder=encoder)
    vector = searcher._gallery.vector(5)  # the second garment of sku-2
    (page,) = searcher.search(vector[None], SearchOptions(10))
    assert page.total == 4 and {hit.item.item_id for hit in page.hits} == {"sku-0", "sku-1", "sku-2", "new"}
    best = page.hits[0]
    assert (best.item, best.photograph) == (
        Item("sku-2", Path("/shop/2.jpg"), {"category": "coat", "price": 2}),
        0,
    )
    assert best.box == pytest.approx([number / 28 for number in range(20, 24)])
    put = {state.item_id: state for state in store.changes.since(0)}
    assert len(put["new"].views) == 2 and put["sku-1"].views is None and put["sku-3"].action == "delete"
    assert store.changes.damage() == [] and _format(folder / CHANGES) == 2

    views = Views(np.eye(3, 8, dtype=np.float32), np.zeros((3, 4), np.float32), np.array([0, 0, 1]))
    photos = [b"\xff\xd8\xff front", b"\xff\xd8\xff back"]
    number = store.changes.write_one(
        Put("two", tuple(photos), {}, views.vectors[0], encoder.fingerprint, views=views)
    ).seq
    assert (number, _format(folder / CHANGES)) == (4, FORMAT)
    searcher.refresh()
    (page,) = searcher.search(views.vectors[2:], SearchOptions(1))
    assert (page.hits[0].item.item_id, page.hits[0].photograph, page.total) == ("two", 1, 5)
    assert [path.read_bytes() for path in searcher.item("two").photographs] == photos
    assert [state.item_id for state in Changes(folder).since(0)] == ["new", "sku-1", "sku-3", "two"]


def test_a_log_of_a_later_release_is_neither_read_nor_written(old):
    with closing(sqlite3.connect(old / CHANGES)) as connection:
        connection.execute("PRAGMA user_version = 8")
    for work in (lambda: Changes(old).since(0), lambda: Changes(old).write_one(Delete("sku-1")).seq):
        with pytest.raises(ChangesDamaged, match=r"newer release wrote it, in format 8"):
            work()


def test_a_manifest_of_a_later_release_is_refused_as_such(old):
    (path,) = old.glob(f"*/{MANIFEST}")
    text = path.read_text()
    later = json.loads(text) | {"format": 99}
    del later["manifest_sha256"]
    later["manifest_sha256"] = hashlib.sha256(json.dumps(later, sort_keys=True).encode()).hexdigest()
    with pytest.raises(IndexDamaged, match="newer release wrote it, in format 99"):
        parse_manifest(json.dumps(later), name="manifest.json")
