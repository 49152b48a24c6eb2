"""True shape: the scores against hand-worked numbers, and the drawn garments they are taken on."""

import numpy as np
import pytest

from training.evaluation.baselines import CHANCE, HOG_MASK
from training.evaluation.photos import ENCODER
from training.evaluation.true_shape import (
    _samples,
    gain,
    ndcg,
    rankings,
    spearman,
    strict_gain,
    true_shape,
)
from training.photo.encoder import PRETRAINED, Encoder

FALLING = np.array([[0.9, 0.5, 0.1]])  # similarities that keep the order


def test_the_gains_fall_evenly_with_the_distance():
    distances = np.array([0.0, 0.5, 1.0, 2.0])
    assert gain(distances) == pytest.approx([1, 0.75, 0.5, 0])
    assert strict_gain(distances) == pytest.approx([1, 0.5, 0, 0])


def test_ndcg_discounts_by_the_logarithm_of_the_rank():
    # gains 0, 1, 1 at ranks 1, 2, 3; the best order has them at 1 and 2
    reached = 1 / np.log2(3) + 1 / np.log2(4)
    best = 1 + 1 / np.log2(3)
    assert ndcg(np.array([[0.0, 1.0, 1.0]]), FALLING) == pytest.approx([reached / best])


def test_ndcg_looks_no_deeper_than_it_is_told():
    assert ndcg(np.array([[0.0, 0.0, 1.0]]), FALLING, depth=2) == pytest.approx([0.0])


def test_spearman_is_one_for_any_rising_relation_and_minus_one_for_its_reverse():
    values = np.array([0.1, 0.2, 0.7, 0.9])
    assert spearman(values, values**3) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)
    assert spearman(np.ones(4), values) == 0


def test_ranking_by_the_true_distance_has_every_score_at_one():
    distances = np.random.default_rng(0).uniform(0, 2, (5, 30))
    found = rankings(distances, -distances)
    scores = (found.ndcg, found.strict_ndcg, found.spearman, found.spearman_within)
    assert scores == pytest.approx((1, 1, 1, 1))


def test_within_a_type_only_garments_of_it_count():
    distances = np.array([[0.1, 0.2, 0.3, 1.5, 1.7]])
    similarities = np.array([[0.9, 0.8, 0.7, 0.6, 0.99]])  # the last is wrong, and of another type
    found = rankings(distances, similarities)
    assert found.spearman_within == pytest.approx(1)
    assert found.spearman < 0.5


def test_each_query_is_a_gallery_shape_in_an_appearance_that_is_nowhere_else():
    gallery, queries = _samples(6, 2, 4)
    assert (len(gallery), len(queries)) == (12, 4)
    assert [shape for shape, _ in queries] == [shape for shape, _ in gallery[:4]]
    looks = [look.seed for _, look in gallery + queries]
    assert len(set(looks)) == len(looks)


def test_the_encoder_that_ships_ranks_drawn_garments_by_their_shape():
    table = true_shape(Encoder.load(PRETRAINED), shapes=40, queries=25, processes=1)
    scores = table.column("nDCG@10")
    assert scores[ENCODER] > 0.88  # measured: 0.918
    assert table.column("strict nDCG@10")[ENCODER] > 0.76  # measured: 0.841
    assert table.column("Spearman in type")[ENCODER] > 0.64  # measured: 0.715
    assert scores[ENCODER] > scores[HOG_MASK] + 0.03 > scores[CHANCE] + 0.2
