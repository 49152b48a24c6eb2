import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from index import build_notes as notes
from index.__main__ import main
from index.build_notes import BUILDS, KEPT, build_note, build_notes, noting
from index.errors import BuildUnknown, GateFailed, NoIndex
from index.gate.checks import LAST_GATE
from index.stores.store import LAST_REPORT


@pytest.fixture
def build(catalogue_path, tmp_path):
    """Build with options of the command line."""

    def run(*options):
        words = ["build", "--catalogue", str(catalogue_path), "--out", str(tmp_path / "indexes")]
        words += ["--cache", str(tmp_path / "cache"), "--kind", "flat", "--processes", "1", *options]
        return CliRunner().invoke(main, words)

    return run


def test_a_build_notes_what_it_published_and_what_changed(build, indexes, catalogue_path, tmp_path):
    assert build().exit_code == 0
    catalogue_path.write_text(
        "\n".join(line for line in catalogue_path.read_text().splitlines() if not line.startswith("round-0"))
    )
    golden = tmp_path / "golden.csv"
    golden.write_text("image,item_id,k\nphotographs/square-1.png,square-1,3\n")
    assert build("--golden", str(golden)).exit_code == 0
    second, first = build_notes(indexes)
    assert (first.outcome, first.since, first.counts["new"], len(first.new)) == ("published", None, 8, 8)
    assert (second.outcome, second.since) == ("published", first.version)
    assert second.counts == {"items": 7, "skipped": 2, "cached": 7, "new": 0, "changed": 0, "removed": 1}
    assert second.removed == ("round-0",) and second.new == second.changed == ()
    assert [bad.item_id for bad in second.skipped] == ["broken-1", "broken-2"]
    assert second.seconds.keys() >= {"catalogue", "embed", "check", "write", "publish"}
    assert second.took >= sum(second.seconds.values()) - 0.1
    assert second.figures["self_recall_at_1"] == 1.0 and second.problem == ""
    (query,) = second.golden
    assert query == {
        "image": str(tmp_path / "photographs" / "square-1.png"),
        "k": 3,
        "item_ids": ["square-1"],
        "missing": [],
    }
    assert build_note(indexes, second.name) == second


def test_a_refused_build_notes_why_with_the_figures_of_its_gate(build, indexes, catalogue_path):
    build()
    catalogue_path.write_text("\n".join(catalogue_path.read_text().splitlines()[:4]))
    assert build().exit_code == 1
    refused = build_notes(indexes)[0]
    assert (refused.outcome, refused.version) == ("refused", None)
    assert refused.failures and refused.failures[0].startswith("items (3 after 8")
    assert refused.failures[0] in refused.problem and refused.figures["items_before"] == 8


def test_a_build_that_can_not_begin_is_noted_without_what_another_one_found(indexes):
    indexes.mkdir()
    (indexes / LAST_GATE).write_text("{}")
    (indexes / LAST_REPORT).write_text("item_id,path,reason\na,a.jpg,old\n")
    for name in (LAST_GATE, LAST_REPORT):
        os.utime(indexes / name, (1, 1))
    with pytest.raises(NoIndex), noting(indexes, catalogue="shop.csv", encoder=indexes):
        raise NoIndex("There is none.")
    (note,) = build_notes(indexes)
    assert (note.outcome, note.problem, note.skipped, note.figures) == ("refused", "There is none.", (), {})
    assert note.catalogue == "shop.csv" and note.encoder == str(indexes.absolute())


def test_while_it_runs_and_after_it_was_interrupted_a_build_says_so(indexes):
    with pytest.raises(KeyboardInterrupt), noting(indexes, catalogue="shop.csv", encoder=indexes):
        assert build_notes(indexes)[0].outcome == "running"
        raise KeyboardInterrupt
    assert build_notes(indexes)[0].outcome == "interrupted"


@pytest.fixture
def seen_later(indexes):
    """The only note, as it is read when its file is no longer new."""

    def read():
        (file,) = (indexes / BUILDS).glob("*.json")
        os.utime(file, (1, 1))
        return build_notes(indexes)[0]

    return read


def test_a_build_that_was_killed_ended_without_a_result(indexes, seen_later):
    code = "import os, sys; from pathlib import Path; from index.build_notes import noting\n"
    code += "with noting(Path(sys.argv[1]), catalogue='shop.csv', encoder=Path()): os._exit(9)"
    killed = subprocess.run([sys.executable, "-c", code, indexes], cwd=Path(__file__).parents[2])
    assert killed.returncode == 9
    assert build_notes(indexes)[0].outcome == "running", "a note may be read before it is locked"
    note = seen_later()
    assert (note.outcome, note.took, note.version) == ("interrupted", 0.0, None)
    assert note.problem == "It ended without a result: its process was killed."


def test_a_build_that_runs_long_still_runs(indexes, seen_later):
    with noting(indexes, catalogue="shop.csv", encoder=indexes):
        assert seen_later().outcome == "running"


def test_the_newest_notes_are_kept(indexes, monkeypatch):
    monkeypatch.setattr(notes, "KEPT", 2)
    for number in range(4):
        with noting(indexes, catalogue=str(number), encoder=indexes):
            pass
    assert [note.catalogue for note in build_notes(indexes)] == ["3", "2"] and KEPT > 30


def test_a_note_that_can_not_be_written_fails_no_build(indexes, caplog):
    indexes.mkdir()
    (indexes / BUILDS).write_text("in the way")
    with caplog.at_level(logging.WARNING), noting(indexes, catalogue="shop.csv", encoder=indexes):
        pass
    assert "can't be noted" in caplog.text and build_notes(indexes) == []


@pytest.mark.parametrize("name", ["../current", "", "2026-11-21T02-00-00Z", "2026-11-21T02-00-00-000000Z"])
def test_only_names_of_notes_are_looked_for(indexes, name):
    with pytest.raises(BuildUnknown):
        build_note(indexes, name)


def test_a_note_that_can_not_be_read_is_left_out(indexes):
    with pytest.raises(GateFailed), noting(indexes, catalogue="shop.csv", encoder=indexes):
        raise GateFailed("It is not fit.")
    (note,) = build_notes(indexes)
    file = indexes / BUILDS / f"{note.name}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "of a later release": 1}))
    assert build_notes(indexes) == []
    (indexes / BUILDS / "a note of mine.json").write_text("{}")
    assert build_notes(indexes) == []
