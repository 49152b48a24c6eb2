from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import g

from index.guess import Guess
from index.pages import Hit
from service.api.answers import RankedPage
from service.api.side_by_side import Side, Wanted, comparison
from training.catalogue.reader import Item

NOTHING = Wanted()


def side(version, ids, *, holds=""):
    """A version that ranks some items, and holds others, too; an id is a letter."""
    hits = tuple(Hit(rank, 1 - rank / 10, 50.0, Item(one, Path(one), {})) for rank, one in enumerate(ids, 1))
    searcher = SimpleNamespace(
        manifest=SimpleNamespace(version=version, encoder=version * 8),
        items_of=lambda item_ids: {one: one for one in item_ids if one in ids + holds},
    )
    return Side(searcher, RankedPage(SimpleNamespace(hits=hits), Guess(None, None)))


@pytest.fixture
def compared(app):
    """Compare rankings, such as "abc" and "bca"; of each three results are shown."""

    def run(before, after, *, wanted=NOTHING, holds=""):
        with app.test_request_context():
            g.request_id = "r_1"
            return comparison(side("1", before, holds=holds), side("2", after), wanted, limit=3)

    return run


def test_what_came_went_and_moved_is_counted_among_the_results_that_are_shown(compared):
    found = compared("abcd", "adbe")
    assert (found.came, found.went, found.moved) == (1, 1, 1)  # d came, c went, b moved
    assert [(hit.item_id, hit.other_rank) for hit in found.after.results] == [("a", 1), ("d", 4), ("b", 2)]
    assert [(hit.item_id, hit.other_rank) for hit in found.before.results] == [
        ("a", 1),
        ("b", 3),
        ("c", None),
    ]


def test_equal_rankings_have_no_difference(compared):
    found = compared("abc", "abc")
    assert (found.came, found.went, found.moved) == (0, 0, 0)


def test_what_the_other_version_does_not_hold_is_told_from_what_it_ranks_behind(compared):
    found = compared("ab", "acd", holds="d")
    assert {hit.item_id: hit.elsewhere for hit in found.after.results} == {"a": True, "c": False, "d": True}


def test_what_is_wanted_is_marked_and_what_is_missing_is_named(compared):
    found = compared("abcd", "dabc", wanted=Wanted(("a", "d"), k=2))
    assert (found.before.missing, found.after.missing) == (["d"], [])
    assert [hit.item_id for hit in found.after.results if hit.wanted] == ["d", "a"]
