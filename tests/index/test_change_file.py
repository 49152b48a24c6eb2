"""A file of changes is applied part by part, and goes on where it was after it was broken off."""

import base64
import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from index import change_file
from index.__main__ import main
from index.change_file import NOTE, REPORT, _parts, apply_file
from index.editing import change_items
from index.errors import ChangeFileUnreadable, ChangeNotWritten
from index.pages import SearchOptions
from index.stores.folder.changes import Changes
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from tests.picture_server import pictures
from training.photo.encoder import Encoder

pytestmark = pytest.mark.usefixtures("plain_garments")


@pytest.fixture(autouse=True)
def shapes(monkeypatch, make_encoder):
    """Every bundle is the small encoder."""
    monkeypatch.setattr(Encoder, "load", lambda folder: make_encoder())


@pytest.fixture
def write(tmp_path):
    """Write lines, objects or texts, into a file of changes."""

    def write(*lines):
        path = tmp_path / "changes.jsonl"
        path.write_text(
            "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
        )
        return path

    return write


@pytest.fixture
def run(indexes):
    def run(*arguments):
        return CliRunner().invoke(main, [*map(str, arguments), "--indexes", str(indexes)])

    return run


def price(item_id, price):
    return {"patch": {"item_id": item_id, "metadata": {"price": price}}}


def states(indexes):
    return {state.item_id: state for state in Changes(indexes).since(0)}


def test_a_file_of_all_kinds_is_applied_and_what_is_refused_has_a_line_in_the_report(
    run, write, indexes, publish_version, unit_vectors, tmp_path, encode_image, photo, encoder
):
    publish_version(unit_vectors(40, 128))
    picture = encode_image(photo)
    (tmp_path / "shirt.png").write_bytes(picture)
    image = base64.b64encode(picture).decode()
    file = write(
        price("sku-1", 5),
        {"put": {"item_id": "new", "path": "shirt.png", "metadata": {"price": 1}}},
        "",
        {"put": {"item_id": "other", "image_base64": [image, image]}},
        price("new", 2),
        price("unknown", 3),
        "{",
        {"delete": {"item_id": "sku-2"}},
        {"put": {"item_id": "gone", "path": "no-such.jpg"}},
        {"put": {"item_id": "none"}},
        {"put": {"item_id": "text", "image_base64": "dGV4dA=="}},
        {"put": {"item_id": "broken", "image_base64": "%"}},
        {"move": {"item_id": "sku-3"}},
        {"patch": {"item_id": 3}},
        {"patch": {"item_id": "sku-3", "price": 3}},
        {"delete": {"item_id": "sku-4"}, **price("sku-3", 9)},
        price("sku-3", 9),
    )
    answer = run("apply", file)
    assert answer.exit_code == 1 and "6 changes made, 10 refused" in answer.output.replace("\n", " ")
    with (indexes / REPORT).open(newline="") as report:
        rows = list(csv.DictReader(report))
    assert [int(row["line"]) for row in rows] == [6, 7, 9, 10, 11, 12, 13, 14, 15, 16]
    assert "'unknown'" in rows[0]["reason"] and all(row["reason"] for row in rows)
    assert not (indexes / NOTE).exists()
    searcher = Searcher.open(indexes, encoder=encoder)
    query = encoder.embed([tmp_path / "shirt.png"])
    hits = searcher.search(query, SearchOptions(limit=2))[0].hits
    assert {hit.item.item_id: hit.item.metadata for hit in hits} == {"new": {"price": 2}, "other": {}}
    assert [len(hit.item.photographs) for hit in hits if hit.item.item_id == "other"] == [2]
    assert searcher.item("sku-1").metadata["price"] == 5 and searcher.count == 41


def test_what_was_broken_off_goes_on_behind_the_last_part(write, indexes, publish_version, monkeypatch):
    publish_version()
    monkeypatch.setattr(change_file, "AT_ONCE", 3)
    file = write(*(price(f"sku-{number}", number + 0.5) for number in range(10)), "[]")
    store, parts = FolderStore(indexes), []

    def third_fails(store, edits):
        parts.append([edit.item_id for edit in edits])
        if len(parts) == 3:
            raise ChangeNotWritten("The disk is full.")
        return change_items(store, edits)

    monkeypatch.setattr(change_file, "change_items", third_fails)
    with pytest.raises(ChangeNotWritten):
        apply_file(store, file, Encoder.load)
    assert len(states(indexes)) == 6 and json.loads((indexes / NOTE).read_text())["lines"] == 6
    applied = apply_file(store, file, Encoder.load)
    assert parts[3:] == [["sku-6", "sku-7", "sku-8"], ["sku-9"]]
    assert (applied.lines, applied.made, applied.refused) == (11, 10, 1)
    assert {name: state.fields for name, state in states(indexes).items()} == {
        f"sku-{number}": {"price": number + 0.5} for number in range(10)
    }
    assert (indexes / REPORT).read_text().splitlines()[1].startswith("11,")
    apply_file(store, file, Encoder.load)
    assert len(parts) == 9, "a file that was applied to its end begins anew"


