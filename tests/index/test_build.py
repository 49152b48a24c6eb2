import csv
import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from index.build import BuildOptions, build_index
from index.commands.summary import lines
from index.comparison import Difference
from index.edits import Delete, Put
from index.embedding.embeddings import Embedded
from index.errors import BuildRunning, GateFailed, GoldenUnusable, IndexNotWritten, ItemUnknown
from index.gate.checks import LAST_GATE, Limits
from index.pages import SearchOptions
from index.stores.folder.changes import Changes
from index.stores.folder.publish import building, current_version, list_versions, verify
from index.stores.folder.searcher import Searcher
from index.stores.store import LAST_REPORT
from index.thumbnails import Thumbnails, key_of
from training.catalogue.reader import read_catalogue
from training.errors import TooManyBadItems

pytestmark = pytest.mark.usefixtures("plain_garments")

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def build(catalogue_path, encoder, indexes):
    def run(**options):
        catalogue = read_catalogue(str(catalogue_path))
        return build_index(
            catalogue, encoder, indexes=indexes, options=BuildOptions(processes=1, **options), now=NIGHT
        )

    return run


def reported(path):
    with path.open(newline="") as file:
        return [row["item_id"] for row in csv.DictReader(file)]


def test_a_built_catalogue_is_served_and_each_photograph_finds_itself(build, indexes, encoder):
    build()
    searcher = Searcher.open(indexes, encoder=encoder)
    items = [searcher.item(f"{shape}-{number}") for shape in ("round", "square") for number in range(4)]
    pages = searcher.search(encoder.embed([item.path for item in items]), SearchOptions(limit=1))
    assert [page.hits[0].item for page in pages] == items
    assert items[0].metadata == {"category": "round"}


def test_an_item_that_was_deleted_stays_away_however_often_is_built(build, indexes, encoder):
    build(keep=1)
    Changes(indexes).write_one(Delete("round-1"))
    for _ in range(3):
        build(keep=1)
        with pytest.raises(ItemUnknown):
            Searcher.open(indexes, encoder=encoder).item("round-1")


def test_a_build_makes_the_thumbnails_that_the_service_looks_for(build, indexes, encoder, tmp_path):
    assert build().thumbnails is None
    built = build(thumbnails=tmp_path / "thumbnails")
    item = Searcher.open(indexes, encoder=encoder).item("round-2")
    assert built.thumbnails[0] == 8 and "thumbnails" in built.seconds
    assert any(
        line.startswith("Thumbnails of 8 photographs") for line in lines(built, store="x", encoder="y")
    )
    kept = Thumbnails(tmp_path / "thumbnails")
    assert kept.find(key_of(item.content, 0), 320, "image/webp")


def test_what_was_built_stands_in_the_manifest(build, catalogue_path, encoder, indexes):
    built = build()
    manifest = Searcher.open(indexes, encoder=encoder).manifest
    assert manifest == built.manifest
    assert (manifest.version, manifest.items, manifest.bad) == ("2026-11-21T02-00-00Z", 8, 2)
    assert manifest.categories == 2
    assert manifest.catalogue == str(catalogue_path)
    assert manifest.gate["self_recall_at_1"] == 1.0
    assert manifest.gate["encoded_anew"] == 5 and manifest.gate["encoder_error"] == 0.0
    assert (manifest.kind, manifest.parameters["recall"]) == ("flat", 1.0)
    assert "compare them all" in manifest.parameters["why"]
    assert set(manifest.checksums) == {
        *("vectors.faiss", "items.sqlite", "contents.npy", "maps.npy", "report.csv", "duplicates.csv")
    }
    assert set(built.seconds) == {"embed", "check", "duplicates", "write", "publish"}


def test_what_is_new_changed_removed_cached_and_skipped_is_counted(build, catalogue_path, tmp_path):
    first = build(cache=tmp_path / "cache")
    assert (first.difference, first.cached, len(first.bad)) == (Difference(8, 0, 0), 0, 2)
    folder = catalogue_path.parent
    shutil.copy(folder / "round-0.png", folder / "more.png")
    Image.open(folder / "square-0.png").rotate(90).save(folder / "square-0.png")
    text = catalogue_path.read_text().replace("round-3,round-3.png,round\n", "more,more.png,round\n")
    catalogue_path.write_text(text)
    second = build(cache=tmp_path / "cache")
    assert (second.difference, second.cached, len(second.bad)) == (Difference(1, 1, 1), 7, 2)


