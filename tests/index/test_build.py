import csv
from datetime import UTC, datetime

import numpy as np
import pytest

from index.build import LAST_REPORT, build_index
from index.embeddings import Embedded
from index.errors import BuildRunning, GateFailed, IndexNotWritten
from index.gate import Limits
from index.publish import building, current_version, list_versions
from index.searcher import Searcher
from training.catalogue import read_catalogue
from training.errors import TooManyBadItems

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def build(catalogue_path, encoder, indexes):
    def run(**options):
        catalogue = read_catalogue(str(catalogue_path))
        return build_index(catalogue, encoder, indexes=indexes, processes=1, now=NIGHT, **options)

    return run


def reported(path):
    with path.open(newline="") as file:
        return [row["item_id"] for row in csv.DictReader(file)]


def test_a_built_catalogue_is_served_and_each_photograph_finds_itself(build, indexes, encoder):
    build()
    searcher = Searcher.open(indexes, encoder=encoder)
    items = [searcher.item(f"{shape}-{number}") for shape in ("round", "square") for number in range(4)]
    pages = searcher.search(encoder.embed([item.path for item in items]), limit=1)
    assert [page.hits[0].item for page in pages] == items
    assert items[0].metadata == {"category": "round"}


def test_what_was_built_stands_in_the_manifest(build, catalogue_path, encoder, indexes):
    built = build()
    manifest = Searcher.open(indexes, encoder=encoder).manifest
    assert manifest == built.manifest
    assert (manifest.version, manifest.items, manifest.bad) == ("2026-11-21T02-00-00Z", 8, 2)
    assert manifest.catalogue == str(catalogue_path)
    assert manifest.gate["self_recall_at_1"] == 1.0
    assert set(manifest.checksums) == {"vectors.faiss", "items.sqlite", "report.csv"}
    assert list(built.seconds) == ["embed", "write", "check", "publish"]


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
    nothing = Embedded(items=(), vectors=np.empty((0, 128), np.float32), bad=())
    monkeypatch.setattr("index.build.embed_catalogue", lambda *_, **__: nothing)
    with pytest.raises(GateFailed, match="nothing to publish"):
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
