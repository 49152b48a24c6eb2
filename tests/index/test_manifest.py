import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from index.errors import IndexDamaged
from index.gate.percentiles import SHARES
from index.manifest import (
    MANIFEST,
    Manifest,
    damage,
    file_sums,
    read_manifest,
    write_manifest,
)

PLAIN = Manifest(
    version="2026-11-21T02-00-00Z",
    built_at="2026-11-21T02:00:00+00:00",
    items=3,
    bad=1,
    catalogue="catalogue.csv?split=train",
    encoder="ab" * 32,
    dimension=16,
    kind="flat",
    checksums={"one.txt": hashlib.sha256(b"one").hexdigest()},
    sizes={"one.txt": 3},
    gate={"items": 3, "self_recall_at_1": 1.0},
    score_quantiles=tuple(np.linspace(-0.4, 1.0, len(SHARES)).tolist()),
    neighbour_quantiles=tuple(np.linspace(0.5, 1.0, 51).tolist()),
    parameters={"nprobe": 16, "recall": 0.983},
    changes=7,
    duplicates=1,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "one.txt").write_bytes(b"one")
    write_manifest(tmp_path, PLAIN)
    return tmp_path


def test_a_manifest_comes_back_as_it_was_written(folder):
    assert read_manifest(folder) == PLAIN


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"manifest_sha256": "00"}'])
def test_a_manifest_that_is_not_one_is_refused(folder, content):
    (folder / MANIFEST).write_text(content)
    with pytest.raises(IndexDamaged, match=r"manifest\.json"):
        read_manifest(folder)


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(IndexDamaged, match="can't be used: it is missing"):
        read_manifest(tmp_path)


def test_a_changed_figure_is_noticed(folder):
    fields = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**fields, "items": 4}))
    with pytest.raises(IndexDamaged, match="changed since"):
        read_manifest(folder)


def test_every_file_but_the_manifest_is_summed(folder):
    assert file_sums(folder.iterdir()) == (PLAIN.checksums, PLAIN.sizes)


def test_files_as_published_are_not_damaged(folder):
    assert damage(folder, PLAIN) == []


def test_a_missing_a_shorter_and_a_changed_file_are_each_named(folder):
    (folder / "one.txt").write_bytes(b"ono")
    assert "SHA-256" in damage(folder, PLAIN)[0]
    (folder / "one.txt").write_bytes(b"on")
    assert damage(folder, PLAIN) == ["one.txt has 2 of 3 bytes"]
    (folder / "one.txt").unlink()
    assert damage(folder, PLAIN) == ["one.txt is missing"]


def test_files_above_the_limit_are_compared_by_size_only(folder):
    (folder / "one.txt").write_bytes(b"ono")
    assert damage(folder, PLAIN, hash_up_to=2) == []
    assert damage(folder, PLAIN, hash_up_to=3) != []


def test_a_score_has_the_share_of_pairs_below_it_as_percentile():
    lowest, middle, highest = PLAIN.score_quantiles[0], PLAIN.score_quantiles[151], PLAIN.score_quantiles[-1]
    assert PLAIN.percentiles(np.array([lowest, middle, highest])).tolist() == [0.0, 50.0, 100.0]


def test_how_near_answers_are_is_told_by_how_near_the_items_own_neighbours_are():
    assert PLAIN.nearness(0.75) == pytest.approx(0.5)
    assert (PLAIN.nearness(0.1), PLAIN.nearness(1.0)) == (0.0, 1.0)
    assert replace(PLAIN, neighbour_quantiles=()).nearness(0.75) is None
