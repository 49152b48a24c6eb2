"""The last layer that knows categories, on features of which the answer is known."""

import numpy as np
import pytest

from training.catalogue.drawn import draw
from training.model import bundle, discriminant
from training.model.autoencoder import Autoencoder
from training.model.discriminant import directions, learn_head
from training.photo.garment import isolate


def _views(garments, noise, *, count=3, seed=9):
    """Views of each garment: itself, and itself with noise of the given spread along each axis."""
    rng = np.random.default_rng(seed)
    return np.stack(
        [garments, *(garments + rng.normal(size=garments.shape) * noise for _ in range(count - 1))]
    )


@pytest.fixture(scope="module")
def parted():
    """Two categories, apart along one axis; views differ along the second, garments along the third."""
    rng = np.random.default_rng(0)
    categories = np.repeat([0, 1], 2000)
    garments = rng.normal(size=(4000, 4)) * [1.0, 1.0, 4.0, 0.5]
    garments[:, 0] += 3.0 * categories
    return _views(garments, [0.5, 8.0, 0.5, 0.5]), categories


def test_the_first_direction_parts_the_categories_and_the_next_the_garments(parted):
    kernel, _ = directions(*parted, dimension=2, garment_norm=0.7)
    first, second = (np.abs(column) / np.linalg.norm(column) for column in kernel.T)
    assert first == pytest.approx([1, 0, 0, 0], abs=0.05)
    assert second == pytest.approx([0, 0, 1, 0], abs=0.05)


def test_correlated_noise_is_turned_away_from():
    """Fisher's direction is the inverse of the within-class covariance times the difference of the means."""
    rng = np.random.default_rng(1)
    covariance = np.array([[4.0, 3.0], [3.0, 4.0]])
    categories = np.repeat([0, 1], 5000)
    garments = rng.multivariate_normal([0, 0], covariance, 10_000) + np.outer(categories, [2.0, 0.0])
    expected = np.linalg.solve(covariance + discriminant.SHRINKAGE * 4.0 * np.eye(2), [2.0, 0.0])
    kernel, _ = directions(np.stack([garments, garments]), categories, dimension=1, garment_norm=0.7)
    cosine = kernel[:, 0] @ expected / np.linalg.norm(kernel) / np.linalg.norm(expected)
    assert abs(cosine) > 0.999


def test_a_rare_category_is_told_as_well_as_a_common_one():
    """Three categories in a row along one axis, the rare one apart along another that varies more, too."""
    rng = np.random.default_rng(5)
    categories = np.repeat([0, 1, 2], [1900, 1900, 100])
    garments = rng.normal(size=(3900, 3)) + np.array([[0, 0, 0], [2, 0, 0], [1, 3, 0]])[categories]
    kernel, _ = directions(_views(garments, np.full(3, 0.1)), categories, dimension=1, garment_norm=0.7)
    assert abs(kernel[1, 0]) > 2 * abs(kernel[0, 0])


def test_garments_that_count_less_have_less_say():
    """Two categories, apart along one axis by half of the garments and along the other by the rest."""
    rng = np.random.default_rng(6)
    categories, others = np.arange(4000) % 2, np.arange(4000) >= 2000
    garments = rng.normal(size=(4000, 2))
    garments[np.arange(4000), others.astype(int)] += 3.0 * categories
    views = _views(garments, np.full(2, 0.1))
    for weight, axis in ((0.05, 0), (20.0, 1)):
        weights = np.where(others, weight, 1.0)
        kernel, _ = directions(views, categories, dimension=1, garment_norm=0.7, weights=weights)
        assert abs(kernel[axis, 0]) > 3 * abs(kernel[1 - axis, 0])


@pytest.mark.parametrize("share", [0.4, 1.3])
def test_the_map_is_centred_and_the_rest_has_its_share_of_the_norm(parted, share):
    features, categories = parted
    kernel, bias = directions(features, categories, dimension=3, garment_norm=share)
    assert kernel.shape == (4, 3) and kernel.dtype == bias.dtype == np.float32
    mapped = features @ kernel + bias
    assert mapped.mean(axis=(0, 1)) == pytest.approx(np.zeros(3), abs=1e-4)
    norms = [np.linalg.norm(part, axis=-1).mean() for part in (mapped[..., :1], mapped[..., 1:])]
    assert norms[1] / norms[0] == pytest.approx(share, rel=1e-3)


