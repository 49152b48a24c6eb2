"""The ablation: what a variant changes, that it is trained once, and that a stopped training goes on."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from training.config import Config
from training.evaluation import ablation as module
from training.evaluation.ablation import FULL, VARIANTS, Variant, ablation, vectors
from training.evaluation.photos import whole_photo
from training.model.autoencoder import Autoencoder
from training.model.bundle import embed

SHORT = (FULL, Variant("categories", categories=False))


def _steps(monkeypatch, *, stop_at=None):
    """Count the epochs that are trained; end the program, as it were, at the beginning of one."""
    seen = []

    class Watched(module.Progress):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == stop_at:
                raise KeyboardInterrupt
            seen.append(epoch)

    monkeypatch.setattr(module, "Progress", Watched)
    return seen


def _stopped(*_):
    raise KeyboardInterrupt


def test_every_variant_but_the_first_leaves_something_out_that_the_configuration_has():
    names = {field.name for field in fields(Config)}
    default = Config(epochs=2)
    for variant in VARIANTS[1:]:
        assert variant.changes.keys() <= names
        assert all(getattr(default, name) != value for name, value in variant.changes.items())
        assert variant.changes or not (variant.categories and variant.cut_out and variant.head)
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)


def test_a_whole_photograph_is_all_garment_and_keeps_its_proportions(tmp_path):
    path = tmp_path / "wide.png"
    Image.fromarray(np.full((100, 200, 3), 90, np.uint8)).save(path)
    cutout = whole_photo(path)
    assert (cutout.shape, cutout.dtype) == ((128, 128, 4), np.uint8)
    assert (cutout[64] == [90, 90, 90, 255]).all()
    assert not cutout[:31].any()
    assert not cutout[97:].any()


def test_each_variant_is_scored_beside_the_full_training_and_then_taken_from_the_cache(
    drawn_photos, tiny, tmp_path, monkeypatch
):
    trained, models = [], []

    def untrained(config, cutouts, categories, folder):
        trained.append(sorted(set(categories)))
        models.append(Autoencoder(config))
        return models[-1]

    monkeypatch.setattr(module, "_train", untrained)
    options = {"cache": tmp_path, "config": tiny, "epochs": 2, "variants": SHORT, "processes": 1}
    table = ablation(*drawn_photos, **options)
    full, without = table.rows
    assert (full[0], full[2], without[0]) == ("nothing", None, "categories")
    assert without[2] == pytest.approx(without[1] - full[1])
    assert trained == [[*range(10)], [-1]]
    assert ablation(*drawn_photos, **options) == table
    assert len(trained) == 2
    found, _ = vectors(FULL, replace(tiny, epochs=2), *drawn_photos, cache=tmp_path)
    assert found == pytest.approx(embed(models[0].encoder(), drawn_photos[0].cutouts))


def test_other_settings_or_photographs_are_another_training(drawn_photos, tiny):
    gallery, queries = drawn_photos
    fewer = queries.take(range(10))
    settings = {
        module._settings(variant, config, gallery, asked)
        for variant in SHORT
        for config in (tiny, replace(tiny, epochs=3))
        for asked in (queries, fewer)
    }
    assert len(settings) == 8


def test_a_training_that_was_stopped_goes_on_where_it_was(
    without_graphs, drawn_photos, tiny, tmp_path, monkeypatch
):
    gallery, queries = drawn_photos
    config = replace(tiny, epochs=3, disturbed=False)  # builds faster
    with pytest.raises(KeyboardInterrupt):
        _steps(monkeypatch, stop_at=2)
        vectors(FULL, config, gallery, queries, cache=tmp_path, processes=1)
    [folder] = (tmp_path / "ablation").iterdir()
    assert json.loads((folder / "settings.json").read_text())["left_out"] == "nothing"
    seen = _steps(monkeypatch)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module.bundle, "embed", _stopped)
        vectors(FULL, config, gallery, queries, cache=tmp_path, processes=1)
    found, asked = vectors(FULL, config, gallery, queries, cache=tmp_path, processes=1)
    assert seen == [2]
    assert (found.shape, asked.shape) == ((60, config.dimension), (20, config.dimension))
    assert sorted(path.name for path in folder.iterdir()) == ["settings.json", "vectors.npz"]
