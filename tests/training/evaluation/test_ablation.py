"""The ablation: what a variant learns from, its scores, and that it is trained once, also after a stop."""

import json
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.catalogue.reader import Catalogue, Item
from training.errors import UnreadableEncoder, UnsupportedBackend
from training.evaluation import ablation as module
from training.evaluation.ablation import SCORES, Bench, Plan, Searches, ablation, score, tables
from training.evaluation.photos import Photos
from training.evaluation.variants import FULL, VARIANTS, NoLook, OneLook
from training.fit.dataset import Dataset
from training.photo.boxes import WHOLE
from training.photo.encoder import PRETRAINED
from training.photo.garment import Garment
from training.photo.segmenter import shipped

BY_PART = {variant.part: variant for variant in VARIANTS}


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


def _stopped(*_, **__):
    raise KeyboardInterrupt


@pytest.fixture
def plan(tiny, drawn_cache, tmp_path):
    """A plan whose cut-outs are those of other tests, without drawn garments, which take time."""
    (tmp_path / "cache").mkdir()
    for path in drawn_cache.iterdir():
        (tmp_path / "cache" / path.name).symlink_to(path)
    config = replace(tiny, mirrored=True, views=1, disturbed=False)  # which takes longer than all else
    return Plan(config, epochs=2, seeds=1, every=2, drawn=0, cache=tmp_path / "cache", processes=1)


@pytest.fixture
def bench(drawn_photos, plan):
    gallery, queries = drawn_photos

    def make(**options):
        chosen = {"segmenter": shipped(), "plan": plan, **options}
        return Bench(gallery, queries, **chosen)

    return make


def _garments(*angles):
    """Garments whose pixels are an angle in degrees, as which `_embed` embeds them."""
    mask = np.zeros((128, 128), np.uint8)
    return [Garment(np.full((128, 128, 3), angle, np.uint8), mask, WHOLE, 1.0) for angle in angles]


def _embed(garments):
    angles = np.radians([float(garment.rgb[0, 0, 0]) for garment in garments])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _photos(categories, angles):
    named = zip(categories, angles, strict=True)
    items = tuple(Item(f"{name} {at}", None, {"category": name}) for name, at in named)
    return Photos(items, tuple(_garments(*angles)))


def test_scores_are_those_of_categories_laid_out_and_worn_and_of_views_that_find_their_photograph():
    gallery = _photos(["hat"] * 10 + ["skirt"] * 10, [*range(10), *range(80, 90)])
    queries = _photos(["hat", "hat", "skirt"], [12, 60, 70])
    again = [_garments(12, 13, 11), _garments(60, 66, 50), _garments(70, 64, 74)]
    worn = tuple(Item(name, None, {"category": name}) for name in ("hat", "skirt"))
    searches = Searches(gallery, queries, again, worn, _garments(20, 30))
    found = score(_embed, searches)
    assert found["P@10"] == pytest.approx(2 / 3) and found["macro P@10"] == pytest.approx(3 / 4)
    assert found["worn P@10"] == found["worn macro P@10"] == pytest.approx(1 / 2)
    assert found["own view R@1"] == pytest.approx(4 / 6)  # 66 is nearer to 70, 64 to 60
    assert set(found) == set(SCORES)
    assert set(SCORES) - set(score(_embed, replace(searches, worn=()))) == {"worn P@10", "worn macro P@10"}


def test_the_table_has_means_with_their_spread_and_change_and_another_each_training():
    full = [{"P@10": 0.82, "mAP": 0.7, "worn P@10": 0.5}, {"P@10": 0.80, "mAP": 0.7, "worn P@10": 0.5}]
    less = [{"P@10": 0.75, "mAP": 0.7}, {"P@10": 0.79, "mAP": 0.6}]
    means, each = tables([("nothing", full), ("sleeves", less)], "How.")
    assert means.column("P@10") == {"nothing": "0.810 ± 0.010", "sleeves": "0.770 ± 0.020 (-0.040)"}
    assert means.column("worn P@10") == {"nothing": "0.500 ± 0.000", "sleeves": None}
    assert each.column("P@10")["sleeves, seed 1"] == 0.79 and len(each.rows) == 4
    once, _ = tables([("nothing", full[:1]), ("sleeves", less[:1])], "How.")
    assert once.column("mAP") == {"nothing": "0.700", "sleeves": "0.700 (+0.000)"}