def test_an_embedding_smaller_than_the_categories_is_filled_by_the_best_discriminants():
    rng = np.random.default_rng(2)
    categories = np.arange(600) % 6
    garments = rng.normal(size=(600, 5)) + np.eye(6)[categories][:, :5] * [9, 7, 0, 0, 0]
    kernel, bias = directions(_views(garments, np.ones(5)), categories, dimension=2, garment_norm=0.7)
    assert kernel.shape == (5, 2) and bias.shape == (2,)
    assert np.abs(kernel[:2]).sum() > 5 * np.abs(kernel[2:]).sum()


@pytest.fixture(scope="module")
def garments():
    drawn = [draw(index) for index in range(24)]
    return np.stack([isolate(image).cutout for _, _, image in drawn])[:, None]


def test_a_head_parts_the_categories_better_than_the_bottleneck(tiny, garments):
    """Wide and narrow garments: an untrained network tells them apart once its last layer is learned."""
    wide = (garments[:, 0, ..., 3].max(axis=1) > 127).sum(axis=1)
    categories = (np.argsort(np.argsort(wide, kind="stable")) >= 12).astype(np.int32)
    model = Autoencoder(tiny)
    before = bundle.embed(model.encoder(), garments[:, 0])
    learn_head(model, garments, categories)
    assert (
        _apart(bundle.embed(model.encoder(), garments[:, 0]), categories) > _apart(before, categories) + 0.2
    )


def _apart(vectors, categories):
    same = categories[:, None] == categories[None]
    scores = vectors @ vectors.T
    return scores[same].mean() - scores[~same].mean()


def test_garments_without_category_are_left_out(tiny, garments, monkeypatch):
    monkeypatch.setattr(Autoencoder, "view", Autoencoder.clean_edges)  # nothing left to chance
    categories = (np.arange(24) % 3).astype(np.int32)
    one, other = Autoencoder(tiny), Autoencoder(tiny)
    other.set_weights(one.get_weights())
    learn_head(one, garments[:20], categories[:20])
    learn_head(other, garments, np.where(np.arange(24) < 20, categories, -1))
    assert np.allclose(one.head[0], other.head[0], atol=1e-4)


def test_given_views_take_the_place_of_disturbed_ones(tiny, garments, monkeypatch):
    seen = []
    monkeypatch.setattr(Autoencoder, "view", lambda *_: pytest.fail("disturbed"))
    monkeypatch.setattr(discriminant, "directions", lambda features, *_, **__: seen.append(features) or None)
    model = Autoencoder(tiny)
    learn_head(
        model, np.concatenate([garments, garments[::-1]], axis=1), (np.arange(24) % 2).astype(np.int32)
    )
    assert seen[0].shape[:2] == (2, 24)
    assert np.allclose(seen[0][0], seen[0][1][::-1], atol=1e-5)


@pytest.mark.parametrize("categories", [np.full(24, -1), np.zeros(24, int)])
def test_without_two_categories_there_is_no_head(tiny, garments, categories):
    model = Autoencoder(tiny)
    learn_head(model, garments, categories)
    assert model.head is None


def test_of_very_many_garments_a_fixed_sample_is_taken(tiny, garments, monkeypatch):
    monkeypatch.setattr(discriminant, "LIMIT", 10)
    seen = []
    monkeypatch.setattr(
        discriminant, "directions", lambda f, c, **_: seen.append((f.shape[1], list(c))) or None
    )
    for _ in range(2):
        learn_head(Autoencoder(tiny), garments, (np.arange(24) % 2).astype(np.int32))
    assert seen[0] == seen[1] and seen[0][0] == 10


def test_a_bundle_keeps_its_head(tiny, garments, tmp_path):
    model = Autoencoder(tiny)
    learn_head(model, garments, (np.arange(24) % 2).astype(np.int32))
    bundle.round_weights(model)
    bundle.save_weights(model, tmp_path)
    again = bundle.restore(tmp_path, tiny)
    assert all(np.array_equal(a, b) for a, b in zip(model.head, again.head, strict=True))
    both = [bundle.embed(kept.encoder(), garments[:, 0]) for kept in (model, again)]
    assert np.allclose(*both, atol=1e-5)
