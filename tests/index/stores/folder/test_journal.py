import sqlite3
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from index.errors import ChangeNotWritten, ChangesDamaged
from index.stores.folder import journal as module
from index.stores.folder.journal import Journal, last_number

INSERT = "INSERT INTO changes (at, action, item_id) VALUES ('now', 'delete', ?)"


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "indexes" / "changes.sqlite")


def write(journal, item_id, **options):
    with journal.writing(**options) as connection:
        connection.execute(INSERT, (item_id,))


def read(journal):
    with journal.reading() as (_, connection):
        if connection is None:
            return None
        return [item_id for (item_id,) in connection.execute("SELECT item_id FROM changes ORDER BY seq")]


def number(journal):
    with journal.reading() as (_, connection):
        return last_number(connection)


def test_without_a_file_there_is_nothing_to_read_and_none_is_made(journal):
    assert read(journal) is None and journal.file() == 0
    assert not journal.path.parent.exists()


def test_what_was_written_is_read_by_others_at_once(journal):
    reader = Journal(journal.path)
    write(journal, "one")
    assert read(reader) == ["one"]
    write(journal, "two")
    assert read(reader) == ["one", "two"]


def test_a_commit_waits_for_the_disk(journal):
    with journal.writing() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_an_error_within_leaves_nothing(journal):
    write(journal, "one")
    with pytest.raises(ZeroDivisionError), journal.writing() as connection:
        connection.execute(INSERT, ("two",))
        raise ZeroDivisionError
    assert read(journal) == ["one"] and number(journal) == 1


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error")]
)
def test_a_failure_to_write_is_told_and_leaves_nothing(journal, error):
    with (
        pytest.raises(ChangeNotWritten, match=r"(No space|disk I/O).*Nothing was changed"),
        journal.writing(),
    ):
        raise error
    assert read(journal) is None


def sqlite_error(code):
    error = sqlite3.OperationalError(f"SQLite says {code}")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (sqlite3.SQLITE_CORRUPT, ChangesDamaged),
        (sqlite3.SQLITE_CORRUPT_INDEX, ChangesDamaged),
        (sqlite3.SQLITE_NOTADB, ChangesDamaged),
        (sqlite3.SQLITE_FULL, ChangeNotWritten),
        (sqlite3.SQLITE_IOERR_FSYNC, ChangeNotWritten),
        (sqlite3.SQLITE_BUSY, ChangeNotWritten),
    ],
)
def test_damage_is_told_from_a_lack_of_room(journal, code, told):
    with pytest.raises(told, match=f"SQLite says {code}"), journal.writing():
        raise sqlite_error(code)


@pytest.mark.parametrize(
    ("code", "tries"),
    [(sqlite3.SQLITE_BUSY, 32), (sqlite3.SQLITE_BUSY_RECOVERY, 32), (sqlite3.SQLITE_IOERR, 1)],
)
def test_a_file_that_another_writer_creates_is_waited_for_30_seconds_and_no_other_error(
    monkeypatch, code, tries
):
    now, asked = [100], []

    class Busy:
        def execute(self, query):
            asked.append(query)
            raise sqlite_error(code)

    clock = SimpleNamespace(monotonic=lambda: now[-1], sleep=lambda _: now.append(now[-1] + 1))
    monkeypatch.setattr(module, "time", clock)
    with pytest.raises(sqlite3.OperationalError):
        module._begin(Busy())
    assert len(asked) == tries


def test_what_is_set_aside_is_the_file_with_all_that_lies_beside_it(journal):
    journal.path.parent.mkdir()
    for side in ("", "-wal", "-shm"):
        journal.path.with_name(f"changes.sqlite{side}").write_text(side)
    journal.set_aside()
    aside = {path.read_text(): path.name for path in journal.path.parent.iterdir()}
    assert aside.keys() == {"", "-wal", "-shm"}
    assert all(aside[""] + side == name and name != f"changes.sqlite{side}" for side, name in aside.items())


