"""A bundle with a segmenter of its own beside the one that ships, in one process."""

import json
import pickle
import shutil

import numpy as np
import pytest

from training.errors import EncoderMismatch, UnreadableEncoder
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import isolate, item_garments, locate, read_garment
from training.photo.segmenter import shipped


@pytest.fixture(scope="module")
def ours():
    return Encoder.load(PRETRAINED)


@pytest.fixture(scope="module")
def own(own_bundle):
    return Encoder.load(own_bundle)


@pytest.fixture
def copy(own_bundle, tmp_path):
    return shutil.copytree(own_bundle, tmp_path / "copy")


def test_each_encoder_has_the_segmenter_of_its_bundle(ours, own, other_segmenter):
    assert ours.segmenter is shipped() and own.segmenter == other_segmenter
    assert own.preprocessing == own.description["preprocessing"] != ours.preprocessing


def test_one_model_with_two_segmenters_is_two_encoders(ours, own):
    """An index of the one is refused by the other, and neither finds the embeddings that the other keeps."""
    assert own.description["fingerprint"] == ours.description["fingerprint"]
    assert own.fingerprint != ours.fingerprint and len(own.fingerprint) == 64


def test_photographs_are_cut_out_by_the_encoder_s_own_segmenter(ours, own, photo, tmp_path, encode_image):
    path = tmp_path / "shirt.png"
    path.write_bytes(encode_image(photo))
    for encoder in (ours, own, ours):
        cut = isolate(photo, segmenter=encoder.segmenter), read_garment(path, segmenter=encoder.segmenter)
        assert encoder.embed([photo, path]) == pytest.approx(encoder.embed_garments(cut), abs=1e-6)
    assert not np.allclose(ours.embed([photo]), own.embed([photo]), atol=0.01)


def test_all_that_cuts_out_takes_a_segmenter(own, photo):
    regions, _ = locate(photo, own.segmenter)
    first = item_garments(photo, None, own.segmenter)[0]
    assert np.array_equal(first.cutout, isolate(photo, segmenter=own.segmenter).cutout)
    assert not np.array_equal(first.cutout, isolate(photo).cutout)
    assert first.confidence == (regions[0].confidence if regions else 0)


def test_an_encoder_travels_with_its_segmenter(own, photo):
    arrived = pickle.loads(pickle.dumps(own))
    assert arrived.fingerprint == own.fingerprint and arrived.segmenter == own.segmenter
    assert np.array_equal(arrived.embed([photo]), own.embed([photo]))


def test_a_bundle_that_has_lost_its_segmenter_is_refused(copy, own):
    (copy / "segmenter.tflite").unlink()
    with pytest.raises(
        EncoderMismatch, match="the segmenter that ships has.*copy the whole bundle"
    ) as caught:
        Encoder.load(copy)
    assert own.preprocessing in str(caught.value) and shipped().preprocessing in str(caught.value)


def test_a_bundle_whose_segmenter_was_exchanged_is_refused(copy):
    (copy / "segmenter.tflite").write_bytes(shipped().exported + b"\0")
    with pytest.raises(EncoderMismatch, match="the segmenter of the bundle has.*copy the whole bundle"):
        Encoder.load(copy)


def test_a_segmenter_that_can_not_be_run_is_refused_with_its_file(copy):
    (copy / "segmenter.tflite").write_bytes(b"nothing")
    with pytest.raises(UnreadableEncoder, match=str(copy / "segmenter.tflite")):
        Encoder.load(copy)


def test_a_bundle_with_a_copy_of_the_segmenter_that_ships_is_for_that(copy, ours):
    (copy / "segmenter.tflite").write_bytes(shipped().exported)
    described = json.loads((copy / "encoder.json").read_text()) | {"preprocessing": ours.preprocessing}
    (copy / "encoder.json").write_text(json.dumps(described))
    assert Encoder.load(copy).fingerprint == ours.fingerprint
