import numpy as np
import pytest

from tests.training.parts.test_part_maps import block, garment
from training.part_network.feature_network import build, correlations, listwise
from training.parts.part_maps import CELLS, CHANNELS, FEATURES, PART_MAP, ZERO, in_cells, part_map
from training.parts.part_matching import SIZES, Part, coverage, within


def test_features_of_any_number_of_garments_lie_between_minus_one_and_one():
    cells = np.random.default_rng(0).integers(0, 256, (3, 30, 30, 8), np.uint8)
    features = np.asarray(build()(cells))
    assert features.shape == (3, CELLS, CELLS, CHANNELS)
    assert 0.01 < np.abs(features).max() < 1


def test_the_training_looks_for_parts_as_a_search_does(monkeypatch):
    monkeypatch.setattr("training.parts.part_matching.SIZES", SIZES[:1])  # sizes are not trained
    garments = [
        garment(block(*corners)) for corners in ((30, 8, 98, 120), (20, 20, 108, 110), (40, 8, 90, 90))
    ]
    maps = np.array([part_map(each) for each in garments], PART_MAP)
    frame = (0.1, 0.0, 0.8, 0.4)
    windows = np.stack([coverage(within(in_cells(one), np.array(frame))) for one in maps["inner"]])
    features = (maps[FEATURES] - np.float32(ZERO)) / np.float32(ZERO)
    trained = np.asarray(correlations(features, windows))
    searched = np.stack([Part(each, frame).find(maps).scores for each in garments])
    np.testing.assert_allclose(np.clip(trained, 0, 1), searched, atol=2e-3)


def loss(gains: list[float], scores: list[float]) -> float:
    (found,) = np.asarray(listwise(np.array([gains], np.float32), np.array([scores], np.float32))).tolist()
    return found


def test_the_better_the_order_the_lower_the_loss():
    gains = [1.0, 0.8, 0.2, 0.0]
    perfect = [gain / 0.07 for gain in gains]
    assert loss(gains, perfect) == pytest.approx(0, abs=1e-4)
    swapped = [perfect[1], perfect[0], *perfect[2:]]
    assert loss(gains, swapped) > loss(gains, [12, 11, 4, 0]) > 0
    assert loss(gains, perfect[::-1]) > loss(gains, swapped)


def test_an_answer_that_is_not_compared_counts_neither_way():
    assert loss([1.0, np.nan, 0.2], [9.0, 50.0, 1.0]) == pytest.approx(loss([1.0, 0.2], [9.0, 1.0]), abs=1e-4)