def test_a_build_from_the_cache_has_the_vectors_of_a_full_one(build, indexes, catalogue_path, tmp_path):
    def vectors(built):
        return (indexes / built.manifest.version / "vectors.faiss").read_bytes()

    build(cache=tmp_path / "cache")
    Image.open(catalogue_path.parent / "square-0.png").rotate(90).save(catalogue_path.parent / "square-0.png")
    cached = build(cache=tmp_path / "cache")
    assert cached.cached == 7
    assert vectors(cached) == vectors(build())


def test_a_chosen_kind_is_kept_with_its_parameters(build, encoder, indexes):
    manifest = build(kind="hnsw").manifest
    assert manifest.kind == "hnsw" and manifest.parameters["ef_search"] > 0
    assert "why" not in manifest.parameters
    assert Searcher.open(indexes, encoder=encoder).manifest == manifest
    verify(indexes)


def test_items_that_repeat_another_one_are_counted_listed_and_grouped(build, indexes, catalogue_path):
    shutil.copy(catalogue_path.parent / "round-0.png", catalogue_path.parent / "copy.png")
    with catalogue_path.open("a") as file:
        file.write("copy,copy.png,round\n")
    built = build()
    listed = (built.report.parent / "duplicates.csv").read_text().splitlines()[1:]
    assert "copy,round-0,1.0000,0" in listed and built.manifest.duplicates == len(listed) < 8
    assert verify(indexes).items.groups()[[0, 8]].tolist() == [0, 0]


def test_old_versions_are_removed_after_publication(build, indexes):
    first = build().manifest.version
    second = build(keep=2).manifest.version
    third = build(keep=2)
    assert third.removed == (first,)
    assert list_versions(indexes) == [second, third.manifest.version]


def test_changes_are_folded_in_and_counted(build, indexes, encoder, catalogue_path):
    build()
    photo = catalogue_path.parent / "square-1.png"
    log = Changes(indexes)
    log.write_one(
        Put(
            "extra",
            (photo.read_bytes(),),
            {"category": "square"},
            encoder.embed([photo])[0],
            encoder.fingerprint,
        )
    )
    seq = log.write_one(Delete("round-0")).seq
    built = build()
    assert built.manifest.changes == seq and built.manifest.items == 8
    searcher = Searcher.open(indexes, encoder=encoder)
    np.testing.assert_array_equal(searcher.vector("extra"), searcher.vector("square-1"))
    with pytest.raises(ItemUnknown):
        searcher.item("round-0")


def test_golden_queries_decide_too(build, indexes, catalogue_path):
    golden = catalogue_path.parent / "golden.csv"
    golden.write_text("image,item_ids,k\nround-0.png,round-0,1\n")
    first = build(golden=golden).manifest
    assert (first.gate["golden_queries"], first.gate["golden_right"]) == (1, 1.0)
    golden.write_text("image,item_ids,k\nround-0.png,round-0,1\nround-1.png,square-3,1\n")
    with pytest.raises(GateFailed, match=r"golden query round-1\.png, first 1 \(missing: square-3\)"):
        build(golden=golden)
    report = json.loads((indexes / LAST_GATE).read_text())
    assert [query["missing"] for query in report["golden"]] == [[], ["square-3"]]
    assert current_version(indexes) == first.version


def test_unusable_golden_queries_are_told_before_the_work_begins(build, indexes, tmp_path):
    with pytest.raises(GoldenUnusable):
        build(golden=tmp_path / "golden.csv")
    assert not indexes.exists()


def test_the_verdict_is_kept_whatever_it_is(build, indexes):
    version = build().manifest.version
    report = json.loads((indexes / LAST_GATE).read_text())
    assert (report["version"], report["passed"], report["failures"]) == (version, True, [])
    with pytest.raises(GateFailed):
        build(limits=Limits(latency_ms=0.0))
    report = json.loads((indexes / LAST_GATE).read_text())
    assert not report["passed"] and "latency" in report["failures"][0]
    assert report["figures"]["search_ms"] > 0


