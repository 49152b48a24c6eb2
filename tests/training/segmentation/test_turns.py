"""The head that tells quarter turns: fitted without labels, careful with what stands upright."""

import keras
import numpy as np
import pytest

from training.photo.segmenter import TURN_RANGE
from training.segmentation import network, turns
from training.segmentation.labels import Label
from training.segmentation.network import TurnHead


def _seen(count, *, clear, seed=0):
    """Features, (n, 4, 6): the turn stands in the first four, more or less clearly."""
    seen = np.random.default_rng(seed).normal(size=(count, 4, 6)).astype(np.float32)
    seen[..., :4] += clear * np.eye(4, dtype=np.float32)
    return seen * 5 + 3


@pytest.mark.parametrize(("clear", "least"), [(8.0, 0.99), (3.0, 0.7)])
def test_the_head_tells_turns_of_photographs_that_it_has_not_seen(clear, least):
    head = turns.fit(_seen(300, clear=clear))
    right = turns.told(head, _seen(200, clear=clear, seed=1)) == np.arange(4)
    assert right.mean(axis=0).min() > least
    assert head.weights.dtype == head.bias.dtype == np.float32


def test_a_careful_head_turns_hardly_any_upright_photograph_and_still_the_clear_ones():
    head = turns.fit(_seen(300, clear=8.0))
    lying = np.roll(_seen(20, clear=5.0, seed=3), 1, axis=1)  # some, less clear, that are not upright
    held_out = np.concatenate([_seen(980, clear=8.0, seed=2), lying])
    assert (turns.told(head, held_out)[:, 0] != 0).mean() > turns.WRONGLY_TURNED
    careful = turns.careful(head, held_out)
    told = turns.told(careful, held_out)
    assert 0 < (told[:, 0] != 0).mean() <= turns.WRONGLY_TURNED
    assert (told == np.arange(4))[:, 1:].mean() > 0.5
    likeliest = [(held_out @ one.weights + one.bias).argmax(axis=-1) for one in (head, careful)]
    assert np.array_equal(*likeliest)  # it is as right as before, and less sure


def test_a_head_that_turns_nothing_upright_is_not_made_bolder():
    head = turns.fit(_seen(300, clear=20.0))
    np.testing.assert_array_equal(turns.careful(head, _seen(50, clear=20.0)).weights, head.weights)
    assert turns.careful(head, np.zeros((0, 4, 6), np.float32)) is head


def test_features_are_those_of_the_photograph_turned_to_the_left():
    keras.utils.set_random_seed(1)
    model = network.build()
    photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    seen = turns.features(model, [Label(photo, np.zeros((128, 128), np.uint8))])
    deep = network.deepest(model)
    for quarters, expected in enumerate([photo, np.rot90(photo), photo[::-1, ::-1], np.rot90(photo, 3)]):
        one = np.asarray(deep(np.ascontiguousarray(expected)[None]))[0]
        np.testing.assert_allclose(seen[0, quarters], one, atol=1e-4)


def test_the_exported_head_says_what_the_fitted_one_does_and_leaves_the_rest_alone():
    keras.utils.set_random_seed(1)
    model = network.build()
    before = len(model.weights)
    photos = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    rng = np.random.default_rng(3)
    head = TurnHead(rng.normal(0, 0.5, (2560, 4)).astype(np.float32), np.zeros(4, np.float32))
    plain, both = (np.asarray(network.exported(model, one)(photos)) for one in (None, head))
    assert plain.shape[-1] == 20 and both.shape == (4, 64, 64, 24)
    np.testing.assert_allclose(both[..., :20], plain, atol=1e-5)
    logits = np.asarray(network.deepest(model)(photos)) @ head.weights
    assert np.ptp(logits) > 1 and np.abs(logits).max() < TURN_RANGE / 2
    expected = np.broadcast_to((logits / TURN_RANGE + 0.5)[:, None, None], (4, 64, 64, 4))
    np.testing.assert_allclose(both[..., 20:], expected, atol=1e-3)
    assert len(model.weights) == before  # what is trained, saved and loaded is as it was
