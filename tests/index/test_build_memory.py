import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from benchmarks import build_memory
from index import build, comparison, scratch
from index.embedding import duplicates, embeddings
from index.embedding.embedders import FEW
from index.gate import checks, percentiles
from index.scratch import SMALL, taken, zeros
from index.stores.folder import draft
from training.catalogue import tables

FEWER, MORE = 1000, 3000


@pytest.fixture
def small_parts(monkeypatch):
    """All that is done part by part, done in parts so small that a build consists of many."""
    for module, name, value in (
        (tables, "BLOCK", 2**13),
        (embeddings, "_READ_AT_ONCE", 64),
        (embeddings, "_ROWS_AT_ONCE", 64),
        (scratch, "SMALL", 0),
        (scratch, "_AT_ONCE", 64),
        (duplicates, "_WINDOW", 128),
        (duplicates, "_BATCH", 64),
        (comparison, "_AT_ONCE", 64),
        (checks, "_BATCH", 64),
    ):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(percentiles.pair_quantiles, "__kwdefaults__", {"pairs": 1000, "seed": 0})


@pytest.fixture
def most_held(monkeypatch):
    """The most bytes that Python and NumPy have held in each step of the build under way."""
    held: dict[str, int] = {}

    def watched(module, name):
        step = getattr(module, name)

        def watching(*arguments, **options):
            tracemalloc.reset_peak()
            done = step(*arguments, **options)
            held[name] = tracemalloc.get_traced_memory()[1]
            return done

        monkeypatch.setattr(module, name, watching)

    for module, name in (
        *((build_memory, "read_catalogue"), (build, "within"), (build, "embed_catalogue")),
        *((build, "check_vectors"), (build, "find_duplicates"), (draft, "_make_index")),
        *((draft, "write_items"), (draft, "write_duplicates"), (build, "check_index")),
        *((build, "neighbourhoods"), (build, "pair_quantiles"), (build, "compare")),
    ):
        watched(module, name)
    return held


def test_no_step_of_a_build_holds_more_than_a_few_bytes_a_view(
    small_parts, most_held, unit_vectors, encoder, tmp_path
):
    # the interpreter keeps a table of all parts of paths, which would grow in leaps
    names = [sys.intern(f"{number}.jpg") for number in range(build_memory.NAMES)]
    vectors, held = unit_vectors(MORE, encoder.dimension), {}
    for count in (FEW + 1, FEWER, MORE):
        tracemalloc.start()
        try:
            build_memory.build_made(vectors[:count], tmp_path / str(count), encoder, kind="flat")
        finally:
            tracemalloc.stop()
        held[count] = dict(most_held)
    assert names and len(most_held) == 12
    more = {step: (held[MORE][step] - held[FEWER][step]) / (MORE - FEWER) for step in most_held}
    assert max(more.values()) <= build_memory.GOAL, more


def test_a_large_array_lies_in_a_file_without_a_name_and_a_small_one_in_memory(tmp_path):
    shape = (SMALL // 4 + 1, 4)
    tracemalloc.start()
    large = zeros(shape, np.uint8, tmp_path)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    small = zeros((4, 4), np.uint8, tmp_path)
    assert held < SMALL / 4
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
