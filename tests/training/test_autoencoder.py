import numpy as np
import pytest
from skimage.filters import sobel

from training.autoencoder import Autoencoder, contrast
from training.edges import OUTLINE_GAIN
from training.garment import encoder_input, isolate


@pytest.fixture(scope="module")
def model(tiny):
    return Autoencoder(tiny)


@pytest.fixture
def cutouts(make_photo):
    return np.stack([isolate(make_photo(colour=c)).cutout for c in [(200, 30, 40), (20, 60, 160), (9, 9, 9)]])


def test_training_sees_two_views_of_each_garment(model, cutouts):
    seen = model(cutouts, training=True)
    assert seen["embedding"].shape == (6, model.config.dimension)
    assert seen["reconstruction"].shape == seen["target"].shape == (6, 64, 64, 2)


def test_embeddings_have_unit_norm(model, cutouts):
    norms = np.linalg.norm(np.asarray(model(cutouts)["embedding"]), axis=1)
    assert norms == pytest.approx(np.ones(3), abs=1e-5)


def test_the_target_is_the_clean_outline_mirrored_with_its_view(model, cutouts):
    outline = np.minimum(OUTLINE_GAIN * sobel(cutouts[0, ..., 3] / 255.0), 1)
    pooled = outline.reshape(64, 2, 64, 2).mean((1, 3))
    for target in np.asarray(model(cutouts, training=True)["target"])[[0, 3], ..., 0]:
        apart = min(np.abs(target - pooled).max(), np.abs(target - pooled[:, ::-1]).max())
        assert apart < 1e-4


def test_the_exported_part_equals_the_trained_one(model, cutouts):
    exported = np.asarray(model.encoder()(encoder_input(cutouts)))
    assert np.abs(exported - np.asarray(model(cutouts)["embedding"])).max() < 0.02  # bytes of luminance


def _groups(numbers, categories=None):
    return np.array([numbers, categories or [-1] * len(numbers)], np.int32)


def test_contrast_is_what_the_formula_gives():
    """Two garments on two axes, both views alike: each row has logits 1, 0, 0 to its three others."""
    embeddings = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    expected = np.log(np.e + 2) - 1
    assert float(contrast(embeddings, _groups([0, 1, 0, 1]), 1.0)) == pytest.approx(expected, abs=1e-5)


def test_contrast_falls_as_views_meet():
    rng = np.random.default_rng(0)
    base, noise = rng.normal(size=(8, 16)), rng.normal(size=(8, 16))
    losses = []
    for share in (0.0, 0.5, 1.0):
        pair = np.concatenate([base, share * base + (1 - share) * noise])
        unit = (pair / np.linalg.norm(pair, axis=1, keepdims=True)).astype(np.float32)
        losses.append(float(contrast(unit, _groups([*range(8), *range(8)]), 0.1)))
    assert losses[0] > losses[1] > losses[2]


def test_categories_make_garments_belong_together():
    """The same embeddings cost less when the garments that lie together share a category."""
    embeddings = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1]], np.float32)
    numbers = [0, 1, 2, 0, 1, 2]
    together = contrast(embeddings, _groups(numbers, [5, 5, 6, 5, 5, 6]), 0.5)
    apart = contrast(embeddings, _groups(numbers, [5, 6, 5, 5, 6, 5]), 0.5)
    assert float(together) < float(apart)


def test_a_garment_without_category_belongs_to_itself_alone():
    embeddings = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    unlabelled = contrast(embeddings, _groups([0, 1, 0, 1], [-1] * 4), 0.3)
    labelled = contrast(embeddings, _groups([0, 1, 0, 1], [0, 1, 0, 1]), 0.3)
    assert float(unlabelled) == pytest.approx(float(labelled), abs=1e-6)
