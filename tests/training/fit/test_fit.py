import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.config import CONFIGS, from_dict
from training.errors import EncoderMismatch, RunExists, TooFewImages, UnreadableEncoder
from training.fit.dataset import prepare
from training.fit.fit import fit
from training.fit.result import export
from training.fit.run import Run
from training.model import bundle
from training.photo.confidence import Signals
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment_types import TYPES
from training.photo.segmenter import shipped


def _run(config, catalogue="drawn:60", **options):
    settings = {"validation": None, "init": None, "supervise": None, **options}
    return Run(catalogue, config=config, **settings)


def test_a_run_leaves_its_bundle_history_metrics_and_figures(finished, tiny):
    history = json.loads((finished / "history.json").read_text())
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]
    losses = {"loss", "reconstruction", "invariance", "category"}
    assert 0 < history[0]["seconds"] < history[-1]["seconds"]
    assert all(losses <= record.keys() for record in history)
    metrics = json.loads((finished / "metrics.json").read_text())
    assert 0 < metrics["scores"]["val_map"] <= 1
    names = {path.stem for path in (finished / "figures").iterdir()}
    assert names == {"garments", "results", "failures", "kernels", "feature_maps", "curves"}
    encoder = Encoder.load(finished)
    assert encoder.dimension == tiny.dimension + len(TYPES)
    assert 0 < encoder.calibration.confidence(Signals(0.5, 0.5, 0.5)) < 1
    assert list((finished / "tensorboard").rglob("events.out.*"))


def test_the_exported_encoder_embeds_as_the_stored_weights_do_but_for_its_eight_bits(
    finished, tiny, read, drawn_cache
):
    cutouts = prepare(read("drawn:60"), cache=drawn_cache, processes=1).cutouts[:8]
    kept = bundle.embed(bundle.restore(finished, tiny).encoder(), cutouts)
    exported = Encoder.load(finished)
    assert (exported.embed_cutouts(cutouts) * kept).sum(axis=1).min() > 0.99


def test_a_run_is_not_overwritten(finished, tiny, read):
    with pytest.raises(RunExists, match="--resume"):
        fit(_run(tiny), finished, read=read)


def test_a_run_is_not_resumed_with_other_settings(finished, tiny, read):
    with pytest.raises(RunExists, match="other settings"):
        fit(_run(replace(tiny, seed=1)), finished, read=read, resume=True)


