import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from service.http.usage_file import (
    DAYS,
    HOUR,
    LATENCY_MS,
    LOOSE_KEPT,
    LooseQuery,
    UsageFile,
    latency_class,
    percentile_ms,
)

NOW = 500_000.5 * HOUR


@pytest.fixture
def file(tmp_path):
    return UsageFile(tmp_path / "deep" / "usage.sqlite")


def counted(file):
    """Return all counts that a file holds."""
    with closing(sqlite3.connect(file.path)) as connection:
        rows = connection.execute("SELECT hour, figure, count FROM counts")
        return {(hour, figure): count for hour, figure, count in rows}


def loose(query=None, at=NOW, picture=None):
    return LooseQuery("photo", "dress", 0.2, 71.5, at=at, query=query, picture=picture)


def test_what_several_processes_add_is_added_up(file):
    for counts in (
        {(500_000, "ms 3"): 2, (500_000, "loose"): 1},
        {(500_000, "ms 3"): 5, (499_999, "ms 3"): 1},
    ):
        UsageFile(file.path).add(Counter(counts), (), now=NOW)
    assert counted(file) == {(500_000, "ms 3"): 7, (500_000, "loose"): 1, (499_999, "ms 3"): 1}


def test_figures_older_than_a_month_are_removed(file):
    first = 500_000 - DAYS * 24 + 1
    file.add(Counter({(first, "ms 3"): 1, (first - 1, "ms 3"): 1}), [loose(at=NOW - 32 * 86_400)], now=NOW)
    assert counted(file) == {(first, "ms 3"): 1} and file.loose() == []


def test_the_newest_queries_that_found_nothing_close_are_kept(file):
    file.add(Counter(), [loose(at=NOW - age) for age in range(LOOSE_KEPT + 3)], now=NOW)
    kept = file.loose()
    assert len(kept) == LOOSE_KEPT and [query.at for query in kept[:2]] == [NOW, NOW - 1]
    assert (kept[0].kind, kept[0].category, kept[0].confidence, kept[0].percentile) == (
        "photo",
        "dress",
        0.2,
        71.5,
    )


def test_a_picture_that_is_searched_with_again_is_listed_once(file):
    file.add(Counter(), [loose("a", at=NOW - 5)], now=NOW)
    file.add(Counter(), [loose("a"), loose(), loose()], now=NOW)
    assert sorted(query.at for query in file.loose()) == [NOW, NOW, NOW]


def test_a_picture_can_be_read_until_it_is_forgotten(file):
    file.add(Counter(), [loose("a", picture=b"a picture"), loose("b", picture=b"another")], now=NOW)
    numbers = [query.number for query in file.loose() if query.has_picture]
    assert sorted(map(file.picture, numbers)) == [b"a picture", b"another"]
    file.forget_pictures({"a"})
    assert [file.picture(number) for number in numbers if file.picture(number)] == [b"another"]
    assert b"a picture" not in file.path.read_bytes()
    file.forget_pictures()
    assert not any(query.has_picture for query in file.loose()) and file.picture(77) is None


def test_only_the_user_of_the_service_may_read_the_file(file):
    file.add(Counter(), (), now=NOW)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_month_with_every_figure_in_every_hour_takes_less_than_two_megabytes(file):
    figures = [f"ms {number}" for number in range(len(LATENCY_MS))] + ["refused", "busy", "judged", "loose"]
    hours = range(500_000 - DAYS * 24 + 1, 500_001)
    file.add(Counter({(hour, figure): 1000 for hour in hours for figure in figures}), (), now=NOW)
    assert file.periods(last=500_000, hours=24, count=30)[1].searches == 30 * 24 * 1000 * (
        len(LATENCY_MS) + 1
    )
    assert file.path.stat().st_size < 2e6


def test_a_file_that_is_no_database_is_an_error(file):
    file.path.parent.mkdir()
    file.path.write_bytes(b"no database at all, but of some length" * 40)
    with pytest.raises(sqlite3.DatabaseError):
        file.loose()


@pytest.mark.parametrize("seconds", [0.001, 0.0123, 0.5, 2.0, 99.0])
def test_a_percentile_is_right_to_a_class(seconds):
    found = percentile_ms(Counter({int(latency_class(seconds)[3:]): 3}), 50)
    assert found == pytest.approx(seconds * 1000, rel=0.07)  # half a class is 6 %


def test_percentiles_count_from_the_quickest_and_go_evenly_through_a_class():
    classes = {20: 50, 40: 49, 60: 1}  # up to 10, 100 and 1,000 ms, each from a twentieth of a decade below
    found = {percent: percentile_ms(classes, percent) for percent in (1, 50, 51, 99, 100)}
    shares = {1: 0.5 / 50, 50: 49.5 / 50, 51: 0.5 / 49, 99: 48.5 / 49, 100: 0.5}
    tops = {1: 10, 50: 10, 51: 100, 99: 100, 100: 1000}
    assert found == pytest.approx({at: tops[at] * 10 ** ((shares[at] - 1) / 20) for at in found})
    assert sorted(found.values()) == list(found.values())


def test_a_latency_beyond_all_classes_counts_for_the_last():
    assert latency_class(1e6) == f"ms {len(LATENCY_MS) - 1}"


def test_hours_are_put_together_to_periods(file):
    counts = Counter({(6, "ms 20"): 3, (6, "refused"): 2, (6, "busy"): 1, (9, "ms 20"): 1, (3, "ms 20"): 99})
    counts[9, "judged"], counts[9, "loose"], counts[10, "ms 20"] = 4, 1, 99
    file.add(counts, (), now=10 * HOUR)
    parts, total = file.periods(last=9, hours=3, count=2)
    assert [(part.at, part.searches, part.answered, part.refused, part.busy) for part in parts] == [
        (4 * HOUR, 5, 3, 2, 1),
        (7 * HOUR, 1, 1, 0, 0),
    ]
    assert (total.at, total.searches, total.judged, total.loose) == (4 * HOUR, 6, 4, 1)
    assert parts[0].percentiles_ms == {50: 9.4, 95: 9.8, 99: 9.8}
    assert file.periods(last=2, hours=1, count=1)[1].percentiles_ms == {}
