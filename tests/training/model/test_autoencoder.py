from dataclasses import replace

import numpy as np
import pytest
from skimage.filters import sobel

from training.model.autoencoder import Autoencoder, contrast
from training.model.edges import OUTLINE_GAIN, SobelEdges
from training.photo.garment import encoder_input, isolate


@pytest.fixture(scope="module")
def model(tiny):
    return Autoencoder(tiny)


@pytest.fixture
def cutouts(make_photo):
    return np.stack([isolate(make_photo(colour=c)).cutout for c in [(200, 30, 40), (20, 60, 160), (9, 9, 9)]])


def test_training_sees_two_views_of_each_garment(model, cutouts):
    seen = model(cutouts[:, None], training=True)
    assert seen["embedding"].shape == (6, model.config.dimension)
    assert seen["reconstruction"].shape == seen["target"].shape == (6, 64, 64, 2)


def test_each_view_is_to_be_drawn_as_the_garment_as_it_is(tiny, cutouts):
    """Three pictures of each garment: as it is, and one that the network sees in both views."""
    model = Autoencoder(replace(tiny, disturbed=False, drop_lines=0.0))
    views = np.stack([cutouts, cutouts[::-1], cutouts[::-1]], axis=1)
    seen, plain = model(views, training=True), model(cutouts)
    half = len(cutouts)
    assert np.allclose(seen["target"][:half], plain["target"]) and np.allclose(
        seen["target"][half:], plain["target"]
    )
    turned = model(cutouts[::-1][:, None], training=True)["embedding"]
    assert np.allclose(seen["embedding"], turned, atol=1e-5)


@pytest.mark.parametrize("clean", [True, False])
def test_without_the_clean_target_each_view_is_to_be_drawn_as_it_is(tiny, cutouts, lopsided, clean):
    """Three pictures of each garment, all different, the last two of which the network sees."""
    model = Autoencoder(replace(tiny, clean_target=clean))
    views = np.stack([cutouts, lopsided, lopsided[:, ::-1]], axis=1)
    drawn = views[:, [0, 0] if clean else [1, 2]].swapaxes(0, 1)
    expected = np.concatenate([model(each)["target"] for each in drawn])
    assert np.allclose(model(views, training=True)["target"], expected)


def test_features_of_a_mirrored_encoder_are_those_of_the_mirror_image(tiny, lopsided):
    for mirrored in (False, True):
        model = Autoencoder(replace(tiny, mirrored=mirrored))
        pictures = encoder_input(lopsided)
        vectors = [np.asarray(model.encoder()(seen)) for seen in (pictures, pictures[:, :, ::-1])]
        assert np.allclose(*vectors, atol=1e-5) == mirrored


def test_embeddings_have_unit_norm(model, cutouts):
    norms = np.linalg.norm(np.asarray(model(cutouts)["embedding"]), axis=1)
    assert norms == pytest.approx(np.ones(3), abs=1e-5)


@pytest.fixture
def lopsided(cutouts):
    """Cut-outs without their left sleeve."""
    lopsided = cutouts.copy()
    lopsided[:, :, :40, 3] = 0
    return lopsided


def test_the_target_is_the_mean_of_the_clean_outline_and_its_mirror_image_for_both_views(model, lopsided):
    outline = np.minimum(OUTLINE_GAIN * sobel(lopsided[0, ..., 3] / 255.0), 1)
    pooled = outline.reshape(64, 2, 64, 2).mean((1, 3))
    expected = (pooled + pooled[:, ::-1]) / 2
    assert np.abs(pooled - pooled[:, ::-1]).max() > 0.5
    for target in np.asarray(model(lopsided[:, None], training=True)["target"])[[0, 3], ..., 0]:
        assert np.abs(target - expected).max() < 1e-4


def test_the_target_equals_its_own_mirror_image(model, lopsided):
    target = np.asarray(model(lopsided)["target"])
    assert target.max() > 0.1
    assert np.array_equal(target, target[:, :, ::-1])


def test_the_exported_part_equals_the_trained_one(model, cutouts):
    exported = np.asarray(model.encoder()(encoder_input(cutouts)))
    assert np.abs(exported - np.asarray(model(cutouts)["embedding"])).max() < 0.02  # bytes of luminance


def test_the_projector_is_not_exported(model):
    exported = {weight.path for weight in model.encoder().weights}
    assert exported == {weight.path for weight in [*model.trunk.weights, *model.bottleneck.weights]}
    assert not exported & {weight.path for weight in model.projector.weights}


def test_an_encoder_with_a_head_ends_in_it(tiny, cutouts):
    model = Autoencoder(tiny)
    size = 64 * tiny.neck, tiny.dimension
    rng = np.random.default_rng(0)
    kernel, bias = (rng.normal(size=shape).astype(np.float32) for shape in (size, size[1:]))
    before = np.asarray(model.encoder()(encoder_input(cutouts)))
    model.head = kernel, bias
    seen = np.asarray(model.trunk(model.clean_edges(cutouts))) @ kernel + bias
    unit = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    after = np.asarray(model.encoder()(encoder_input(cutouts)))
    assert np.abs(after - unit).max() < 0.02  # bytes of luminance
    assert np.abs(after - before).max() > 0.1