def test_a_finished_run_can_be_exported_again(finished, tmp_path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    (copy / "encoder.tflite").unlink()
    (copy / "encoder.json").unlink()
    assert export(copy).dimension == Encoder.load(copy).dimension
    with pytest.raises(UnreadableEncoder, match="no finished training run"):
        export(tmp_path)


@pytest.fixture(scope="module")
def undecided():
    """How often the number of processes was left to the machine while `own` was trained: filled by that."""
    return []


@pytest.fixture(scope="module")
def own(tiny, read, drawn_cache, other_segmenter, tmp_path_factory, eager_training, undecided):
    """The folder of a finished run with a segmenter of its own, which validates each epoch."""
    out = tmp_path_factory.mktemp("own") / "run"
    short = replace(tiny, epochs=2, validate_every=1, disturbed=False)  # which takes longer than all else
    read("drawn:60")
    with eager_training(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.parallel.cpu_count", lambda: undecided.append(1) or 1)
        for name in ("draw_curves", "draw_figures"):  # as of any other run
            patch.setattr(f"training.fit.result.{name}", lambda *_, **__: [])
        fit(_run(short, segmenter=other_segmenter), out, read=read, cache=drawn_cache, processes=1)
    return out


def test_a_run_with_its_own_segmenter_takes_it_into_the_bundle(own, other_segmenter):
    assert (own / "segmenter.tflite").read_bytes() == other_segmenter.exported
    assert Encoder.load(own).segmenter == other_segmenter
    assert json.loads((own / "encoder.json").read_text())["preprocessing"] == other_segmenter.preprocessing


def test_every_step_of_a_run_keeps_to_the_number_of_processes_that_is_given(own, undecided):
    assert undecided == []


def test_the_segmenter_that_ships_is_not_copied_into_a_bundle(tmp_path):
    bundle.save_segmenter(shipped(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_each_epoch_is_validated_that_is_to_be(own, finished):
    for run, validated in ((own, [1, 2]), (finished, [4])):
        history = json.loads((run / "history.json").read_text())
        assert [record["epoch"] for record in history if "val_map" in record] == validated


def test_a_run_is_not_resumed_with_another_segmenter(own, read):
    config = from_dict(json.loads((own / "run.json").read_text())["config"])
    with pytest.raises(RunExists, match="other settings"):
        fit(_run(config), own, read=read, resume=True)


def test_a_run_is_exported_again_with_its_own_segmenter_and_no_other(own, tmp_path, other_segmenter):
    copy = shutil.copytree(own, tmp_path / "copy")
    assert export(copy).segmenter == other_segmenter
    (copy / "segmenter.tflite").unlink()
    with pytest.raises(EncoderMismatch, match=other_segmenter.fingerprint[:12]):
        export(copy)


@pytest.mark.parametrize(
    ("named", "taken"),
    [
        ((), "ships"),
        (("--init", "OURS"), "ships"),
        (("--init", "OWN"), "own"),
        (("--segmenter", "OWN"), "own"),
    ]
    + [
        (("--init", "OWN", "--segmenter", "OURS"), "ships"),
        (("--init", "OURS", "--segmenter", "OWN"), "own"),
    ],
)
def test_the_segmenter_is_the_one_that_is_named_else_that_of_init(
    named, taken, own_bundle, other_segmenter, monkeypatch, tmp_path
):
    runs = []
    monkeypatch.setattr("training.fit.fit.fit", lambda run, *_, **__: runs.append(run) or {"scores": {}})
    folders = {"OURS": str(PRETRAINED), "OWN": str(own_bundle)}
    words = ["fit", "--catalogue", "drawn:60", "--out", str(tmp_path), *(folders.get(w, w) for w in named)]
    assert CliRunner().invoke(main, words, catch_exceptions=False).exit_code == 0
    assert runs[0].segmenter == (other_segmenter if taken == "own" else shipped())


def test_too_few_images_are_reported(tmp_path, tiny, read, drawn_cache):
    for _ in range(2):  # a run that never began is not in the way of the next
        with pytest.raises(TooFewImages, match="at least 40"):
            fit(_run(tiny, "drawn:20"), tmp_path / "run", read=read, cache=drawn_cache, processes=1)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_starts_from_a_bundle_of_an_earlier_release_but_not_from_a_damaged_one(
    damaged, own_bundle, tmp_path, tiny, read, drawn_cache
):
    before = shutil.copytree(own_bundle, tmp_path / "before")
    path = before / "encoder.json"
    changes = {"preprocessing": "1-of-long-ago"} | ({"fingerprint": "0"} if damaged else {})
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    words = ["fit", "--catalogue", "drawn:20", "--init", str(before), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, [*words, "--cache", str(drawn_cache), "--processes", "1"])
    assert result.exit_code == 1
    assert ("is damaged" if damaged else "at least 40") in result.stderr


def test_the_worn_garments_of_a_shops_own_catalogue_are_learned_from_but_for_those_held_out(
    tmp_path, tiny, read, drawn_cache, drawn_people, monkeypatch
):
    """The shop's feed has garments laid out, too, and `--worn` names the whole of it."""
    people = read(str(drawn_people)).items
    rows = [f"laid-{n},{item.path},{item.category}," for n, item in enumerate(read("drawn:60").items)]
    rows += [f"{item.item_id},{item.path},,{item.path.with_suffix('.png')}" for item in people]
    (tmp_path / "shop.csv").write_text("\n".join(["item_id,path,category,mask", *rows]))
    shutil.copy(drawn_people.with_name("labels.csv"), tmp_path)
    given = []
    monkeypatch.setattr("training.fit.loop.train", lambda *taught: given.append(taught) or 1 / 0)
    shop = str(tmp_path / "shop.csv")
    with pytest.raises(ZeroDivisionError):
        fit(_run(tiny, shop, worn=shop), tmp_path / "run", read=read, cache=drawn_cache, processes=1)
    learned, seen = given[0][2].items, {item.path for item in people}
    apart = seen - {item.path for item in learned if "label" not in item.metadata}
    worn = {item.path for item in learned if "label" in item.metadata}
    assert apart and worn and worn < seen and not worn & apart


def test_another_architecture_can_not_go_on_from_a_bundle(finished, tiny):
    wider = replace(tiny, widths=(8, 16, 24, 40))
    with pytest.raises(EncoderMismatch, match="another architecture"):
        bundle.restore(finished, wider)


def test_a_configuration_survives_json():
    for config in CONFIGS.values():
        assert from_dict(json.loads(json.dumps(config.__dict__))) == config


def test_a_killed_run_is_resumed_where_it_was(trained):
    before, after = (json.loads((trained / run / "history.json").read_text()) for run in ("killed", "run"))
    assert not (trained / "killed" / "encoder.tflite").exists()
    assert [record["epoch"] for record in after] == [1, 2, 3, 4]
    assert 0 < len(before) < 4 and after[: len(before)] == before
    assert Encoder.load(trained / "run").fingerprint


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (["--catalogue", "nowhere", "--out", "OUT"], "nowhere"),
        (["--catalogue", "drawn:12", "--out", "OUT"], "at least 40"),
        (["--catalogue", "drawn:60", "--out", "OUT", "--init", "nowhere"], "No encoder in 'nowhere'"),
        (["--catalogue", "drawn:60", "--out", "OUT", "--segmenter", "nowhere"], "The segmenter 'nowhere'"),
    ],
)
def test_wrong_use_is_one_line_and_a_failure(line, reason, tmp_path, drawn_cache):
    words = [word.replace("OUT", str(tmp_path / "run")) for word in line]
    result = CliRunner().invoke(main, ["fit", *words, "--config", "quick", "--cache", str(drawn_cache)])
    assert result.exit_code == 1
    assert reason in result.output
    assert result.output.strip().splitlines()[-1].count("Error: ") == 1


def test_skipped_photographs_are_reported_and_listed_and_too_many_fail(tmp_path, read, drawn_cache):
    lines = ["item_id,path", *(f"gone-{n},gone-{n}.jpg" for n in range(3))]
    lines += [f"here-{n},{item.path}" for n, item in enumerate(read("drawn:60").items[:2])]
    catalogue = tmp_path / "shop.csv"
    catalogue.write_text("\n".join(lines))
    line = ["fit", "--catalogue", str(catalogue), "--out", str(tmp_path / "run"), "--config", "quick"]
    result = CliRunner().invoke(main, [*line, "--cache", str(drawn_cache), "--max-bad", "0.2"])
    assert result.exit_code == 1
    assert "Skipped 3 items" in result.output and "60.0%" in result.output
    report = (tmp_path / "run" / "skipped.csv").read_text()
    assert report.count("file not found") == 3


class _Begun(Exception):
    """A training began."""


@pytest.mark.parametrize("drawn", [0, 3])
def test_drawn_garments_are_learned_from_but_take_no_part_in_the_validation(
    tiny, read, drawn_cache, tmp_path, monkeypatch, drawn
):
    def begin(run, out, data, validation):
        raise _Begun(data, validation)

    monkeypatch.setattr("training.fit.loop.train", begin)
    run = _run(replace(tiny, views=1), drawn=drawn)
    with pytest.raises(_Begun) as begun:
        fit(run, tmp_path / "run", read=read, cache=drawn_cache, processes=1)
    data, validation = begun.value.args
    assert data.views.shape[:2] == (54 + drawn, 2)
    assert len(validation.gallery) == 54 and len(validation.queries) == 6
    assert [item.item_id for item in data.items[54:]] == [f"drawn-7-00000{n}" for n in range(drawn)]


@pytest.mark.parametrize(
    ("words", "config", "supervise"),
    [
        ([], "default", None),
        (["--init", "trained"], "category", "category"),
        (["--init", "unlabelled"], "default", None),
        (["--init", "unlabelled", "--supervise", "category"], "category", "category"),
        (["--init", "trained", "--config", "default"], "default", None),
    ],
)
def test_a_training_goes_on_in_the_way_that_its_beginning_was_trained(
    finished, tmp_path, monkeypatch, words, config, supervise
):
    for name, supervision in (("trained", "category"), ("unlabelled", None)):
        shutil.copytree(finished, tmp_path / name)
        description = json.loads((finished / "encoder.json").read_text())
        description["trained_on"]["supervision"] = supervision
        (tmp_path / name / "encoder.json").write_text(json.dumps(description))
    monkeypatch.chdir(tmp_path)

    run = _settings(monkeypatch, words)
    assert (run.config, run.supervise) == (CONFIGS[config], supervise)


def _settings(monkeypatch, words):
    """What `fit` would be begun with."""

    def begin(run, out, **_):
        raise _Begun(run)

    monkeypatch.setattr("training.fit.fit.fit", begin)
    return (
        CliRunner().invoke(main, ["fit", "--catalogue", "drawn:60", "--out", "new", *words]).exception.args[0]
    )


@pytest.mark.parametrize(
    ("option", "value"), [("epochs", 3), ("batch", 24), ("seed", 21), ("garment_norm", 0.25)]
)
def test_an_option_of_fit_replaces_what_the_configuration_says(monkeypatch, option, value):
    run = _settings(monkeypatch, [f"--{option.replace('_', '-')}", str(value)])
    assert run.config == replace(CONFIGS["default"], **{option: value})
