import json
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from training.catalogue.drawn import draw
from training.errors import EncoderMismatch, UnreadableEncoder, UnreadableImage
from training.photo import encoder as encoder_module
from training.photo.boxes import WHOLE
from training.photo.encoder import PRETRAINED, Encoder, with_types
from training.photo.garment import Garment, cut_out, isolate
from training.photo.garment_types import TYPES
from training.photo.sketch import read_sketch

COAT, TROUSERS = "outer", "trousers"


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


def _garment(*likely):
    """A garment whose types are as likely as each other; without any, a sketch."""
    shares = tuple(float(kind in likely) / len(likely) for kind in TYPES) if likely else ()
    pixels = np.zeros((128, 128, 3), np.uint8)
    return Garment(pixels, pixels[..., 0], WHOLE, 0.9, type_shares=shares)


def _lying_at(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_two_garments_score_the_mean_of_the_cosines_of_shapes_and_types():
    garments = [_garment(COAT), _garment(COAT), _garment(TROUSERS), _garment(COAT, TROUSERS)]
    rows = with_types(_lying_at(0, 60, 0, 60), garments, 0.25)
    assert rows.shape == (4, 2 + len(TYPES)) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(4), abs=1e-6)
    assert rows[0] @ rows.T == pytest.approx(
        [1, (0.5 + 0.25) / 1.25, 1 / 1.25, (0.5 + 0.25 * 0.5**0.5) / 1.25], abs=1e-6
    )


def test_types_change_a_ranking_as_much_as_they_weigh():
    garments = [_garment(COAT), _garment(TROUSERS), _garment(COAT)]
    shapes = _lying_at(0, 10, 35)  # of a coat, trousers that look like it, and a coat that looks less so
    for weight, nearest in ((0.0, 1), (0.05, 1), (0.3, 2)):
        query, *others = with_types(shapes, garments, weight)
        assert 1 + np.argmax(np.stack(others) @ query) == nearest


def test_without_a_weight_rows_are_those_of_the_shapes():
    shapes = _lying_at(0, 30)
    assert with_types(shapes, [_garment(COAT), _garment()], 0.0) is shapes


def test_a_sketch_scores_the_cosines_of_the_shapes_whatever_the_types():
    nothing = cut_out(np.zeros((64, 64, 3), np.uint8), None)
    garments = [_garment(), _garment(COAT), _garment(TROUSERS), _garment(COAT, TROUSERS), nothing]
    sketch, *others = with_types(_lying_at(0, 40, 30, 20, 10), garments, 0.3)
    assert np.stack(others) @ sketch == pytest.approx(_lying_at(40, 30, 20, 10)[:, 0], abs=1e-6)


def test_where_no_garment_was_found_all_types_are_as_likely():
    nothing = cut_out(np.zeros((64, 64, 3), np.uint8), None)
    rows = with_types(_lying_at(0, 0, 0), [nothing, _garment(COAT), _garment(*TYPES)], 0.3)
    assert np.linalg.norm(rows[0]) == pytest.approx(1)
    assert rows[0] @ rows[1:].T == pytest.approx([(1 + 0.3 / 8**0.5) / 1.3, 1], abs=1e-6)


def _load_with(bundle, **fields):
    path = bundle / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return Encoder.load(bundle)


def test_a_bundle_s_weight_puts_the_types_beside_the_shapes(encoder, bundle, photos):
    weighed = _load_with(bundle, type_weight=0.2)
    garments = [isolate(photo) for photo in photos]
    shapes = encoder.embed_cutouts(np.stack([garment.cutout for garment in garments]))
    assert weighed.dimension == shapes.shape[1] + len(TYPES)
    assert np.array_equal(weighed.embed_garments(garments), with_types(shapes, garments, 0.2))
    assert weighed.embed([]).shape == (0, weighed.dimension)
    arrived = pickle.loads(pickle.dumps(weighed))
    assert np.array_equal(arrived.embed(photos), weighed.embed(photos))


def test_a_bundle_without_a_weight_embeds_shapes_alone_and_keeps_its_identity(bundle, photos):
    before = json.loads((bundle / "encoder.json").read_text())
    del before["type_weight"]
    (bundle / "encoder.json").write_text(json.dumps(before))
    plain = Encoder.load(bundle)
    garments = [isolate(photo) for photo in photos]
    shapes = plain.embed_cutouts(np.stack([garment.cutout for garment in garments]))
    assert plain.dimension == shapes.shape[1] and np.array_equal(plain.embed_garments(garments), shapes)
    assert plain.fingerprint == encoder_module.fingerprint(
        f"{before['fingerprint']} {plain.preprocessing}".encode()
    )
    assert _load_with(bundle, type_weight=0.0).fingerprint == plain.fingerprint


def test_encoders_of_other_weights_are_other_encoders(bundle):
    prints = {_load_with(bundle, type_weight=weight).fingerprint for weight in (0.0, 0.2, 0.3)}
    assert len(prints) == 3


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf"), "much", None])
def test_a_weight_that_is_none_is_reported(bundle, weight):
    with pytest.raises(UnreadableEncoder, match="malformed"):
        _load_with(bundle, type_weight=weight)


def test_the_encoder_that_ships_tells_a_sketch_by_its_shape_alone(make_photo):
    shipped = Encoder.load(PRETRAINED)
    drawing = np.full((256, 256, 3), 255, np.uint8)
    drawing[40:220, 70:190] = 0
    drawing[46:214, 76:184] = 255
    sketch, photo = read_sketch(drawing), isolate(make_photo())
    assert sketch.found and photo.type_shares
    rows, shapes = (
        shipped.embed_garments([sketch, photo]),
        shipped.embed_cutouts(np.stack([sketch.cutout, photo.cutout])),
    )
    assert rows[0] @ rows[1] == pytest.approx(shapes[0] @ shapes[1], abs=1e-6)
