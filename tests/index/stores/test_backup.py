"""Backup and restore of what was put and deleted, in every store, while an index is open and written to."""

import json
import shutil
import sys
import zipfile

import pytest
from click.testing import CliRunner

from index.__main__ import main
from index.backup import restore_backup, write_backup
from index.edits import Delete, Forget, Patch
from index.errors import (
    BackupNotWritten,
    BackupUnusable,
    ChangeNotConfirmed,
    ChangeNotWritten,
    ChangesDamaged,
    StoreUnreachable,
)


def found(searcher):
    """The metadata of what is found, by id."""
    searcher.refresh()
    listed = {f"sku-{number}" for number in range(8)} | {"mine", "later"}
    items = {}
    for item_id in listed:
        try:
            items[item_id] = searcher.item(item_id).metadata
        except Exception:  # noqa: S112 - it is not there
            continue
    return items


@pytest.fixture
def changed(shop, plain):
    """A shop of eight items, one of which was deleted, one replaced and one added; its index is open."""
    shop.publish(*plain(*range(8)))
    shop.searcher = shop.open()
    shop.put("mine", 50, price=1)
    shop.put("sku-3", 51, price=3)
    shop.store.changes.write_one(Delete("sku-5"))
    shop.store.changes.write([Patch("sku-6", {"price": 6, "number": None})])
    return shop


def test_a_backup_brings_back_what_was_put_and_deleted_to_an_index_that_is_open(changed, tmp_path, numbered):
    changes, before = changed.store.changes, found(changed.searcher)
    saved = write_backup(changed.store, tmp_path / "b.zip")
    assert (saved.changes, saved.photographs, saved.missing) == (4, 2, ())
    for number in range(20):
        changed.put("later", 60 + number, price=number)
    changed.put("mine", 52, price=2)
    changes.write_one(Delete("sku-3"))
    changes.write_one(Delete("sku-6"))
    changes.write_one(Delete("sku-7"))
    assert found(changed.searcher) != before
    restore_backup(changed.store, tmp_path / "b.zip")
    if changed.address:  # Milvus leaves what was forgotten until the next build
        after = found(changed.searcher)
        assert {name: after.get(name) for name in ("mine", "sku-3", "sku-5")} == {
            name: before.get(name) for name in ("mine", "sku-3", "sku-5")
        }
    else:
        assert found(changed.searcher) == before
    assert changed.connect().changes.state("mine").item.path.read_bytes().endswith(b"50")
    assert {state.item_id: state.action for state in changes.since(0)} == {
        **dict.fromkeys(("later", "sku-7"), "forget"),
        **{"mine": "put", "sku-3": "put", "sku-5": "delete", "sku-6": "patch"},
    }


def test_a_restore_holds_over_a_version_that_has_folded_later_changes_in(changed, tmp_path, plain):
    write_backup(changed.store, tmp_path / "b.zip")
    changed.put("mine", 52, price=2)
    changed.store.changes.write_one(Forget("sku-5"))
    changed.publish(*plain(*range(8)))
    restore_backup(changed.store, tmp_path / "b.zip")
    restored = found(changed.open())
    assert restored["mine"] == {"price": 1} and "sku-5" not in restored
    changed.publish(*plain(*range(8)))
    assert found(changed.open()) == restored


def test_photographs_that_are_gone_are_told_and_the_rest_is_saved_and_restored(changed, tmp_path):
    changes = changed.store.changes
    write_backup(changed.store, tmp_path / "b.zip")
    lost = changes.state("mine").item.path
    kept = changes.state("sku-3").item.path
    lost.unlink()
    saved = write_backup(changed.store, tmp_path / "less.zip")
    assert (saved.changes, saved.photographs) == (4, 1) and lost.name in saved.missing[0]
    restored = restore_backup(changed.store, tmp_path / "less.zip")
    assert restored.changes == 3 and lost.name in restored.missing[0]
    assert changes.state("mine").action == "forget"
    kept.write_bytes(b"\xff\xd8\xff rotten")
    assert "not the one that was stored" in changes.damage()[0]
    assert restore_backup(changed.store, tmp_path / "b.zip").missing == ()
    assert changes.damage() == [] and changes.state("mine").action == "put"


