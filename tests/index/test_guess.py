from pathlib import Path
from types import SimpleNamespace

import pytest

from index.guess import REACH, Guess, guess_category, signals_of
from index.pages import Hit
from training.catalogue.reader import Item
from training.photo.confidence import FIRST, Signals
from training.photo.garment_types import TYPES


def hit(score, category):
    return Hit(rank=1, score=score, percentile=50.0, item=Item("a", Path("/a"), {"category": category}))


def test_the_category_is_that_with_most_votes_by_similarity_and_its_share_is_the_confidence():
    guess = guess_category([hit(0.9, "dress"), hit(0.6, "skirt"), hit(0.5, "skirt")])
    assert guess.category == "skirt"
    assert guess.confidence == pytest.approx((0.6 + 0.5) / (0.9 + 0.6 + 0.5))


def test_neighbours_of_one_category_are_certain():
    assert guess_category([hit(0.3, "dress")] * 10) == Guess("dress", 1.0)


def test_neighbours_without_a_category_or_of_the_opposite_direction_have_no_vote():
    assert guess_category([hit(0.9, None), hit(0.8, "hat"), hit(-0.7, "dress")]) == Guess("hat", 1.0)


def test_only_the_ten_nearest_with_a_category_vote():
    hits = [hit(0.9, None)] * 3 + [hit(0.9, "dress")] * 10 + [hit(0.9, "hat")] * 30
    assert guess_category(hits) == Guess("dress", 1.0)


def test_the_nearer_of_two_categories_with_as_many_votes_is_guessed():
    assert guess_category([hit(0.5, "skirt"), hit(0.5, "dress")]) == Guess("skirt", 0.5)


def test_a_label_far_down_the_ranking_says_nothing():
    unlabelled = [hit(0.9, None)] * REACH
    assert guess_category([*unlabelled[1:], hit(0.8, "hat")]) == Guess("hat", 1.0)
    assert guess_category([*unlabelled, hit(0.8, "hat")]) == Guess()


@pytest.mark.parametrize("hits", [[], [hit(0.9, None), hit(0.8, "")], [hit(-0.1, "hat")]])
def test_without_votes_there_is_neither_guess_nor_confidence(hits):
    assert guess_category(hits) == Guess(None, None)


UNMOVED = SimpleNamespace(nearness=lambda head: head, categories=None)
"""A manifest that tells a head's score as it is."""


def test_signals_are_of_the_first_hits_that_were_asked_for_and_of_the_votes_of_all():
    nearest = [hit(0.9, "skirts"), hit(0.6, "pumps")]
    types = tuple(0.7 if kind == "skirt" else 0.1 if kind == "shoes" else 0.0 for kind in TYPES)
    asked = [hit(0.5, "pumps")] * (FIRST - 1) + [hit(0.3, "pumps")] * 3
    found = signals_of(asked, guess_category(nearest), UNMOVED, types=types)
    assert found.nearness == pytest.approx((0.5 * 7 + 0.3) / 8)
    assert found.agreement == pytest.approx(0.6)
    assert found.type_match == pytest.approx(0.6 * 0.7 + 0.4 * 0.1)


def test_items_without_categories_leave_nearness_alone_and_an_empty_ranking_nothing():
    unlabelled = [hit(0.5, None)] * 3
    guess = guess_category(unlabelled)
    assert signals_of(unlabelled, guess, UNMOVED, types=(0.1,) * 8) == Signals(nearness=0.5)
    assert signals_of([], guess, UNMOVED) == Signals()


@pytest.mark.parametrize(("categories", "agreement"), [(1, None), (2, 1.0), (None, 1.0)])
def test_neighbours_that_could_not_but_agree_speak_for_nothing(categories, agreement):
    guess = guess_category([hit(0.9, "skirts"), hit(0.6, "skirts")])
    manifest = SimpleNamespace(nearness=UNMOVED.nearness, categories=categories)
    assert signals_of([hit(0.9, "skirts")], guess, manifest).agreement == agreement
