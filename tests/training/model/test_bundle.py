"""Encoder bundles: what an export writes, and what it keeps of the one before."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from training.errors import EncoderMismatch
from training.fit.calibration import write_calibration
from training.model.autoencoder import Autoencoder
from training.model.bundle import TYPE_WEIGHT, export
from training.photo.confidence import Calibration
from training.photo.encoder import Encoder

CALIBRATION = Calibration(0.4, ({"bias": -1.0, "nearness": 2.0},))


@pytest.fixture(scope="module")
def model(tiny):
    model = Autoencoder(tiny)
    model.build((None, 128, 128, 4))
    return model


@pytest.fixture(scope="module")
def cutouts():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 4), np.uint8)


@pytest.fixture(scope="module")
def calibrated(model, cutouts, tmp_path_factory):
    """A calibrated bundle, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("bundle")
    encoder = export(model, folder, sample=cutouts, description={"trained_on": "nothing"})
    assert encoder.calibration is None
    write_calibration(folder, CALIBRATION)
    return folder


@pytest.fixture
def exported(calibrated, tmp_path):
    """A calibrated bundle."""
    return shutil.copytree(calibrated, tmp_path / "bundle")


def test_an_encoder_that_is_exported_again_keeps_its_calibration(model, cutouts, exported):
    again = export(model, exported, sample=cutouts, description={"trained_on": "something"})
    assert again.calibration == Encoder.load(exported).calibration == CALIBRATION
    assert Encoder.load(exported).description["trained_on"] == "something"


def test_another_encoder_has_no_calibration(tiny, model, cutouts, exported):
    for other in (Autoencoder(tiny), Autoencoder(replace(tiny, dimension=tiny.dimension // 2))):
        other.build((None, 128, 128, 4))
        write_calibration(exported, CALIBRATION)
        assert export(other, exported, sample=cutouts, description={}).calibration is None
        assert "confidence" not in json.loads((exported / "encoder.json").read_text())


def test_an_encoder_is_exported_with_the_weight_of_the_types(exported):
    assert Encoder.load(exported).type_weight == TYPE_WEIGHT > 0


def test_an_encoder_that_weighs_types_otherwise_has_no_calibration(model, cutouts, exported, monkeypatch):
    monkeypatch.setattr("training.model.bundle.TYPE_WEIGHT", TYPE_WEIGHT / 2)
    assert export(model, exported, sample=cutouts, description={}).calibration is None


def test_a_damaged_encoder_s_calibration_goes_with_it(model, cutouts, exported):
    (exported / "encoder.tflite").write_bytes(b"no model")
    with pytest.raises(EncoderMismatch):
        Encoder.load(exported)
    assert export(model, exported, sample=cutouts, description={}).calibration is None
