"""What an earlier release has written is opened; what a later one writes is refused by name."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import ChangesDamaged, IndexDamaged
from index.manifest import MANIFEST, parse_manifest
from index.stores.folder.changes import CHANGES, Changes
from index.stores.folder.store import FolderStore
from training.catalogue.reader import Catalogue

# Built by the first release: five garments; then sku-1 was put, sku-4 deleted, `new` put and forgotten.
FIRST_RELEASE = Path(__file__).parents[1] / "data" / "index-format-2"


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
    encoder = make_encoder(manifest.encoder)
    searcher = store.open(encoder=encoder)
    assert searcher.item("sku-1").metadata == {"category": "coat", "price": 49.9}
    assert searcher.item("sku-2").metadata == {"category": "skirt", "price": 22}
    assert [state.item_id for state in store.changes.since(0)] == ["sku-1", "sku-4", "new"]
    assert store.changes.delete("sku-2") == 5
    assert _format(old / CHANGES) == 2
    assert [state.item_id for state in Changes(old).since(4)] == ["sku-2"]
    assert Changes(old).folded(Catalogue("shop.csv", (), ()))[1] == 5


def test_a_log_of_a_later_release_is_neither_read_nor_written(old):
    with closing(sqlite3.connect(old / CHANGES)) as connection:
        connection.execute("PRAGMA user_version = 7")
    for work in (lambda: Changes(old).since(0), lambda: Changes(old).delete("sku-1")):
        with pytest.raises(ChangesDamaged, match=r"newer release wrote it, in format 7"):
            work()


def test_a_manifest_of_a_later_release_is_refused_as_such(old):
    (path,) = old.glob(f"*/{MANIFEST}")
    text = path.read_text()
    later = json.loads(text) | {"format": 99}
    del later["manifest_sha256"]
    later["manifest_sha256"] = hashlib.sha256(json.dumps(later, sort_keys=True).encode()).hexdigest()
    with pytest.raises(IndexDamaged, match="newer release wrote it, in format 99"):
        parse_manifest(json.dumps(later), name="manifest.json")
