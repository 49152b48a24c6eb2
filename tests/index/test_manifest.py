import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from index.errors import IndexDamaged
from index.manifest import (
    MANIFEST,
    Manifest,
    damage,
    file_sums,
    pair_quantiles,
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
    score_quantiles=(-0.5, 0.0, 0.5, 0.75, 1.0),
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
    with pytest.raises(IndexDamaged, match="No such file"):
        read_manifest(tmp_path)


def test_a_changed_figure_is_noticed(folder):
    fields = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**fields, "items": 4}))
    with pytest.raises(IndexDamaged, match="changed since"):
        read_manifest(folder)


def test_every_file_but_the_manifest_is_summed(folder):
    assert file_sums(folder) == (PLAIN.checksums, PLAIN.sizes)


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
    assert PLAIN.percentiles(np.array([0.5, 0.625, 2.0, -1.0])).tolist() == [50.0, 62.5, 100.0, 0.0]


def test_without_pairs_every_score_is_above_all():
    assert replace(PLAIN, score_quantiles=()).percentiles(np.array([0.1, -0.9])).tolist() == [100.0, 100.0]


def test_the_quantiles_are_those_of_all_pairs(unit_vectors):
    vectors = unit_vectors(200)
    quantiles = np.array(pair_quantiles(vectors))
    true = np.quantile((vectors @ vectors.T)[np.triu_indices(200, 1)], np.linspace(0, 1, 1001))
    assert len(quantiles) == 1001 and (np.diff(quantiles) >= 0).all()
    np.testing.assert_allclose(quantiles[50:-50], true[50:-50], atol=0.02)


def test_a_pair_is_never_an_item_with_itself():
    assert set(pair_quantiles(np.eye(2, dtype=np.float32))) == {0.0}


def test_the_pairs_are_drawn_alike_every_time(unit_vectors):
    vectors = unit_vectors(30)
    assert pair_quantiles(vectors, seed=3) == pair_quantiles(vectors, seed=3)
    assert pair_quantiles(vectors, seed=3, pairs=500) != pair_quantiles(vectors, seed=4, pairs=500)


def test_a_single_item_has_no_pairs():
    assert pair_quantiles(np.ones((1, 1), np.float32)) == ()