@pytest.mark.parametrize(
    ("part", "seen"),
    [
        ("nothing", {"laid out": [0, 1, 2, 3], "worn": [0, 1, 2, 3], "drawn": [0, 1, 2, 3]}),
        ("views-parsed-again", {"laid out": [0] * 4, "worn": [0, 1, 1, 1], "drawn": [0, 1, 2, 3]}),
        ("worn-photographs", {"laid out": [0, 1, 2, 3], "drawn": [0, 1, 2, 3]}),
        ("drawn-garments", {"laid out": [0, 1, 2, 3], "worn": [0, 1, 2, 3]}),
    ],
)
def test_what_is_left_out_is_not_learned_from_and_of_the_rest_one_in_so_many(
    part, seen, bench, plan, people, monkeypatch
):
    def prepared(source, items, views):
        pictures = np.broadcast_to(np.arange(1 + views)[None], (len(items), 1 + views))
        return Dataset(pictures, tuple(replace(item, metadata={"is": source}) for item in items), ())

    monkeypatch.setattr(module, "prepare", lambda c, views, **_: prepared("laid out", c.items, views))
    monkeypatch.setattr(module, "prepare_worn", lambda c, _, views, **__: prepared("worn", c.items, views))
    monkeypatch.setattr(module, "prepare_drawn", lambda c, views, **_: prepared("drawn", c.items, views))
    monkeypatch.setattr(module, "read_catalogue", lambda *_, **__: Catalogue("", people.items[:4], ()))
    chosen = replace(plan, config=replace(plan.config, views=3), drawn=4, every=4)
    variant = BY_PART[part]
    data, count = bench(plan=chosen, parsed=people).learned(
        shipped(), variant.again, variant.worn, variant.drawn
    )
    kinds = [item.metadata["is"] for item in data.items]
    assert kinds[:count] == ["laid out"] * 15 and "laid out" not in kinds[count:]
    expected = {"laid out": 15, "worn": 2, "drawn": 1}
    assert Counter(kinds) == {kind: expected[kind] for kind in seen}
    for kind, views in zip(kinds, data.views, strict=True):
        assert views.tolist() == seen[kind]


def test_each_is_scored_beside_the_full_recipe_and_what_needs_no_training_is_taken_from_its_network(
    without_graphs, drawn_photos, plan, monkeypatch
):
    seen = _steps(monkeypatch)
    parts = ("nothing", "mirror-image", "eight-bits", "types", "categories")
    options = {"segmenter": shipped(), "plan": plan, "variants": [BY_PART[part] for part in parts]}
    means, each = ablation(*drawn_photos, **options)
    assert [row[0] for row in means.rows] == [BY_PART[part].name for part in parts]
    assert seen == [0, 1, 0, 1]
    assert means.rows[0][4] is None and means.rows[0][6] is not None  # there are no worn garments
    own = each.column("own view R@1")
    assert own["eight bits, seed 0"] == pytest.approx(own["nothing, seed 0"], abs=0.1)
    assert len({row[1:] for row in each.rows}) >= 3  # eight bits may change nothing
    assert ablation(*drawn_photos, **options) == [means, each]
    assert len(seen) == 4


def test_another_segmenter_cuts_out_all_that_is_learned_from_searched_and_searched_for(
    bench, people, other_segmenter
):
    made = bench(beside=other_segmenter, parsed=people)
    for part, segmenter in (("segmenter", other_segmenter), ("second-look", OneLook(shipped().exported))):
        assert made._segmenter(BY_PART[part]) == segmenter
        searches, own = made.searches(segmenter), made.gallery
        assert not np.array_equal(searches.gallery.cutouts, own.cutouts)
        assert [len(views) for views in searches.again] == [4] * 20
        assert len(searches.worn) == len(searches.worn_garments) == 8
    assert not made.searches(NoLook(shipped().exported)).worn