def test_a_writer_that_never_lets_go_is_told(journal, monkeypatch):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0)
    with journal.writing(), pytest.raises(ChangeNotWritten, match="locked"):
        write(Journal(journal.path), "two")


def test_writers_wait_for_each_other_and_readers_for_nobody(journal):
    write(journal, "one")
    with journal.writing() as connection:
        connection.execute(INSERT, ("two",))
        second = threading.Thread(target=write, args=(Journal(journal.path), "three"))
        second.start()
        assert read(Journal(journal.path)) == ["one"]
    second.join()
    assert read(journal) == ["one", "two", "three"]


def test_numbers_go_on_from_what_is_asked_for(journal):
    write(journal, "one", number_from=7)
    assert number(journal) == 8
    write(journal, "two", number_from=3)
    assert number(journal) == 9


def test_a_number_is_never_given_twice(journal):
    write(journal, "one")
    with journal.writing() as connection:
        connection.execute("DELETE FROM changes")
    write(journal, "two")
    assert number(journal) == 2


def test_a_file_without_its_table_is_an_empty_log(journal):
    """A writer was killed at its first breath."""
    journal.path.parent.mkdir()
    with closing(sqlite3.connect(journal.path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert read(journal) is None
    write(journal, "one")
    assert read(journal) == ["one"]


def test_a_file_that_was_replaced_is_read_anew(journal, tmp_path):
    write(journal, "old")
    assert read(journal) == ["old"]
    other = Journal(tmp_path / "other.sqlite")
    write(other, "new")
    other.path.replace(journal.path)
    for end in ("-wal", "-shm"):
        journal.path.with_name(journal.path.name + end).unlink(missing_ok=True)
    assert read(journal) == ["new"]


def test_on_a_read_only_volume_the_file_is_read_as_it_lies_there(journal, monkeypatch):
    """There SQLite can't make the files beside it that it needs to follow a writer."""
    connect, path = module._connect, journal.path

    class Unable:
        def execute(self, query):
            raise sqlite3.OperationalError("unable to open database file")

        def close(self):
            pass

    def read_only(path, mode):
        return Unable() if mode == "ro" else connect(path, mode)

    for item_id in ("one", "two"):
        write(journal, item_id)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_connect", read_only)
            listed = read(journal)
        assert listed[-1] == item_id
    path.with_name(f"{path.name}-wal").write_bytes(b"frames")  # of a writer: the file alone is old
    monkeypatch.setattr(module, "_connect", read_only)
    with pytest.raises(ChangesDamaged, match="unable to open"):
        read(journal)


def test_a_damaged_file_is_told_until_it_is_mended(journal):
    write(journal, "one")
    good = journal.path.read_bytes()
    journal.path.write_bytes(b"nothing of the kind" * 500)
    for _ in range(2):
        with pytest.raises(ChangesDamaged, match="move it away"):
            read(journal)
    journal.path.write_bytes(good)
    assert read(journal) == ["one"]


def test_what_is_wrong_with_the_file_is_told_and_nothing_where_it_is_sound(journal):
    assert journal.damage() == []
    with journal.writing() as connection:
        connection.executemany(INSERT, [(f"item {name}",) for name in range(400)])
    assert journal.damage() == []
    content = bytearray(journal.path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    journal.path.write_bytes(content)
    assert Journal(journal.path).damage()


def test_a_writer_waits_while_another_one_writes(journal):
    write(journal, "first")
    begun, may_end = threading.Event(), threading.Event()

    def hold():
        with journal.writing() as connection:
            connection.execute(INSERT, ("second",))
            begun.set()
            may_end.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(20)
    other = Journal(journal.path)
    waiter = threading.Thread(target=write, args=(other, "third"))
    waiter.start()
    waiter.join(0.1)
    assert waiter.is_alive()
    may_end.set()
    holder.join(20)
    waiter.join(20)
    assert read(other) == ["first", "second", "third"]
