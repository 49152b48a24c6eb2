"""A training small enough for the suite: drawn garments and people, two epochs, up to the files."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
import pytest

from training.catalogue import parsed
from training.catalogue.reader import read_catalogue
from training.errors import RunExists, TooFewImages
from training.model import weights
from training.photo.garment_types import CLASSES
from training.photo.litert import LiteModel
from training.photo.segmenter import UPRIGHT, Segmenter, read_output, shipped, squeeze
from training.segmentation import labels, learn, network, turns
from training.segmentation.labels import Label, drawn
from training.segmentation.learn import SceneBatches, SegmenterConfig
from training.segmentation.scenes import Scenes

TINY = SegmenterConfig(epochs=2, steps=2, scenes=2)
IN_EIGHT_BITS = learn._deepest


def exact(model, labels):
    """The deepest maps in 32 bits, which no export takes time for."""
    deepest = network.deepest(model)
    return lambda photos: np.asarray(deepest(photos))  # without a graph, which takes longer for so few


@pytest.fixture(scope="module")
def small():
    known = {}

    def labelled(item, **how):
        """Label a photograph once for all trainings."""
        key = how["segmenter"].fingerprint, repr((item, how["table"] is None, how["root"]))
        if key not in known:
            known[key] = labels.labelled(item, **how)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "labelled", labelled)
        for name in ("MIN_LABELS", "DRAWN", "DRAWN_VALIDATION", "FIGURES"):
            patch.setattr(learn, name, 4)
        patch.setattr(turns, "PICTURES", 16)
        patch.setattr(learn, "_deepest", exact)
        patch.setattr(parsed, "HELD_OUT", 3)
        yield


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory, drawn_cache):
    """Drawn garments, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("photos")
    items = read_catalogue("drawn:30", cache=drawn_cache).items
    (folder / "text.jpg").write_text("no picture")
    rows = [f"{number},{item.path},{item.category}" for number, item in enumerate(items)]
    (folder / "shop.csv").write_text("\n".join(["item_id,path,category", *rows, "x,text.jpg,"]))
    return read_catalogue(str(folder / "shop.csv"))


@pytest.fixture(scope="module")
def worn(drawn_people):
    return read_catalogue(str(drawn_people))


@contextmanager
def _counted():
    """Count the steps that each training takes meanwhile."""
    steps = []

    class Counter(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            steps.append(0)

        def on_train_batch_end(self, batch, logs=None):
            steps[-1] += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "Progress", lambda _: Counter())
        yield steps


@pytest.fixture
def steps():
    with _counted() as steps:
        yield steps


