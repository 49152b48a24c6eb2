"""A training small enough for the suite: drawn garments, an epoch a round, the whole way to the files."""

import json
import shutil

import keras
import numpy as np
import pytest

from training.catalogue.reader import read_catalogue
from training.errors import RunExists, TooFewImages
from training.photo.litert import LiteModel
from training.segmentation import labels, learn, network
from training.segmentation.learn import SceneBatches, SegmenterConfig
from training.segmentation.scenes import Scenes

TINY = SegmenterConfig(epochs=(1, 1), batch=8)


@pytest.fixture
def small(monkeypatch):
    """Few pictures, and masks that count as reliable although the network has learned next to nothing."""
    for name, value in {"MIN_LABELS": 4, "DRAWN": 4, "DRAWN_VALIDATION": 4, "HELD_OUT": 0.2}.items():
        monkeypatch.setattr(learn, name, value)
    monkeypatch.setattr(labels, "MIN_AGREEMENT", 0.0)
    monkeypatch.setattr(labels, "_AREAS", (0.001, 1.0))


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory, drawn_cache):
    """Drawn garments without categories, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    paths = [item.path for item in read_catalogue("drawn:30", cache=drawn_cache).items]
    (folder / "text.jpg").write_text("no picture")
    rows = [f"{number},{path}" for number, path in enumerate([*paths, folder / "text.jpg"])]
    (folder / "shop.csv").write_text("\n".join(["item_id,path", *rows]))
    return read_catalogue(str(folder / "shop.csv"))


@pytest.fixture
def steps(monkeypatch):
    """How many steps each round was trained for."""
    steps = []

    class Counter(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            steps.append(0)

        def on_train_batch_end(self, batch, logs=None):
            steps[-1] += 1

    monkeypatch.setattr(learn, "Progress", lambda _: Counter())
    return steps


@pytest.fixture(scope="module")
def done():
    """What the first training of this module left: filled by `learned`."""
    return {}


@pytest.fixture
def learned(small, catalogue, done, tmp_path_factory):
    if not done:
        done["folder"] = tmp_path_factory.mktemp("segmenter")
        done["metrics"] = learn.learn(catalogue, done["folder"], config=TINY, processes=1)
    return done["folder"], done["metrics"]


def test_a_training_leaves_the_network_and_its_scores(learned):
    folder, metrics = learned
    assert json.loads((folder / "segmenter.json").read_text()) == json.loads(json.dumps(metrics))
    assert metrics["photographs"] == 24 and metrics["held_out"] <= 6
    assert len(metrics["labelled"]) == 2 and min(metrics["labelled"]) >= 4
    assert all(0 <= score <= 1 for score in metrics["scores"].values())
    assert metrics["catalogue"] == "shop.csv"  # no folders of this machine
    photos = np.zeros((2, 128, 128, 3), np.uint8)
    logits = LiteModel((folder / "segmenter.tflite").read_bytes()).run(photos)
    assert logits.shape == (2, 128, 128, 1) and logits.dtype == np.float32


def test_an_unreadable_photograph_is_counted_as_skipped(learned):
    assert learned[1]["skipped"] == 1


def test_what_is_exported_is_what_was_trained_up_to_half_precision(learned):
    folder, metrics = learned
    assert 0 < metrics["export_difference"] < 0.01
    assert (folder / "segmenter.tflite").stat().st_size < 1_300_000  # two bytes a weight


def test_a_training_killed_in_its_second_round_goes_on_there(
    learned, catalogue, tmp_path, steps, without_graphs
):
    folder, metrics = learned
    copy = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(copy / "checkpoint-1")
    again = learn.learn(catalogue, copy, config=TINY, processes=1)
    assert steps == [0, metrics["labelled"][1] // TINY.batch]
    assert again["labelled"] == metrics["labelled"]


def test_too_few_reliable_masks_are_reported(small, monkeypatch, drawn_cache, tmp_path):
    monkeypatch.setattr(labels, "MIN_AGREEMENT", 1.1)  # no two masks agree as well
    with pytest.raises(TooFewImages, match=r"Only 0 photographs .* at least 4 are needed\. Add") as told:
        learn.learn(read_catalogue("drawn:6", cache=drawn_cache), tmp_path, config=TINY, processes=1)
    assert "each, near the centre" in str(told.value)
    assert not list(tmp_path.glob("segmenter.*"))


def test_photographs_of_which_none_can_be_read_are_reported(small, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "text.jpg").write_text("no picture")
    with pytest.raises(TooFewImages, match=r"has 0 readable photographs; at least 4"):
        learn.learn(read_catalogue(str(tmp_path / "photos")), tmp_path / "out", config=TINY, processes=1)


def test_a_folder_with_another_training_is_refused_and_kept(learned, catalogue):
    folder, _ = learned
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(RunExists, match=r"another catalogue or configuration .*run\.json"):
        learn.learn(catalogue, folder, config=SegmenterConfig(epochs=(2, 1), batch=8), processes=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_difference_between_export_and_training_is_measured():
    """The exported network agrees to what float16 gives, and no longer when the trained one has changed."""
    model = network.build()
    exported = learn.half_precision(model)
    photos = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    assert learn._check_agreement(exported, model, photos) < 0.01
    for weight in model.trainable_weights[-1:]:  # the bias of the last convolution: 0.5 becomes 0.73
        weight.assign(weight + 1.0)
    assert learn._check_agreement(exported, model, photos) > 0.1


def _scenes():
    photo = np.full((128, 128, 3), (20, 60, 160), np.uint8)
    mask = np.pad(np.ones((48, 48), bool), 40)
    photo[mask] = (200, 30, 40)
    return Scenes([labels.Label(photo, mask, 1.0)], [])


def test_batches_are_repeatable_and_differ_by_place_epoch_and_seed():
    batches, same, other = (SceneBatches(_scenes(), steps=2, batch=3, seed=seed) for seed in (1, 1, 2))
    pictures, masks = batches[0]
    assert pictures.shape == (3, 128, 128, 3) and pictures.dtype == np.uint8
    assert masks.shape == (3, 128, 128, 1) and masks.dtype == np.float32
    assert len(batches) == 2
    assert np.array_equal(pictures, same[0][0]) and np.array_equal(masks, same[0][1])
    assert not np.array_equal(pictures, batches[1][0])
    assert not np.array_equal(pictures, other[0][0])
    batches.on_epoch_end()
    assert not np.array_equal(pictures, batches[0][0])


def test_a_drawn_garment_comes_with_its_true_mask():
    label = learn._drawn(3)
    assert label.photo.shape == (128, 128, 3) and label.mask.dtype == bool
    assert label.reliable


def test_what_a_network_believes_does_not_depend_on_the_side():
    photos = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    model = network.build()
    straight, mirrored = learn._predicted(model, photos), learn._predicted(model, photos[:, :, ::-1])
    assert straight.shape == (2, 128, 128)
    assert np.allclose(straight, mirrored[:, :, ::-1], atol=1e-5)
