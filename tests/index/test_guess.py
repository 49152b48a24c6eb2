from pathlib import Path

import pytest

from index.guess import REACH, Guess, guess_category
from index.pages import Hit
from training.catalogue.reader import Item


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