def test_another_file_begins_at_its_first_line_and_with_a_report_of_its_own(
    write, indexes, publish_version, monkeypatch
):
    publish_version()
    monkeypatch.setattr(change_file, "AT_ONCE", 1)
    monkeypatch.setattr(
        change_file, "change_items", lambda *_: (_ for _ in ()).throw(ChangeNotWritten("Full."))
    )
    with pytest.raises(ChangeNotWritten):
        apply_file(FolderStore(indexes), write("[]", price("sku-1", 1)), Encoder.load)
    monkeypatch.undo()
    applied = apply_file(FolderStore(indexes), write(price("sku-2", 2), "{}"), Encoder.load)
    assert (applied.made, applied.refused) == (1, 1) and list(states(indexes)) == ["sku-2"]
    assert [line.partition(",")[0] for line in (indexes / REPORT).read_text().splitlines()] == ["line", "2"]


def test_long_lines_make_shorter_parts_and_empty_ones_none(write, indexes, publish_version, monkeypatch):
    publish_version()
    monkeypatch.setattr(change_file, "BYTES_AT_ONCE", 150)
    parts, file = [], write(*(price(f"sku-{number}", 1) for number in range(5)), "", "")
    monkeypatch.setattr(
        change_file,
        "change_items",
        lambda store, edits: parts.append(len(edits)) or change_items(store, edits),
    )
    assert apply_file(FolderStore(indexes), file, Encoder.load).made == 5
    assert sum(parts) == 5 and max(parts) == 3
    assert not Changes(indexes).damage() and len(states(indexes)) == 5


@pytest.mark.parametrize(
    ("lines", "length", "parts"),
    [(1001, 10, [1000, 1]), (1000, 10, [1000]), (3, 2**25, [2, 1]), (3, 2**25 - 1, [3])],
)
def test_parts_have_a_thousand_lines_or_64_mib(lines, length, parts):
    file = iter([bytes(length)] * lines)
    assert [len(part) for part in _parts(file, after=0)] == parts


def test_the_encoder_is_loaded_for_photographs_alone(write, indexes, publish_version):
    publish_version()
    file = write(price("sku-1", 1), {"delete": {"item_id": "sku-2"}})
    assert apply_file(FolderStore(indexes), file, lambda: pytest.fail("loaded")).made == 2


def test_a_file_that_is_not_there_is_told(indexes, tmp_path):
    with pytest.raises(ChangeFileUnreadable, match="no-such"):
        apply_file(FolderStore(indexes), tmp_path / "no-such.jsonl", Encoder.load)


def test_items_are_put_with_photographs_by_address_from_hosts_that_are_allowed(
    write, run, indexes, publish_version, make_photo, encode_image, encoder
):
    publish_version()
    with pictures() as server:
        server.routes |= {f"{side}.png": encode_image(make_photo(side=side)) for side in (90, 110)}
        addresses = [server.url(f"{side}.png") for side in (90, 110, 130)]
        lines = [
            {"put": {"item_id": "both", "image_urls": addresses[:2]}},
            {"put": {"item_id": "gone", "image_urls": addresses[2:]}},
            {"put": {"item_id": "none", "image_urls": addresses[:1], "path": "a.png"}},
        ]
        path = write(*lines)
        refused = run("apply", path)
        assert "0 changes made, 3 refused" in refused.output
        allowed = run("apply", path, "--allow-host", "127.0.0.1")
    assert "1 changes made, 2 refused" in allowed.output
    both = states(indexes)["both"]
    assert len(both.photographs) == 2 and (both.views.vectors[0] != both.views.vectors[1]).any()
    np.testing.assert_array_equal(both.vector, encoder.embed([both.item.path])[0])
    reasons = [row["reason"] for row in csv.DictReader((indexes / REPORT).read_text().splitlines())]
    assert "404" in reasons[0] and "not exactly one of path, image_base64, image_urls" in reasons[1]
