import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from training.catalogue.drawn import draw
from training.errors import EncoderMismatch, UnreadableEncoder, UnreadableImage
from training.photo import encoder as encoder_module
from training.photo.encoder import Encoder
from training.photo.garment import isolate


@pytest.fixture(scope="module")
def photos():
    return [draw(index, seed=5)[2] for index in range(5)]


@pytest.fixture(scope="module")
def encoder(finished):
    return Encoder.load(finished)


@pytest.fixture
def bundle(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "bundle")


def test_embeddings_are_unit_rows(encoder, photos):
    embeddings = encoder.embed(photos)
    assert embeddings.shape == (5, encoder.dimension) and embeddings.dtype == np.float32
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_no_images_give_no_rows(encoder):
    assert encoder.embed([]).shape == (0, encoder.dimension)


def test_paths_arrays_and_garments_agree(encoder, photos, tmp_path, encode_image):
    path = tmp_path / "a.png"
    path.write_bytes(encode_image(photos[0]))
    by_path, by_array = encoder.embed([path, photos[0]])
    [by_garment] = encoder.embed_garments([isolate(encoder_module.shrink(photos[0], size=256))])
    assert by_path == pytest.approx(by_array, abs=1e-6)
    assert by_garment == pytest.approx(by_array, abs=1e-6)


def test_a_row_does_not_depend_on_its_batch(encoder, photos):
    together = encoder.embed(photos * 9)  # more than one batch of the interpreter
    alone = np.concatenate([encoder.embed([photo]) for photo in photos])
    assert together[:5] == pytest.approx(alone, abs=1e-5)
    assert together[-5:] == pytest.approx(alone, abs=1e-5)


def test_threads_share_an_encoder(encoder, photos):
    expected = encoder.embed(photos)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: encoder.embed(photos[: n % 5 + 1]), range(40)))
    for n, result in enumerate(results):
        assert result == pytest.approx(expected[: n % 5 + 1], abs=1e-5)


def test_an_encoder_travels_to_another_process_as_its_model_alone(encoder, photos):
    expected = encoder.embed(photos[:1])
    arrived = pickle.loads(pickle.dumps(encoder))
    assert (arrived.fingerprint, arrived.dimension) == (encoder.fingerprint, encoder.dimension)
    assert np.array_equal(arrived.embed(photos[:1]), expected)


def test_an_unreadable_path_is_reported(encoder, tmp_path):
    with pytest.raises(UnreadableImage):
        encoder.embed([tmp_path / "gone.jpg"])


def test_a_missing_bundle_says_how_to_get_one(tmp_path):
    with pytest.raises(UnreadableEncoder, match="python -m training fit"):
        Encoder.load(tmp_path)


def test_a_changed_model_is_refused_with_both_fingerprints(bundle, encoder):
    model = bundle / "encoder.tflite"
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    with pytest.raises(EncoderMismatch) as caught:
        Encoder.load(bundle)
    assert encoder.description["fingerprint"][:12] in str(caught.value)
    assert encoder_module.fingerprint(bytes(data))[:12] in str(caught.value)


def test_an_encoder_of_another_preprocessing_is_refused(bundle):
    path = bundle / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"preprocessing": "0"}))
    with pytest.raises(EncoderMismatch, match="preprocessing version '0'"):
        Encoder.load(bundle)


def test_a_damaged_description_is_reported(bundle):
    (bundle / "encoder.json").write_text("{")
    with pytest.raises(UnreadableEncoder, match="can't be read"):
        Encoder.load(bundle)
