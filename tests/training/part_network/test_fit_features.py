from dataclasses import replace

import numpy as np
import pytest

from tests.training.part_network.test_part_batches import looks
from training.catalogue.reader import read_catalogue
from training.errors import RunExists, TooFewImages
from training.part_network import fit_features as training_of_features
from training.part_network import part_batches
from training.part_network.fit_features import FeatureConfig, fit_features, learn
from training.photo.litert import LiteModel

SMALL = FeatureConfig(epochs=2, steps=2)


@pytest.mark.slow
def test_a_network_is_trained_and_exported_and_a_second_run_finds_it_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(part_batches, "DRAWN", 4)
    monkeypatch.setattr(part_batches, "PHOTOGRAPHS", 2)
    drawn, photographs = looks(50, 2, drawn=True), looks(50, 3, drawn=False)
    assert fit_features(drawn, photographs, tmp_path, SMALL) < 0.05
    exported = (tmp_path / "features.tflite").read_bytes()
    assert len(exported) < 200_000
    found = LiteModel(exported).run(drawn.cells[:3, 0])
    assert found.shape == (3, 15, 15, 8) and np.abs(found).max() <= 1
    fit_features(drawn, photographs, tmp_path, SMALL)
    again = LiteModel((tmp_path / "features.tflite").read_bytes())
    np.testing.assert_allclose(again.run(drawn.cells[:3, 0]), found, atol=1e-3)


def test_too_few_garments_are_refused(tmp_path):
    many = looks(50, 2, drawn=True)
    with pytest.raises(TooFewImages, match="39 drawn garments"):
        fit_features(replace(many, cells=many.cells[:39]), many, tmp_path)
    assert not (tmp_path / "features.tflite").exists()


@pytest.fixture
def never_drawn(monkeypatch):
    def drawn_looks(*_, **__):
        raise AssertionError("garments were drawn for a training that is refused")

    monkeypatch.setattr(training_of_features, "drawn_looks", drawn_looks)


def test_what_can_not_be_learned_from_is_refused_before_garments_are_drawn(
    tmp_path, drawn_cache, never_drawn
):
    few = read_catalogue("drawn:5", cache=drawn_cache)
    with pytest.raises(TooFewImages, match="5 photographs to learn from; at least 40"):
        learn(few, tmp_path, cache=drawn_cache, processes=1)


def test_a_folder_is_refused_to_other_settings_once_something_was_learned_there(
    tmp_path, drawn_cache, never_drawn
):
    few = read_catalogue("drawn:5", cache=drawn_cache)
    for config in (FeatureConfig(), SMALL):
        with pytest.raises(TooFewImages):
            learn(few, tmp_path, cache=drawn_cache, processes=1, config=config)
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(RunExists, match="holds a training with another catalogue or configuration"):
        learn(few, tmp_path, cache=drawn_cache, processes=1)
