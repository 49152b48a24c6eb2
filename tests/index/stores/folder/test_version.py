from dataclasses import replace

import numpy as np
import pytest

from index.errors import IndexDamaged
from index.manifest import file_sums, read_manifest, write_manifest
from index.stores.folder.version import check_version, open_version
from index.vectors.flat import FlatIndex


@pytest.fixture
def folder(indexes, publish_version):
    return indexes / publish_version()


def resign(folder, **changes):
    """Let the manifest say that the files are as they are."""
    checksums, sizes = file_sums(folder)
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
