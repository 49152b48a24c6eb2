import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.build_memory import GOAL, MadeItems, made_item
from index.embedding import duplicates
from index.gate.checks import check_vectors
from index.scratch import SMALL, taken, zeros
from index.stores.folder.items import write_items
from index.vectors.flat import FlatIndex

MOST = 32_000


class Numbered(MadeItems):
    """Items of one path: the interpreter keeps a table of all parts of paths, which grows in leaps."""

    _first = made_item(0)

    def __getitem__(self, row):
        return replace(self._first, item_id=str(row)) if row < len(self) else super().__getitem__(row)


def most_held(step, *arguments):
    """The most bytes that Python and NumPy have held in a step."""
    tracemalloc.start()
    try:
        step(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def hashes_of(count):
    return np.random.default_rng(1).integers(0, 2**60, count, np.uint64)


@pytest.fixture
def steps(unit_vectors, tmp_path, monkeypatch):
    """What a build does with all views, from their number on."""
    monkeypatch.setattr(duplicates, "_WINDOW", 2**10)
    vectors = unit_vectors(MOST)
    return {
        "duplicates": lambda count: duplicates.find_duplicates(vectors[:count], hashes_of(count)),
        "items": lambda count: write_items(tmp_path / f"{count}.sqlite", Numbered(count)),
        "gate": lambda count: check_vectors(vectors[:count], items=count),
        "vectors": lambda count: FlatIndex.build(vectors[:count], path=tmp_path / f"{count}.faiss"),
    }


@pytest.mark.parametrize(
    ("step", "views"), [("duplicates", MOST), ("items", MOST // 2), ("gate", MOST), ("vectors", MOST)]
)
def test_a_step_of_a_build_holds_few_bytes_a_view(steps, step, views):
    """Items are the slowest to write, and tell as much from half as many."""
    low, high = (most_held(steps[step], count) for count in (views // 2, views))
    assert (high - low) / (views // 2) <= GOAL


def test_a_large_array_lies_in_a_file_without_a_name_and_a_small_one_in_memory(tmp_path):
    shape = (SMALL // 4 + 1, 4)
    assert most_held(zeros, shape, np.uint8, tmp_path) < SMALL / 4
    large, small = zeros(shape, np.uint8, tmp_path), zeros((4, 4), np.uint8, tmp_path)
    assert large.shape == shape and not large.any() and not small.any()
    large[:] = 7
    assert not list(tmp_path.iterdir()) and (large == 7).all()


def test_rows_of_an_array_are_taken_and_all_of_them_are_the_array(tmp_path):
    array = np.arange(300_000, dtype=np.int64).reshape(-1, 2)
    rows = np.random.default_rng(0).permutation(len(array))
    np.testing.assert_array_equal(taken(array, rows, tmp_path), array[rows])
    assert taken(array, np.arange(len(array)), tmp_path) is array


def test_an_array_without_room_on_its_disk_is_an_error_and_not_the_end(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        zeros((SMALL + 1,), np.uint8, Path(tmp_path))