@pytest.fixture(scope="module")
def learned(small, catalogue, worn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segmenter")
    return folder, learn.learn(catalogue, folder, worn=worn, config=TINY, processes=1)


@pytest.fixture(scope="module")
def gone_on(learned, catalogue, worn, tmp_path_factory):
    """The same training, killed after its last epoch, that has gone on; and the steps that it took."""
    folder = shutil.copytree(learned[0], tmp_path_factory.mktemp("killed") / "segmenter")
    for name in ("segmenter.tflite", "segmenter.json", "segmenter.npz"):
        (folder / name).unlink()
    with _counted() as steps:
        metrics = learn.learn(catalogue, folder, worn=worn, config=TINY, processes=1)
    return folder, metrics, steps


def _trained(folder):
    """The network that a training left, as it is before its export."""
    model = network.build()
    path = folder / "segmenter.npz"
    weights.assign(model.weights, [*weights.read(path).values()], path)
    return model


def _said(logits):
    """Read logits, (64, 64, 20), as the network has them before its export."""
    return read_output(logits.transpose(2, 0, 1))


def test_a_training_leaves_the_network_and_its_scores(learned):
    folder, metrics = learned
    assert json.loads((folder / "segmenter.json").read_text()) == json.loads(json.dumps(metrics))
    assert metrics["photographs"] >= 4 and metrics["worn"] >= 4
    assert metrics["held_out"]["drawn"] == 4 and metrics["held_out"]["worn"] == 12 - metrics["worn"] > 0
    assert {"iou_photographs", "iou_drawn", "iou_worn", "iou_person", "iou_trousers"} <= set(
        metrics["scores"]
    )
    assert all(score is None or 0 <= score <= 1 for score in metrics["scores"].values())
    assert metrics["catalogue"] == "shop.csv"  # no folders of this machine
    output = LiteModel((folder / "segmenter.tflite").read_bytes()).run(np.zeros((2, 128, 128, 3), np.uint8))
    assert output.shape == (2, 24, 64, 64) and output.dtype == np.float32
    parse = read_output(output[0])
    assert np.ptp(output[:, 20:], axis=(2, 3)).max() == 0  # the turn of the whole picture
    assert sum(parse.turns) == pytest.approx(1, abs=1e-3)
    assert 0 <= metrics["scores"]["turns_told"] <= 1
    assert 0 <= parse.garment.min() and (parse.garment + parse.person).max() <= 1.001


def test_an_unreadable_photograph_is_counted_as_skipped(learned):
    assert learned[1]["skipped"] >= 1


def test_what_is_exported_is_what_was_trained_up_to_eight_bits(learned):
    folder, metrics = learned
    assert 0 < metrics["export_difference"] < 0.02
    assert (folder / "segmenter.tflite").stat().st_size < 1_700_000  # a byte a weight


def test_a_training_that_was_killed_goes_on_after_its_last_epoch(learned, gone_on):
    _, metrics, steps = gone_on
    assert steps == [0]  # both epochs were done
    assert metrics["scores"] == pytest.approx(learned[1]["scores"])


def test_a_run_of_a_version_without_turns_goes_on_and_gets_them(learned, gone_on):
    """The head is no part of what is trained: neither of the checkpoint nor of the weights."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    output = LiteModel((gone_on[0] / "segmenter.tflite").read_bytes()).run(noise)
    assert output.shape[1] == 24
    exact = _said(np.asarray(_trained(learned[0])(noise))[0])
    for found, expected in zip(read_output(output[0]).maps, exact.maps, strict=True):
        np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_training_can_start_from_weights(without_graphs, learned, catalogue, tmp_path, steps, monkeypatch):
    folder, _ = learned
    monkeypatch.setattr(learn, "eight_bits", lambda *_: shipped().exported)  # takes longer than the training
    start = SegmenterConfig(epochs=2, steps=1, scenes=2, learning_rate=1e-9)
    (tmp_path / "weights").mkdir()  # alone: what was learned here labels nothing
    shutil.copy(folder / "segmenter.npz", tmp_path / "weights")
    metrics = learn.learn(catalogue, tmp_path, init=tmp_path / "weights", config=start, processes=1)
    assert metrics["worn"] == 0 and steps == [2]
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    first, second = (_said(np.asarray(_trained(path)(noise))[0]) for path in (folder, tmp_path))
    for before, after in zip(first.maps, second.maps, strict=True):
        assert np.abs(before - after).max() < 0.3  # running means alone have moved


def test_the_head_for_quarter_turns_is_fitted_alone_to_given_weights(
    without_graphs, learned, catalogue, tmp_path, steps, monkeypatch
):
    folder, _ = learned
    maps = []

    def in_eight_bits(model, labels):
        photos = np.stack([squeeze(label.photo) for label in labels[:2]])
        runs = [IN_EIGHT_BITS(model, labels), exact(model, labels)]
        maps.extend(run(photos) for run in runs)
        return runs[0]

    monkeypatch.setattr(learn, "_deepest", in_eight_bits)
    (tmp_path / "weights").mkdir()
    shutil.copy(folder / "segmenter.npz", tmp_path / "weights")
    learn.learn(catalogue, tmp_path, init=tmp_path / "weights", config=replace(TINY, epochs=0), processes=1)
    assert steps == [] and maps[0].shape == (2, 10752)
    assert 0 < np.abs(maps[0] - maps[1]).mean() < 0.1 * np.abs(maps[1]).mean()  # rounded, and the same maps
    before, after = (np.load(place / "segmenter.npz") for place in (folder, tmp_path))
    assert all(np.array_equal(before[name], after[name]) for name in before.files)
    assert Segmenter.load(tmp_path).parse(np.zeros((9, 9, 3), np.uint8)).turns != UPRIGHT


def test_a_training_without_tensorflow_leaves_what_one_with_it_goes_on_from(
    learned, catalogue, tmp_path, monkeypatch
):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    (tmp_path / "before").mkdir()
    shutil.copy(learned[0] / "segmenter.npz", tmp_path / "before")
    config = replace(TINY, epochs=0, seed=5)
    learn.learn(catalogue, tmp_path / "after", init=tmp_path / "before", config=config, processes=1)
    assert {path.name for path in (tmp_path / "after").iterdir()} == {"run.json", "segmenter.npz"}
    before, after = (np.load(tmp_path / name / "segmenter.npz") for name in ("before", "after"))
    assert all(np.array_equal(before[name], after[name]) for name in before.files)


def test_beside_a_gpu_every_core_makes_scenes(monkeypatch):
    assert not SceneBatches(_scenes(), TINY).use_multiprocessing
    monkeypatch.setattr(learn.device, "has_gpu", lambda: True)
    monkeypatch.setattr(learn, "cpu_count", lambda: 12)
    batches = SceneBatches(_scenes(), TINY)
    assert (batches.workers, batches.use_multiprocessing) == (12, True) and batches.max_queue_size > 12


@pytest.fixture(scope="module")
def mixed(catalogue, worn, tmp_path_factory):
    """A shop's feed: garments laid out and worn, some of the latter parsed by hand."""
    folder = tmp_path_factory.mktemp("mixed")
    rows = ["item_id,path,category,mask"]
    rows += [f"laid-{n},{item.path},{item.category}," for n, item in enumerate(catalogue.items[:12])]
    for n, item in enumerate(worn.items):
        mask = item.path.with_suffix(".png") if n % 2 else ""
        rows.append(f"worn-{n},{item.path},,{mask}")
    (folder / "shop.csv").write_text("\n".join(rows))
    shutil.copy(worn.root / "labels.csv", folder)
    return read_catalogue(str(folder / "shop.csv"))


def test_a_shop_s_photographs_teach_laid_out_and_worn_parsed_and_not(small, mixed, monkeypatch):
    taught = learn._read(mixed, shipped(), 1, "Labelling")
    alone = [label for label in taught.known if label.alone]
    dressed = [label for label in taught.known if not label.alone]
    assert len(alone) >= 6 and len(dressed) >= 6 and taught.held_out
    assert all((label.classes == CLASSES.index("person")).any() for label in dressed)
    given = []
    monkeypatch.setattr(learn, "_train", lambda model, scenes, *_: given.append(scenes) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        learn.learn(mixed, mixed.root / "out", config=TINY, processes=1)
    assert (len(given[0].laid_out), len(given[0].worn)) == (len(alone), len(dressed))


def test_what_is_not_parsed_is_labelled_by_the_segmenter_from_which_training_starts(
    learned, catalogue, own_bundle, other_segmenter, tmp_path, monkeypatch
):
    teachers = []
    monkeypatch.setattr(learn, "_read", lambda _, teacher, *__: teachers.append(teacher) or 1 / 0)
    folder, metrics = learned
    for number, init in enumerate([None, folder, own_bundle]):
        with pytest.raises(ZeroDivisionError):
            learn.learn(catalogue, tmp_path / str(number), init=init, config=TINY)
    assert teachers == [shipped(), Segmenter.load(folder), other_segmenter]
    assert metrics["teacher"] == shipped().fingerprint[:12]


def test_photographs_of_which_none_can_be_used_are_reported(small, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "text.jpg").write_text("no picture")
    with pytest.raises(TooFewImages, match=r"has 0 photographs to learn from; at least 4.* 1 can't be read"):
        learn.learn(read_catalogue(str(tmp_path / "photos")), tmp_path / "out", config=TINY, processes=1)
    assert not list(tmp_path.glob("out/segmenter.*"))


def test_a_folder_with_another_training_is_refused_and_kept(learned, catalogue):
    folder, _ = learned
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(RunExists, match=r"another catalogue or configuration .*run\.json"):
        learn.learn(catalogue, folder, config=SegmenterConfig(epochs=3), processes=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_difference_between_export_and_training_is_measured():
    """The exported network agrees to what eight bits give, and no longer when the trained one has changed."""
    pixels = keras.Input((128, 128, 3), dtype="uint8")
    layer = keras.layers.Dense(20)
    small = keras.layers.AveragePooling2D(2)(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Permute((3, 1, 2))(layer(small)))
    labels = [drawn(0)]
    exported = learn.eight_bits(model, labels)
    assert learn._check_agreement(exported, model, labels) < 0.02
    layer.bias.assign(np.linspace(-3, 3, 20))
    assert learn._check_agreement(exported, model, labels) > 0.03


def _scenes():
    photo = np.full((256, 256, 3), (20, 60, 160), np.uint8)
    classes = np.pad(np.full((96, 96), 2, np.uint8), 80)
    photo[classes > 0] = (200, 30, 40)
    return Scenes([Label(photo, classes)])


def test_batches_are_repeatable_and_differ_by_place_epoch_and_seed():
    configs = [SegmenterConfig(steps=2, scenes=3, seed=seed) for seed in (1, 1, 2)]
    batches, same, other = (SceneBatches(_scenes(), config) for config in configs)
    pictures, classes = batches[0]
    assert pictures.shape == (6, 128, 128, 3) and pictures.dtype == np.uint8
    assert classes.shape == (6, 128, 128) and classes.dtype == np.uint8
    assert np.array_equal(classes[:3, :, ::-1], classes[3:])  # the second half are the first one's views
    assert len(batches) == 2
    assert np.array_equal(pictures, same[0][0]) and np.array_equal(classes, same[0][1])
    assert not np.array_equal(pictures, batches[1][0])
    assert not np.array_equal(pictures, other[0][0])
    batches.on_epoch_end()
    assert not np.array_equal(pictures, batches[0][0])


def test_a_drawn_garment_comes_with_its_true_mask_and_type():
    label = drawn(3)
    assert label.photo.shape == (256, 256, 3)
    assert len(set(np.unique(label.classes)) - {0}) == 1
    assert 0.05 < label.garment.mean() < 0.95


def test_people_of_a_mixed_catalogue_are_scored_as_people():
    laid_out, dressed, worn = (
        Label(np.zeros((2, 2, 3), np.uint8), np.array(classes, np.uint8))
        for classes in ([[0, 2], [0, 2]], [[1, 2], [0, 2]], [[1, 3], [1, 3]])
    )
    held_out = learn._held_out(learn._Labels([], [laid_out, dressed], 0), learn._Labels([], [worn], 0))
    assert [id(one) for one in held_out["photographs"]] == [id(laid_out)]
    assert [id(one) for one in held_out["worn"]] == [id(worn), id(dressed)]


def test_scores_are_of_each_class(monkeypatch):
    """A network that is right about half of the trousers, and takes the person for ground."""
    classes = np.zeros((128, 128), np.uint8)
    classes[:40], classes[40:] = 1, CLASSES.index("trousers")
    said = np.zeros((128, 128))
    said[84:] = 2
    groups = 9 * np.eye(3)[said.astype(int)].reshape(64, 2, 64, 2, 3).transpose(1, 3, 4, 0, 2)
    types = np.broadcast_to(9 * np.eye(8)[3][:, None, None], (8, 64, 64))
    parse = read_output(np.concatenate([groups.reshape(12, 64, 64), types]).astype(np.float32))
    monkeypatch.setattr(learn, "_parses", lambda model, labels: [parse] * len(labels))
    scores = learn._scores(None, {"worn": [Label(np.zeros((128, 128, 3), np.uint8), classes)], "drawn": []})
    assert scores["iou_worn"] == scores["iou_trousers"] == pytest.approx(0.5)
    assert scores["iou_person"] == 0 and scores["iou_skirt"] is None and "iou_drawn" not in scores


def test_eight_bits_have_the_ranges_of_photographs_turned_every_way(monkeypatch):
    monkeypatch.setattr(learn, "litert", lambda _, **options: list(options["representative_dataset"]()))
    photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    seen = learn.eight_bits(None, [Label(photo, np.zeros((128, 128), np.uint8))] * 6)
    found = {picture.tobytes() for [picture] in seen}
    assert found == {np.rot90(photo, quarters).tobytes() for quarters in range(4)}