def test_the_projection_is_of_unit_norm_and_not_the_embedding(model, cutouts):
    seen = model(cutouts)
    projection = np.asarray(seen["projection"])
    assert np.linalg.norm(projection, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert np.abs(projection - np.asarray(seen["embedding"])).max() > 0.05


@pytest.mark.parametrize(("channel", "name"), [(0, "outline"), (1, "inner_lines")])
def test_a_channel_left_out_is_blank_in_target_and_views(tiny, cutouts, channel, name):
    model = Autoencoder(replace(tiny, drop_lines=0.0, **{name: False}))
    target = np.asarray(model(cutouts[:, None], training=True)["target"])
    view = np.asarray(model.view(cutouts))
    for edges in (target, view, np.asarray(model.clean_edges(cutouts))):
        assert edges[..., channel].max() == 0
        assert edges[..., 1 - channel].max() > 0


@pytest.mark.parametrize(("shares", "name"), [((0, 1), "outline"), ((1, 0), "inner_lines")])
def test_an_encoder_does_not_see_the_channel_left_out(tiny, lopsided, shares, name):
    model = Autoencoder(replace(tiny, **{name: False}))
    pixels = encoder_input(lopsided)
    edges = np.asarray(SobelEdges()(pixels))
    assert edges.max((0, 1, 2)).min() > 0  # both channels have something to blank
    vectors = np.asarray(model.bottleneck(model.trunk(edges * np.array(shares, np.float32))))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert np.abs(np.asarray(model.encoder()(pixels)) - unit).max() < 1e-5


def test_undisturbed_views_without_dropped_lines_are_the_clean_edges(tiny, cutouts):
    model = Autoencoder(replace(tiny, disturbed=False, drop_lines=0.0))
    first, second = np.asarray(model.view(cutouts)), np.asarray(model.view(cutouts))
    assert np.array_equal(first, second)
    assert np.allclose(first, model.clean_edges(cutouts), atol=1e-6)
    embedding = np.asarray(model(cutouts[:, None], training=True)["embedding"])
    assert np.allclose(embedding[:3], embedding[3:], atol=1e-5)


def test_disturbed_views_differ(tiny, cutouts):
    model = Autoencoder(replace(tiny, drop_lines=0.0))
    assert np.abs(np.asarray(model.view(cutouts)) - model.view(cutouts)).mean() > 0.01


@pytest.mark.parametrize(("share", "lines"), [(0.0, True), (1.0, False)])
def test_dropping_lines_leaves_the_outline(tiny, cutouts, share, lines):
    model = Autoencoder(replace(tiny, disturbed=False, drop_lines=share))
    view = np.asarray(model.view(cutouts))
    assert (view[..., 1].max() > 0) == lines
    assert np.allclose(view[..., 0], model.clean_edges(cutouts)[..., 0], atol=1e-6)


def _groups(*numbers):
    return np.array(numbers, np.int32)


def test_contrast_is_what_the_formula_gives():
    """Two garments on two axes, both views alike: each row has logits 1, 0, 0 to its three others."""
    embeddings = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    expected = np.log(np.e + 2) - 1
    assert float(contrast(embeddings, _groups(0, 1, 0, 1), 1.0)) == pytest.approx(expected, abs=1e-5)


def test_contrast_falls_as_views_meet():
    rng = np.random.default_rng(0)
    base, noise = rng.normal(size=(8, 16)), rng.normal(size=(8, 16))
    losses = []
    for share in (0.0, 0.5, 1.0):
        pair = np.concatenate([base, share * base + (1 - share) * noise])
        unit = (pair / np.linalg.norm(pair, axis=1, keepdims=True)).astype(np.float32)
        losses.append(float(contrast(unit, _groups(*range(8), *range(8)), 0.1)))
    assert losses[0] > losses[1] > losses[2]


def test_groups_that_lie_together_cost_less():
    embeddings = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, 1]], np.float32)
    together = contrast(embeddings, _groups(5, 5, 6, 5, 5, 6), 0.5)
    apart = contrast(embeddings, _groups(5, 6, 5, 5, 6, 5), 0.5)
    assert float(together) < float(apart)


@pytest.mark.parametrize("lonely", [-1, 7])
def test_rows_without_positives_add_nothing_but_are_still_pushed_away(lonely):
    """Rows 0 and 2 have logits 1, 0, 0, 0 to their four others; the rows without a partner are left out."""
    embeddings = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
    expected = np.log(np.e + 3) - 1
    groups = _groups(0, lonely, 0, -1, -1)
    assert float(contrast(embeddings, groups, 1.0)) == pytest.approx(expected, abs=1e-5)


def test_contrast_without_any_positive_is_zero():
    embeddings = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    assert float(contrast(embeddings, _groups(-1, -1, -1, -1), 0.1)) == 0.0


def _predictions(error=0.0):
    """Two garments in two views: projections apart by garment, embeddings all alike."""
    axes = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    target = np.zeros((4, 64, 64, 2), np.float32)
    return {
        "embedding": np.array([[1, 0]] * 4, np.float32),
        "projection": axes,
        "reconstruction": target + np.float32(error),
        "target": target,
    }


def test_the_loss_is_the_weighted_sum_of_its_terms(tiny):
    """Error 0.1 a pixel: 64 * 64 * 2 * 0.01 / 64. Projections: as above. Embeddings: 1 of 3 others."""
    config = replace(tiny, temperature=1.0, reconstruction_weight=0.5, invariance_weight=3.0)
    model = Autoencoder(config)
    model.build((None, 128, 128, 4))
    loss = float(model.compute_loss(y=_groups(0, 1), y_pred=_predictions(0.1)))
    terms = {name: float(mean.result()) for name, mean in model.losses_seen.items()}
    expected = {"reconstruction": 1.28, "invariance": np.log(np.e + 2) - 1, "category": np.log(3)}
    assert terms == pytest.approx(expected, abs=1e-4)
    assert loss == pytest.approx(0.5 * 1.28 + 3 * expected["invariance"] + np.log(3), abs=1e-4)


def test_garments_without_category_have_no_category_term(tiny):
    model = Autoencoder(tiny)
    model.compute_loss(y=_groups(-1, -1), y_pred=_predictions())
    assert float(model.losses_seen["category"].result()) == 0.0