def test_a_catalogue_that_has_shrunk_too_much_is_not_published(build, indexes, catalogue_path):
    first = build().manifest.version
    lines = catalogue_path.read_text().splitlines(keepends=True)
    catalogue_path.write_text("".join(lines[:7]))
    with pytest.raises(GateFailed, match="items .6 after 8, 25% fewer"):
        build()
    assert current_version(indexes) == first
    assert build(limits=Limits(max_drop=0.25)).manifest.items == 6


@pytest.fixture
def other_catalogue(catalogue_path):
    """Three of the photographs, in a catalogue of their own under ids of its own."""
    path = catalogue_path.with_name("other.csv")
    path.write_text("item_id,path\n" + "".join(f"other-{n},square-{n}.png\n" for n in range(3)))
    return path


def test_another_catalogue_that_is_smaller_takes_the_place_of_the_index_only_if_that_is_said(
    build, indexes, other_catalogue, encoder
):
    first = build().manifest

    def build_other(**options):
        catalogue = read_catalogue(str(other_catalogue))
        return build_index(
            catalogue, encoder, indexes=indexes, options=BuildOptions(processes=1, **options), now=NIGHT
        )

    with pytest.raises(GateFailed, match="of another catalogue, '.*catalogue.csv'.*--new-catalogue"):
        build_other()
    assert current_version(indexes) == first.version
    built = build_other(new_catalogue=True)
    assert (built.manifest.items, built.replaced) == (3, first.catalogue)
    back = build()  # more items than before: nothing is lost by it
    assert (back.manifest.items, back.replaced) == (8, str(other_catalogue))


def test_the_same_catalogue_may_not_shrink_though_a_new_one_was_expected(build, catalogue_path):
    assert build(new_catalogue=True).replaced is None
    catalogue_path.write_text("".join(catalogue_path.read_text().splitlines(keepends=True)[:7]))
    with pytest.raises(GateFailed, match="raise --max-drop"):
        build(new_catalogue=True)


def test_skipped_items_are_reported_in_the_version(build):
    built = build()
    assert reported(built.report) == ["broken-1", "broken-2"]
    assert [item.item_id for item in built.bad] == ["broken-1", "broken-2"]


def test_problems_of_the_catalogue_are_reported_with_those_of_the_photographs(build, catalogue_path):
    with catalogue_path.open("a") as file:
        file.write("round-0,round-1.png,round\nlost,lost.png,round\n")
    built = build()
    assert reported(built.report) == ["round-0", "lost", "broken-1", "broken-2"]
    assert built.manifest.bad == 4


def test_too_many_bad_items_publish_nothing_and_the_report_is_kept(build, indexes):
    with pytest.raises(TooManyBadItems, match="2 of 10"):
        build(max_bad=0.19)
    assert list_versions(indexes) == []
    assert reported(indexes / LAST_REPORT) == ["broken-1", "broken-2"]


def test_as_many_bad_items_as_allowed_are_published(build):
    assert build(max_bad=0.2).manifest.bad == 2


def test_a_failed_gate_publishes_nothing_and_the_old_version_stays(build, indexes):
    first = build().manifest.version
    with pytest.raises(GateFailed, match="latency"):
        build(limits=Limits(latency_ms=0.0))
    assert list_versions(indexes) == [first] and current_version(indexes) == first


def test_without_a_single_readable_photograph_nothing_is_published(build, indexes, monkeypatch):
    nothing = Embedded(
        items=(),
        vectors=np.empty((0, 128), np.float32),
        bad=(),
        pictures=np.empty(0, np.uint64),
        contents=np.empty((0, 32), np.uint8),
    )
    monkeypatch.setattr("index.build.embed_catalogue", lambda *_, **__: nothing)
    with pytest.raises(GateFailed, match="counts .0 items"):
        build(max_bad=1.0)
    assert list_versions(indexes) == []


def test_an_encoder_that_breaks_down_publishes_nothing(build, indexes, encoder, monkeypatch):
    monkeypatch.setattr(encoder, "embed_garments", lambda garments: np.full((len(garments), 128), np.nan))
    with pytest.raises(GateFailed, match="finite"):
        build()
    assert list_versions(indexes) == []


def test_a_full_disk_while_writing_leaves_no_rest(build, indexes, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("index.build.write_report", full)
    with pytest.raises(IndexNotWritten, match="No space left"):
        build()
    assert [path.name for path in indexes.iterdir()] == [".lock"]


def test_a_build_beside_another_one_is_refused(build, indexes):
    with building(indexes), pytest.raises(BuildRunning):
        build()
