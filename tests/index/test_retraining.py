import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index import retraining
from index.errors import RetrainingFailed
from index.retraining import ALL, COMPARED, TOLERANCE, require_as_good, retrain
from training.catalogue.reader import Catalogue, Item
from training.photo.encoder import PRETRAINED
from training.photo.garment import isolate
from training.photo.segmenter import shipped

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Retrain by a program that ends with the given code; returns the new bundle and the command."""
    monkeypatch.setattr(retraining, "find_spec", lambda _: object())

    def run(*codes, **options):
        commands = []

        def program(command, **_):
            commands.append(command)
            return subprocess.CompletedProcess(command, codes[len(commands) - 1] if codes else 0)

        place = {"models": tmp_path / "models", "cache": tmp_path / "cache"}
        run.commands = commands
        out = retrain("shop.csv?x=1", Path("old"), **place, **options, run=program, now=NIGHT)
        return out, commands[-1]

    return run


def test_training_starts_from_the_encoder_and_ends_in_a_folder_of_its_own(train, tmp_path):
    out, command = train()
    assert out == tmp_path / "models" / "2026-11-21T02-00-00Z"
    assert command[:4] == [sys.executable, "-m", "training", "fit"]
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options["--init"] == "old" and options["--catalogue"] == "shop.csv?x=1"
    assert options["--out"] == str(out)


def test_further_options_are_those_of_the_training(train):
    _, command = train(options="--epochs 4 --supervise category")
    assert command[-4:] == ["--epochs", "4", "--supervise", "category"]


@pytest.mark.parametrize(("group", "words"), [(None, set()), (True, {"--group"}), (False, {"--no-group"})])
def test_training_reads_the_catalogue_as_the_build_does(train, group, words):
    train(what=ALL, group=group)
    assert [words == {"--group", "--no-group"} & {*command} for command in train.commands] == [True, True]


def test_a_training_may_fetch_from_the_hosts_that_the_build_may(train):
    _, command = train(allow_hosts=("images.internal", "10.0.0.5"))
    words = ["--allow-host", "images.internal", "--allow-host", "10.0.0.5"]
    assert any(command[at : at + 4] == words for at in range(len(command)))


def test_a_training_that_fails_is_an_error_with_its_exit_code(train):
    with pytest.raises(RetrainingFailed, match="exit code 3"):
        train(3)


def test_all_is_a_segmenter_from_the_one_that_ships_and_then_an_encoder_for_it(train):
    out, last = train(what=ALL, options="--epochs 4", segmenter_options="--epochs 6 --worn people.csv")
    first, second = train.commands
    assert first[:4] == [sys.executable, "-m", "training", "segmenter"]
    options = dict(zip(first[4::2], first[5::2], strict=True))
    assert options["--init"] == str(PRETRAINED) and options["--catalogue"] == "shop.csv?x=1"
    assert options["--epochs"] == "6" and options["--worn"] == "people.csv"
    assert second is last and second[3] == "fit" and second[-2:] == ["--epochs", "4"]
    options = dict(zip(second[4::2], second[5::2], strict=True))
    assert options["--init"] == "old" and options["--out"] == str(out)
    assert options["--segmenter"] == first[first.index("--out") + 1] == str(out / "segmenter")


def test_without_a_segmenter_no_encoder_is_trained(train):
    with pytest.raises(RetrainingFailed, match="exit code 5"):
        train(5, 0, what=ALL)
    assert [command[3] for command in train.commands] == ["segmenter"]


class Angles:
    """Stands in for an encoder: photographs of one brightness are alike, or of any where it sees nothing."""

    segmenter = shipped()

    def __init__(self, *, sees=True):
        self.sees = sees

    def embed_garments(self, garments):
        angles = np.array([np.median(garment.rgb) / 100 if self.sees else 1 for garment in garments])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def shop(tmp_path):
    """Eleven light and eleven dark photographs, each of a category."""
    items = []
    for number in range(22):
        path = tmp_path / f"{number}.png"
        Image.new("L", (40, 40), 230 if number % 2 else 30).save(path)
        items.append(Item(str(number), path, {"category": ("dark", "light")[number % 2]}))
    return Catalogue("shop.csv", tuple(items), ())


def test_an_encoder_that_is_worse_is_refused_with_both_scores(shop):
    with pytest.raises(RetrainingFailed, match=r"worse \(P@10 .*22 photographs.*: 0\.\d+, before 1\.000\)"):
        require_as_good(shop, Angles(), Angles(sees=False), processes=1)


@pytest.mark.parametrize("before", [Angles(), Angles(sees=False)])
def test_an_encoder_that_is_as_good_or_better_is_taken(shop, before):
    assert "as good" in require_as_good(shop, before, Angles(), processes=1)


def test_each_encoder_is_judged_by_the_cut_outs_of_its_own_segmenter(shop, other_segmenter, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "training.evaluation.baselines.isolate",
        lambda photo, kind, segmenter: asked.append(segmenter) or isolate(photo, kind, segmenter=segmenter),
    )
    after = Angles()
    after.segmenter = other_segmenter
    require_as_good(shop, Angles(), after, processes=1)
    assert set(asked[:22]) == {shipped()} and set(asked[-22:]) == {other_segmenter}


@pytest.mark.parametrize("category", [None, "dress"])
def test_without_two_categories_nothing_is_compared(shop, category):
    items = tuple(replace(item, metadata={"category": category}) for item in shop.items)
    told = require_as_good(replace(shop, items=items), Angles(), Angles(sees=False), processes=1)
    assert told.startswith("Not compared")


def test_without_tensorflow_nothing_is_started(train, monkeypatch):
    monkeypatch.setattr(retraining, "find_spec", lambda _: None)
    with pytest.raises(RetrainingFailed, match=r"requirements\.txt"):
        train()


def test_the_guide_says_when_an_encoder_is_refused():
    guide = " ".join((Path(__file__).parents[2] / "docs" / "training.md").read_text().split())
    assert f"falls by more than {TOLERANCE} is refused" in guide
    assert f"At most {COMPARED:,} photographs are compared" in guide
