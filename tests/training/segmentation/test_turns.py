"""The head that tells quarter turns: fitted to features, made careful, and exported beside the parse."""

from functools import partial

import keras
import numpy as np
import pytest

from training.photo.garment_types import CLASSES
from training.photo.preprocessing import SURE_OF_TURN
from training.photo.segmenter import MIRRORED, TURN_RANGE, other_view
from training.segmentation import network, turns
from training.segmentation.labels import Label
from training.segmentation.scenes import Scenes


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return network.build()


@pytest.fixture(scope="module")
def deepest(model):
    return partial(network.deepest(model).predict, verbose=0)


def _maps(count, *, seed=0):
    """Maps of pictures turned four ways: bright at the side where up is, in one map, under noise."""
    rng = np.random.default_rng(seed)
    upper = rng.normal(size=(count, 8, 8, 128)).astype(np.float16)
    upper[:, :4, :, :64] += 1
    deep = rng.normal(size=(count, 4, 4, 4, 160)).astype(np.float16)
    turned = np.stack([np.rot90(upper, quarters, axes=(1, 2)) for quarters in range(4)], axis=1)
    return np.concatenate([maps.reshape(count, 4, -1) for maps in (turned, deep)], axis=-1)


def _photos(count, *, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, 90, 70, 3), np.uint8))


def test_the_head_tells_turns_of_pictures_that_it_has_not_seen(monkeypatch):
    monkeypatch.setattr(turns, "BATCH", 32)
    head = turns.fit(_maps(120))
    seen = _maps(40, seed=1).reshape(160, -1)
    told = np.asarray(head.predict(seen, verbose=0)).argmax(axis=-1).reshape(-1, 4)
    assert (told == np.arange(4)).mean(axis=0).min() > 0.9


def _logs(count, *, odds, turn=0):
    """What is told of photographs that are each turned by one way more than they are, with some log odds."""
    logs = np.zeros((count, 4, 4), np.float32)
    for quarters in range(4):
        logs[:, quarters, (quarters + turn) % 4] = odds / 2
    return logs


def test_a_scaled_head_turns_hardly_any_upright_photograph_and_still_the_clear_ones():
    lying = [_logs(1, odds=odds, turn=1) for odds in np.linspace(8, 20, 30)]  # they lay before
    logs = np.concatenate([_logs(970, odds=60), *lying])
    assert (turns.told(logs)[:, 0] != 0).mean() > turns.WRONGLY_TURNED
    told = turns.told(turns.scale(logs) * logs)
    assert 0 < (told[:, 0] != 0).mean() <= turns.WRONGLY_TURNED
    assert (told == np.arange(4))[:970].all()


def test_a_timid_head_is_made_bolder_but_not_because_few_are_held_out():
    lying = [_logs(1, odds=3, turn=1) for _ in range(9)]
    timid = np.concatenate([_logs(991, odds=4), *lying])
    assert (turns.told(turns.scale(timid) * timid) == np.arange(4))[:991].all()
    assert turns.scale(_logs(5, odds=4)) == pytest.approx(SURE_OF_TURN / turns.LEAST_ODDS)
    assert turns.scale(np.zeros((0, 4, 4), np.float32)) == 1


def test_a_turn_takes_sure_looks_at_both():
    assert (turns.told(_logs(1, odds=SURE_OF_TURN + 0.1)) == np.arange(4)).all()
    assert (turns.told(_logs(1, odds=SURE_OF_TURN - 0.1)) == 0).all()


def test_a_head_is_rescaled_without_changing_its_mind(model):
    head = network.turn_head()
    maps = _maps(6)[:, 0]
    before = np.asarray(head.predict(maps, verbose=0))
    turns.rescale(head, 0.25)
    np.testing.assert_allclose(head.predict(maps, verbose=0), before / 4, atol=1e-5)


def test_features_are_those_of_the_picture_turned_to_the_left(deepest, monkeypatch):
    monkeypatch.setattr(turns, "RUN", 2)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), np.uint8)
    seen = turns.features(deepest, pictures)
    assert seen.shape == (3, 4, 8 * 8 * 128 + 4 * 4 * 160) and seen.dtype == np.float16
    last = pictures[2]
    for quarters, expected in enumerate([last, np.rot90(last), last[::-1, ::-1], np.rot90(last, 3)]):
        maps = deepest(np.ascontiguousarray(expected)[None])
        np.testing.assert_allclose(seen[2, quarters], maps[0], atol=2e-3, rtol=1e-2)


def test_two_looks_are_the_mean_of_a_photograph_and_its_mirror_image(deepest):
    """Of photographs without colours, both looks at each are at the same two pictures."""
    head, photos = network.turn_head(), [np.repeat(photo[..., :1], 3, axis=-1) for photo in _photos(2)]
    logs = turns.looked_twice(deepest, head, photos)
    mirrored = turns.looked_twice(deepest, head, [other_view(photo) for photo in photos])
    assert logs.shape == (2, 4, 4)
    np.testing.assert_allclose(mirrored[:, MIRRORED][..., MIRRORED], logs, atol=1e-2)


@pytest.mark.parametrize(
    ("shown", "expected"), [((), False), (("shoes",), False), (("skirt",), True), (("shoes", "person"), True)]
)
def test_shoes_alone_do_not_tell_which_way_is_up(shown, expected):
    classes = np.zeros((8, 8), np.uint8)
    for row, kind in enumerate(shown):
        classes[row, 2:5] = CLASSES.index(kind)
    assert turns.tells(classes) is expected


def test_scenes_to_learn_turns_from_are_mostly_photographs_that_show_something(monkeypatch):
    photo = np.full((256, 256, 3), 30, np.uint8)
    classes = np.zeros((256, 256), np.uint8)
    classes[60:200, 60:200] = CLASSES.index("dress")
    scenes = Scenes([Label(photo, classes)], [Label(photo, classes)])
    asked = []
    monkeypatch.setattr(
        scenes, "views", lambda rng, kind: asked.append(kind) or Scenes.views(scenes, rng, kind)
    )
    pictures = turns.upright(scenes, 7, seed=1)
    assert asked[:4] == ["photograph", "photograph", "worn", None]
    assert pictures.shape == (7, 128, 128, 3) and pictures.dtype == np.uint8
    assert np.array_equal(pictures, turns.upright(scenes, 7, seed=1))


def test_the_exported_head_says_what_the_fitted_one_does_and_leaves_the_rest_alone(model):
    before = len(model.weights)
    photos = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    head = network.turn_head()
    plain, both = (np.asarray(one(photos)) for one in (model, network.exported(model, head)))
    assert both.shape == (4, 24, 64, 64)
    np.testing.assert_allclose(both[:, :20], plain.transpose(0, 3, 1, 2), atol=1e-5)
    logits = np.asarray(head(network.deepest(model)(photos)))
    assert np.ptp(logits) > 0.1 and np.abs(logits).max() < TURN_RANGE
    np.testing.assert_allclose(
        both[:, 20:], np.broadcast_to(logits[..., None, None], (4, 4, 64, 64)), atol=1e-3
    )
    assert len(model.weights) == before  # what is trained, saved and loaded is as it was
