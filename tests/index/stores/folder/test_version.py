import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.build import BuildRun, publish_embedded
from index.embedding.embeddings import Embedded
from index.errors import IndexDamaged
from index.manifest import file_sums, read_manifest, write_manifest
from index.stores.folder import version
from index.stores.folder.store import FolderStore
from index.stores.folder.version import check_version, open_version
from index.vectors.flat import FlatIndex
from training.catalogue.reader import Item


@pytest.fixture
def folder(indexes, publish_version):
    return indexes / publish_version()


def resign(folder, **changes):
    """Let the manifest say that the files are as they are."""
    checksums, sizes = file_sums(folder.iterdir())
    write_manifest(
        folder, replace(read_manifest(folder), **{"checksums": checksums, "sizes": sizes, **changes})
    )


def test_an_opened_version_holds_as_many_vectors_as_items(folder):
    version = open_version(folder)
    assert len(version.vectors) == len(version.items) == version.manifest.items == 40


def test_a_flipped_bit_in_a_large_file_is_left_to_the_full_check(folder, flip_a_bit):
    flip_a_bit(folder / "vectors.faiss")
    assert len(open_version(folder, hash_up_to=100).vectors) == 40
    with pytest.raises(IndexDamaged, match="SHA-256"):
        open_version(folder)


def test_files_of_up_to_64_mib_are_hashed_when_a_version_is_opened_and_all_by_a_check(folder, monkeypatch):
    limits = []
    monkeypatch.setattr(version, "damage", lambda *_, hash_up_to: limits.append(hash_up_to) or [])
    open_version(folder)
    check_version(folder)
    assert limits == [64 * 2**20, math.inf]


def test_a_truncated_file_is_refused_whatever_its_size(folder):
    path = folder / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexDamaged, match="bytes"):
        open_version(folder, hash_up_to=0)


def test_a_vector_too_few_is_refused(folder, unit_vectors):
    FlatIndex.build(unit_vectors(39)).save(folder / "vectors.faiss")
    resign(folder)
    with pytest.raises(IndexDamaged, match="39 vectors where the manifest says 40"):
        open_version(folder)


def test_vectors_of_another_dimension_are_refused(folder):
    resign(folder, dimension=32)
    with pytest.raises(IndexDamaged, match="vectors of 16, not 32"):
        open_version(folder)


def test_vectors_that_do_not_find_themselves_fail_the_full_check(folder):
    FlatIndex.build(np.full((40, 16), 0.1, np.float32)).save(folder / "vectors.faiss")
    resign(folder)
    open_version(folder)
    with pytest.raises(IndexDamaged, match="only 0 of 20 vectors find themselves"):
        check_version(folder)


@pytest.fixture
def several(indexes, unit_vectors):
    """A version of three items with five garments."""
    items = tuple(Item(f"sku-{row}", Path(f"/{row}.jpg"), {}) for row in range(3))
    pictures, contents = np.arange(3, dtype=np.uint64), np.zeros((3, 32), np.uint8)
    owners, boxes = np.array([0, 1, 2, 0, 2]), np.full((5, 4), 0.5, np.float32)
    embedded = Embedded(items, unit_vectors(5), (), pictures, contents, owners=owners, boxes=boxes)
    with FolderStore(indexes).building() as draft:
        return indexes / publish_embedded(BuildRun(draft, "shop.csv", "f" * 64), embedded).version


def test_a_version_of_all_garments_knows_whose_each_vector_is(several):
    version = check_version(several)
    assert (len(version.vectors), len(version.items), version.manifest.further) == (5, 3, 2)
    assert version.owners.tolist() == [0, 1, 2, 0, 2] and version.boxes.shape == (5, 4)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: np.savez(path, owners=np.arange(3), boxes=np.zeros((3, 4))), "3 views where"),
        (lambda path: path.write_bytes(b"PK no archive"), "can't be read"),
        (lambda path: np.savez(path, owners=np.arange(5)), "can't be read"),
        (lambda path: path.unlink(), "can't be read"),
    ],
)
def test_views_that_do_not_fit_are_refused(several, spoil, reason):
    spoil(several / "views.npz")
    resign(several)
    with pytest.raises(IndexDamaged, match=reason):
        open_version(several)
