import itertools

import pytest

from index.errors import KindUnknown
from index.vectors import flat
from index.vectors.kinds import AUTO, KINDS, choose_kind, kind_named

GB = 10**9


@pytest.mark.parametrize(
    ("count", "memory", "kind"),
    [
        (1, 8 * GB, "flat"),
        (44_000, 8 * GB, "flat"),
        (200_000, 8 * GB, "hnsw"),
        (1_000_000, 8 * GB, "hnsw"),
        (1_000_000, 1.2 * GB, "ivf-flat"),
        (1_000_000, 1 * GB, "ivf-pq"),
        (20_000_000, 8 * GB, "ivf-pq"),
    ],
)
def test_size_and_memory_choose_the_kind(count, memory, kind):
    assert choose_kind(count, 128, int(memory))[0] == kind


@pytest.mark.parametrize(("flat_ms", "kind"), [(0.1, "flat"), (0.5, "flat"), (0.51, "hnsw"), (1.7, "hnsw")])
def test_the_time_of_comparing_all_decides_where_it_was_measured(flat_ms, kind):
    assert choose_kind(100_000, 128, 8 * GB, flat_ms=flat_ms)[0] == kind


def test_what_is_too_large_is_not_compared_however_quick_it_is():
    assert choose_kind(200_000, 128, 8 * GB, flat_ms=0.1)[0] == "hnsw"


def test_the_time_of_comparing_all_grows_with_the_vectors(unit_vectors, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(flat, "thread_time", lambda: next(clock) / 1000)
    assert flat.comparison_ms(unit_vectors(flat._SAMPLE)) == pytest.approx(1.0)
    assert flat.comparison_ms(unit_vectors(3 * flat._SAMPLE)) == pytest.approx(3.0)
    assert flat.comparison_ms(unit_vectors(1)) == pytest.approx(1.0)


def test_the_reason_is_one_line_with_the_figures():
    _, why = choose_kind(1_000_000, 128, 8 * 2**30)
    assert why == "1,000,000 vectors of 128 numbers need 686.6 MiB of the 8.0 GiB of memory"
    _, why = choose_kind(20_000_000, 128, 8 * 2**30)
    assert "would need 13.4 GiB, more than half of the 8.0 GiB of memory; codes of them need 1.3 GiB" in why


def test_longer_vectors_leave_the_flat_kind_sooner():
    assert choose_kind(60_000, 128, 8 * GB)[0] == "flat"
    assert choose_kind(60_000, 512, 8 * GB)[0] == "hnsw"


def test_every_choice_is_a_kind():
    chosen = {choose_kind(10**power, 128, 2 * GB)[0] for power in range(9)}
    assert chosen <= set(KINDS) and len(chosen) == 3
    assert AUTO not in KINDS


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(KindUnknown, match="'tree'.*flat, hnsw, ivf-flat, ivf-pq, sq8"):
        kind_named("tree")