@pytest.mark.parametrize("fault", ["text", "truncated", "photograph", "newer", "line", "gone"])
def test_a_file_that_is_no_sound_backup_changes_nothing(changed, tmp_path, fault):
    path = tmp_path / "b.zip"
    write_backup(changed.store, path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    photograph = next(name for name in files if name.startswith("photographs/"))
    if fault == "photograph":
        files[photograph] += b"x"
    elif fault == "newer":
        files["format.json"] = json.dumps({"format": 9}).encode()
    elif fault == "line":
        files["changes.jsonl"] = files["changes.jsonl"].replace(b'"at"', b'"when"', 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    if fault == "text":
        path.write_text("nothing of the kind")
    elif fault == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    elif fault == "gone":
        path.unlink()
    before = changed.store.changes.since(0)
    with pytest.raises(BackupUnusable, match="Nothing was changed"):
        restore_backup(changed.store, path)
    assert changed.store.changes.since(0) == before


def test_a_backup_that_can_not_be_written_leaves_the_one_before(changed, tmp_path, monkeypatch):
    path = tmp_path / "b.zip"
    write_backup(changed.store, path)
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "write", full)
        with pytest.raises(BackupNotWritten, match="No space left"):
            write_backup(changed.store, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    monkeypatch.setattr("index.photographs.write_atomically", full)
    with pytest.raises(ChangeNotWritten, match="No item has changed"):
        restore_backup(changed.store, path)


@pytest.mark.parametrize(("kind", "other"), [("folder", "folder"), ("folder", "lite"), ("lite", "folder")])
def test_a_backup_of_one_store_can_be_restored_into_another(shop_at, plain, tmp_path, kind, other):
    first, second = shop_at(kind), shop_at(other)
    for shop in (first, second):
        shop.publish(*plain(*range(8)))
    first.put("mine", 50, price=1)
    first.put("sku-3", 51, price=3)
    first.store.changes.write_one(Delete("sku-5"))
    write_backup(first.store, tmp_path / "b.zip")
    second.put("mine", 60, price=2)
    restore_backup(second.store, tmp_path / "b.zip")
    assert found(second.open()) == found(first.open())
    assert second.store.changes.state("mine").item.path.read_bytes().endswith(b"50")


@pytest.mark.parametrize("broken_at", [1, 2, 3])
def test_a_restore_that_was_broken_off_is_repeated(shop_at, plain, tmp_path, monkeypatch, broken_at):
    shop = shop_at("lite")
    shop.publish(*plain(*range(8)))
    shop.put("mine", 50, price=1)
    shop.store.changes.write_one(Delete("sku-5"))
    before = found(shop.open())
    write_backup(shop.store, tmp_path / "b.zip")
    shop.put("mine", 60, price=2)
    shop.put("sku-3", 61, price=3)
    changes = type(shop.store.changes)
    monkeypatch.setattr(sys.modules[changes.__module__], "_AT_ONCE", 1)
    write, calls = changes._record, []

    def failing(*arguments, **options):
        calls.append(1)
        if len(calls) == broken_at:
            raise StoreUnreachable("Milvus does not answer.")
        return write(*arguments, **options)

    monkeypatch.setattr(changes, "_record", failing)
    with pytest.raises(ChangeNotConfirmed, match="Repeat it"):
        restore_backup(shop.store, tmp_path / "b.zip")
    monkeypatch.undo()
    restore_backup(shop.store, tmp_path / "b.zip")
    assert {name: found(shop.open()).get(name) for name in ("mine", "sku-5")} == {
        name: before.get(name) for name in ("mine", "sku-5")
    }


@pytest.fixture
def folder_shop(shop_at, plain):
    shop = shop_at("folder")
    shop.publish(*plain(*range(8)))
    return shop


@pytest.mark.parametrize("damage", ["text", "page", "stale WAL"])
def test_a_damaged_log_is_told_by_verify_and_mended_by_restore(folder_shop, tmp_path, damage):
    shop, log = folder_shop, folder_shop.indexes / "changes.sqlite"
    shop.put("mine", 50, price=1)
    write_backup(shop.store, tmp_path / "b.zip")
    wal = log.with_name("changes.sqlite-wal")
    if damage == "stale WAL":  # a file put back beside what a killed writer has left
        old = log.read_bytes()
        reader = shop.store.changes
        reader.since(0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("index.stores.folder.journal._move_out_of_wal", lambda connection: None)
            for number in range(60):
                shop.put(f"sku-{number}", number, price=number, text="x" * 3000)
        shutil.copy(wal, tmp_path / "wal")
        del reader
        shop.store = None
        log.write_bytes(old[:8192])
        shutil.copy(tmp_path / "wal", wal)
    else:
        content = bytearray(log.read_bytes())
        content[0 if damage == "text" else 4096 :] = b"damage" * 3000
        log.write_bytes(content)
    shop.store = shop.connect()
    run = ["--indexes", str(shop.indexes)]
    if damage != "stale WAL":
        verified = CliRunner().invoke(main, ["verify", *run])
        assert verified.exit_code == 1 and "index restore" in verified.output
        with pytest.raises(ChangesDamaged, match="index restore"):
            shop.put("next", 51)
    restored = CliRunner().invoke(main, ["restore", str(tmp_path / "b.zip"), *run])
    assert restored.exit_code == 0 and "1 changes, 1 photographs" in restored.output
    states = {state.item_id: state.action for state in shop.connect().changes.since(0)}
    assert states.pop("mine") == "put" and set(states.values()) <= {"forget"}
    assert CliRunner().invoke(main, ["verify", *run]).exit_code == 0
    assert "later" not in found(shop.open()) and found(shop.open())["mine"] == {"price": 1}


def test_the_file_holds_every_change_as_soon_as_it_is_made(folder_shop, tmp_path):
    """So that whoever copies the file alone has copied all, also while a service has it open."""
    shop, copied = folder_shop, folder_shop.indexes.parent / "copied"
    reader = shop.connect().changes
    for number in range(5):
        shop.put(f"new-{number}", 70 + number)
        assert len(reader.since(0)) == number + 1
        copied.mkdir(exist_ok=True)
        shutil.copy(shop.indexes / "changes.sqlite", copied)
        alone = type(reader)(copied)
        assert [state.item_id for state in alone.since(0)] == [f"new-{n}" for n in range(number + 1)]
        shutil.rmtree(copied)


def test_the_commands_say_what_they_did(folder_shop, tmp_path):
    shop, path = folder_shop, tmp_path / "b.zip"
    run = ["--indexes", str(shop.indexes)]
    shop.put("mine", 50)
    written = CliRunner().invoke(main, ["backup", str(path), *run, "--json"])
    assert json.loads(written.output) == {"changes": 1, "photographs": 1, "missing": []}
    shop.store.changes.state("mine").item.path.unlink()
    told = CliRunner().invoke(main, ["backup", str(path), *run])
    assert (
        told.exit_code == 1 and "can't be read" in told.output and "1 changes, 0 photographs" in told.output
    )