def test_other_settings_photographs_or_weights_are_another_training(bench, plan, people, other_segmenter):
    def key(made, variant=FULL, **changes):
        config = replace(made.plan.config, **variant.changes, **changes)
        return json.dumps(made._training(variant, config))

    plan = replace(plan, drawn=3)
    first = bench(plan=plan, beside=other_segmenter)
    others = [
        key(first),
        *(key(first, BY_PART[part]) for part in ("segmenter", "cut-out", "categories", "outline")),
        *(key(first, BY_PART[part]) for part in ("worn-photographs", "drawn-garments", "views-parsed-again")),
        key(first, seed=7),
        key(first, epochs=9),
        key(bench(plan=plan, parsed=people)),
        key(bench(plan=replace(plan, every=3))),
        key(bench(plan=replace(plan, drawn=5))),
        key(bench(plan=replace(plan, init=PRETRAINED))),
    ]
    assert len(set(others)) == len(others)
    assert key(bench(plan=plan), BY_PART["mirror-image"]) == key(first, BY_PART["eight-bits"]) == others[0]


def test_weights_to_start_from_that_are_not_there_are_told(bench, plan, tmp_path):
    with pytest.raises(UnreadableEncoder, match="No weights can be read"):
        bench(plan=replace(plan, init=tmp_path))


def test_a_training_that_was_stopped_goes_on_where_it_was(without_graphs, bench, plan, monkeypatch):
    plan = replace(plan, epochs=3)
    variant = BY_PART["discriminants"]
    with pytest.raises(KeyboardInterrupt):
        _steps(monkeypatch, stop_at=2)
        bench(plan=plan).scores(variant, 0)
    [folder] = (plan.cache / "ablation").iterdir()
    assert json.loads((folder / "settings.json").read_text())["every"] == 2
    seen = _steps(monkeypatch)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "_embedding", _stopped)
        bench(plan=plan).scores(variant, 0)
    found = bench(plan=plan).scores(variant, 0)
    assert seen == [2]
    assert found.keys() == {"P@10", "macro P@10", "mAP", "own view R@1"}
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".json", ".npz"]


def test_without_tensorflow_there_is_no_ablation(drawn_photos, plan, monkeypatch):
    monkeypatch.setattr(module.keras.backend, "backend", lambda: "jax")
    with pytest.raises(UnsupportedBackend, match="Keras runs on jax"):
        ablation(*drawn_photos, segmenter=shipped(), plan=plan, variants=VARIANTS)


def test_the_command_names_what_is_left_out_and_how_it_is_trained(
    drawn_cache, tmp_path, people, own_bundle, other_segmenter, monkeypatch
):
    asked = []
    monkeypatch.setattr(module, "ablation", lambda *_, **options: asked.append(options) or [])
    line = ["evaluate", "--gallery", "drawn:60", "--queries", "drawn:20:5", "--processes", "1"]
    line += ["--cache", str(drawn_cache), "--part", "ablation"]
    line += ["--parsed", str(people.root / "catalogue.csv")]
    line += ["--beside", str(own_bundle), "--ablation-part", "segmenter", "--ablation-part", "clean-target"]
    line += ["--ablation-seeds", "3", "--ablation-every", "5", "--ablation-epochs", "4"]
    result = CliRunner().invoke(main, [*line, "--ablation-init", str(PRETRAINED)], catch_exceptions=False)
    assert result.exit_code == 0
    [found] = map(lambda options: SimpleNamespace(**options), asked)
    assert [variant.name for variant in found.variants] == ["nothing", "clean target", "segmenter"]
    assert (found.segmenter, found.beside) == (shipped(), other_segmenter)
    plan = found.plan
    assert (plan.seeds, plan.every, plan.epochs, plan.init) == (3, 5, 4, PRETRAINED)
    assert found.parsed.items == people.items
