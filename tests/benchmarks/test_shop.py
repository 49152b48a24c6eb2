"""A shop of drawn garments and drawn people: its halves, its catalogues, and a night's training of it."""

import re
import shlex
import shutil
import subprocess
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import shop
from benchmarks.shop import halves, main, open_shop, sold
from index import retraining
from index.__main__ import main as index_main
from training.catalogue.parsed import is_parsed, parsed_items, read_labels
from training.catalogue.reader import Item, read_catalogue
from training.photo.encoder import PRETRAINED

GUIDE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    return read_catalogue("drawn:48", cache=tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def people(drawn_people):
    return read_catalogue(str(drawn_people))


def test_the_halves_share_each_category_evenly_whatever_the_order(tmp_path):
    items = [Item(f"item-{n}", tmp_path, {"category": "ABC"[n % 7 % 3]}) for n in range(97)]
    first, second = halves(items)
    assert {item.item_id for item in first + second} == {item.item_id for item in items}
    assert len(first) + len(second) == 97
    for category, count in Counter(item.category for item in first).items():
        assert 0 <= count - sum(item.category == category for item in second) <= 1
    assert halves(items[::-1]) == (first, second)


def test_a_worn_photograph_is_of_the_category_of_its_largest_garment_that_has_one(people):
    categories = {"trousers", "skirt", "coat"}
    found = {item.item_id: item.category for item in sold(people, categories)}
    kinds = {3: "coat", 5: "trousers", 6: "skirt"}
    for item in people.items:
        areas = np.bincount(read_labels(item, people.root).ravel(), minlength=256)
        large = {kind: areas[label] for label, kind in kinds.items() if areas[label] >= 0.015 * areas.sum()}
        assert found.get(item.item_id) == max(large, key=large.get, default=None)
    assert len(set(found.values())) > 1


def test_both_halves_are_catalogues_of_photographs_laid_out_and_worn(laid_out, people, tmp_path):
    paths = open_shop(laid_out, people, tmp_path / "a shop", most=None)
    ours, other = (read_catalogue(str(path)) for path in paths)
    assert not ours.bad + other.bad and not ours.listed({item.item_id for item in other.items})
    for half, path in zip((ours, other), paths, strict=True):
        worn = parsed_items(half)
        assert len(worn) >= 5 and len(half.items) - len(worn) >= 20
        assert read_labels(worn[0], half.root).any()
        assert [item.item_id for item in read_catalogue(f"{path}?look=worn").items] == [
            item.item_id for item in worn
        ]
        assert not is_parsed(read_catalogue(f"{path}?look=laid out"))


@pytest.fixture
def night(tmp_path, monkeypatch, laid_out, people):
    """Run the benchmark with a training that leaves a bundle, and all else as it is; returns how it ended."""
    monkeypatch.chdir(tmp_path)
    trained = []

    def train(bundle, words, out, run):
        trained.append(words)
        if words[0] == "fit":
            shutil.copytree(bundle, out)

    def build(command, *, stdout, check):
        answer = CliRunner().invoke(index_main, [*command[3:], "--kind", "flat", "--processes", "1"])
        told.append(answer.stderr)
        return subprocess.CompletedProcess(command, answer.exit_code, answer.stdout)

    told = []
    monkeypatch.setattr(shop.subprocess, "run", build)

    def run(before, after):
        monkeypatch.setattr(retraining, "_train", partial(train, after))
        words = [
            "--encoder",
            str(before),
            "--laid-out",
            laid_out.source,
            "--worn",
            people.source,
            "--processes",
            "1",
            "--quick",
        ]
        words += ["--cache", str(laid_out.root)]
        return CliRunner().invoke(main, words), trained, told

    return run


def _figures(text, name):
    """The cells of a row of a Markdown table."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [float(cell) for cell in line.strip("| ").split("|")[1:]]


def test_what_is_trained_on_one_half_is_compared_on_the_other(night, spoilt_bundle, tmp_path):
    answer, (segmenter, fit), told = night(before=spoilt_bundle, after=PRETRAINED)
    assert answer.exit_code == 0, told
    ours = str(tmp_path / "cache" / "shop" / "shop.csv")
    assert segmenter[:3] == ["segmenter", "--catalogue", "cache/shop/shop.csv"]
    assert segmenter[-2:] == fit[-2:] == ["--epochs", "2"]
    assert fit[fit.index("--worn") + 1] == "cache/shop/shop.csv" and read_catalogue(ours).items
    other = read_catalogue("cache/shop/other.csv?look=laid out")
    for kind in ("worn among laid out", "worn among worn", "laid out among laid out"):
        before, after, ours = (_figures(answer.stdout, f"{kind}: {x}") for x in ("before", "after", "ships"))
        assert after == ours
    assert after[:2] == before[:2] == [len(other.items)] * 2 and after[4] > before[4] + 0.1
    assert _figures(answer.stdout, "all: before") == _figures(answer.stdout, "all: after")  # one segmenter


def test_a_training_that_spoils_the_encoder_publishes_nothing(night, spoilt_bundle, tmp_path):
    answer, _, told = night(before=PRETRAINED, after=spoilt_bundle)
    assert answer.exit_code == 1 and "worse (P@10 by category on" in told[0]
    assert not (tmp_path / "cache" / "shop" / "indexes" / "current").exists()


def test_the_guide_has_the_command():
    (line,) = re.findall(r"^python -m benchmarks\.shop (.*)$", GUIDE.read_text(), re.MULTILINE)
    given = main.make_context("shop", shlex.split(line)).params
    assert given["laid_out"] == "CLOTHING/catalogue.csv?split=train" and given["encoder"].name == "default"
