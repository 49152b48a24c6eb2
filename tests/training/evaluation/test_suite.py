"""The suite: its parts by name, photographs read once, what is printed and what is written."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from training.__main__ import PARTS as OFFERED
from training.__main__ import main
from training.catalogue.reader import Catalogue, Item
from training.evaluation import product_pictures, suite
from training.evaluation.finder import Finder
from training.evaluation.score_table import Table
from training.evaluation.suite import PARTS, Settings, evaluate_parts, write
from training.evaluation.true_shape import true_shape
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.segmenter import Segmenter

TABLE = Table("retrieval", "Retrieval", ("descriptor", "P@10"), (("encoder", 0.5),))


def _evaluate(shipped, read, parts, **options):
    settings = Settings(parts, processes=1, **options)
    return list(evaluate_parts(shipped, read("drawn:24"), read("drawn:8:5"), settings=settings))


def test_the_command_offers_the_parts_there_are():
    assert tuple(PARTS) == OFFERED


def test_only_the_parts_that_were_asked_for_are_done_and_in_their_order(shipped, read, tmp_path):
    tables = _evaluate(shipped, read, ("fashion-mnist", "retrieval"), fashion_mnist=tmp_path)
    assert [table.key for table in tables] == ["retrieval", "retrieval-by-category", "fashion-mnist"]
    assert tables[-1].note.startswith("Not evaluated")


def test_photographs_are_read_once_for_all_parts_and_not_at_all_where_none_needs_them(
    shipped, read, monkeypatch, tmp_path
):
    seen = []
    original = suite.read_photos

    def counted(catalogue, **options):
        seen.append(catalogue.source)
        return original(catalogue, **options)

    monkeypatch.setattr(suite, "read_photos", counted)
    _evaluate(shipped, read, ("fashion-mnist",), fashion_mnist=tmp_path)
    assert seen == []
    monkeypatch.setitem(PARTS, "sketch", PARTS["retrieval"])
    _evaluate(shipped, read, ("retrieval", "sketch"))
    assert sorted(seen) == ["drawn:24", "drawn:8:5"]


def test_unreadable_photographs_are_counted_and_told(shipped, read, tmp_path, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_text("text")
    gallery = read("drawn:24")
    items = (*gallery.items, Item("broken", broken, {"category": "dress"}))
    settings = Settings(("retrieval",), processes=1)
    found = evaluate_parts(shipped, Catalogue("mine", items, ()), read("drawn:8:5"), settings=settings)
    assert "24 gallery items; left out: 0 without a category, 1 unreadable." in next(found).note
    assert "1 of the gallery can't be used; the first: " in capsys.readouterr().err


def test_the_same_photographs_give_the_same_tables(shipped, read):
    assert _evaluate(shipped, read, ("retrieval",)) == _evaluate(shipped, read, ("retrieval",))


@pytest.fixture
def own(own_bundle, monkeypatch):
    """The encoder of a bundle with its own segmenter, in a process in which no other may parse a picture."""
    encoder, parse = Encoder.load(own_bundle), Segmenter.parse

    def watched(segmenter, photo):
        assert segmenter == encoder.segmenter
        return parse(segmenter, photo)

    monkeypatch.setattr(Segmenter, "parse", watched)
    return encoder


@pytest.mark.parametrize("part", ["retrieval", "invariance", "sketch"])
def test_a_part_cuts_out_by_the_segmenter_of_the_bundle_alone(own, own_bundle, read, part):
    few = read("drawn:2:5")
    settings = Settings((part,), processes=1)
    for judged in (own, own_bundle):
        assert [*evaluate_parts(judged, few, few, settings=settings)][0].rows


def test_drawn_garments_and_small_pictures_are_cut_out_by_the_segmenter_of_the_bundle_alone(own):
    assert true_shape(own, shapes=3, appearances=1, queries=2, processes=1).rows
    pictures = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    vectors = product_pictures._vectors(own, pictures, name="test", seed=0, processes=1)
    assert vectors["encoder"].shape == (2, own.dimension)


@pytest.mark.parametrize("beside", [False, True])
def test_the_masks_are_those_of_the_bundle_s_segmenter(
    own_bundle, other_segmenter, read, beside, monkeypatch
):
    measured = []
    monkeypatch.setattr(
        "training.evaluation.masks.masks", lambda *catalogues, **_: measured.append(catalogues[2]) or []
    )
    settings = Settings(("masks",), beside=PRETRAINED if beside else None)
    assert not [*evaluate_parts(own_bundle, read("drawn:6:5"), read("drawn:6:5"), settings=settings)]
    assert measured == [(Finder(other_segmenter), *([Finder()] if beside else []))]


def test_both_files_are_written_and_nothing_else(tmp_path):
    write([TABLE], tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["suite.json", "suite.md"]
    assert (tmp_path / "new" / "suite.md").read_text().startswith("## Retrieval\n")
    assert json.loads((tmp_path / "new" / "suite.json").read_text())["retrieval"]["title"] == "Retrieval"


def _line(cache, *more):
    line = ["evaluate", "--gallery", "drawn:24", "--queries", "drawn:8:5", "--processes", "1"]
    return CliRunner().invoke(main, [*line, "--cache", str(cache), *more], catch_exceptions=False)


def test_the_command_prints_tables_and_writes_them(drawn_cache, read, tmp_path):
    read("drawn:24"), read("drawn:8:5")
    result = _line(drawn_cache, "--suite", "--part", "retrieval", "--out", str(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("## Category retrieval on photographs\n\n| descriptor |")
    assert result.stdout.strip() == (tmp_path / "suite.md").read_text().strip()
    assert "retrieval: 0." in result.stderr


def test_the_command_prints_one_json_object(drawn_cache, read, tmp_path):
    more = ("--json", "--part", "retrieval", "--part", "fashion-mnist", "--fashion-mnist", str(tmp_path))
    found = json.loads(_line(drawn_cache, *more).stdout)
    assert list(found) == ["retrieval", "retrieval-by-category", "fashion-mnist"]
    assert found["retrieval"]["rows"][-1]["descriptor"] == "encoder"
    assert 0 < found["retrieval"]["rows"][-1]["P@10"] < 1


def test_the_command_without_the_suite_prints_the_retrieval_alone(drawn_cache, read):
    result = _line(drawn_cache, "--no-baselines")
    assert result.stdout.startswith("| descriptor | P@1 | P@5 | P@10 |")
    assert "| encoder |" in result.stdout
    assert "## " not in result.stdout


@pytest.mark.parametrize("part", ["retreival", ""])
def test_an_unknown_part_is_refused_with_those_there_are(drawn_cache, part):
    result = _line(drawn_cache, "--part", part)
    assert result.exit_code == 2
    assert "'true-shape'" in result.stderr
