import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from PIL import Image

from training.__main__ import _shipped_beside, main
from training.photo.encoder import PRETRAINED, Encoder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def asked(monkeypatch):
    """Learn nothing; keep what was asked for."""
    asked = []

    def learn(catalogue, out, *, worn, init, config, processes):
        asked.append((catalogue, out, processes))
        return {"photographs": 12, "scores": {"iou_photographs": 0.9, "iou_drawn": 0.8}}

    monkeypatch.setattr("training.segmentation.learn.learn", learn)
    return asked


def _segmenter(drawn_cache, *more):
    line = ["segmenter", "--catalogue", "drawn:6", "--cache", str(drawn_cache), *more]
    return CliRunner().invoke(main, line)


def test_the_segmenter_s_scores_are_printed_as_json(asked, drawn_cache, tmp_path):
    result = _segmenter(drawn_cache, "--out", str(tmp_path / "out"), "--processes", "3")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"iou_photographs": 0.9, "iou_drawn": 0.8}
    [(catalogue, out, processes)] = asked
    assert len(catalogue.items) == 6
    assert (out, processes) == (tmp_path / "out", 3)


def test_the_segmenter_never_replaces_the_one_that_ships_unasked(asked, drawn_cache):
    assert _segmenter(drawn_cache).exit_code == 0
    assert asked[0][1] == Path("models/segmenter")


def test_no_epochs_for_a_segmenter_take_weights_to_start_from(asked, drawn_cache, tmp_path):
    refused = _segmenter(drawn_cache, "--epochs", "0")
    assert refused.exit_code == 2 and "--init" in refused.output and not asked
    assert _segmenter(drawn_cache, "--epochs", "0", "--init", str(tmp_path)).exit_code == 0
    assert len(asked) == 1


def test_too_few_photographs_for_a_segmenter_are_one_line_and_a_failure(drawn_cache, tmp_path, monkeypatch):
    monkeypatch.setattr("training.segmentation.learn.DRAWN", 2)
    result = _segmenter(drawn_cache, "--out", str(tmp_path / "out"), "--processes", "1")
    assert result.exit_code == 1
    last = result.output.strip().splitlines()[-1]
    assert last.startswith("Error: drawn:6 has ") and "at least 40 are needed" in last


def test_an_unknown_catalogue_is_one_line_and_a_failure(tmp_path):
    result = CliRunner().invoke(main, ["segmenter", "--catalogue", "nowhere", "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "nowhere" in result.output and not (tmp_path / "out").exists()


WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None  # to import it would fail
from click.testing import CliRunner
from PIL import Image
from training.__main__ import main
for words in sys.argv[1:]:
    result = CliRunner().invoke(main, words.split())
    print(result.exit_code, result.output.splitlines()[-1])
"""


def test_what_a_command_can_not_use_is_refused_before_tensorflow_is_loaded(tmp_path):
    shutil.copytree(PRETRAINED, tmp_path / "bare", ignore=shutil.ignore_patterns("weights.npz"))
    Image.new("RGB", (64, 64)).save(tmp_path / "photo.png")
    refused = {
        "fit --catalogue drawn:60 --out run --init nowhere": "1 Error: .*'nowhere'",
        "fit --catalogue drawn:60 --out run --segmenter nowhere": "1 Error: The segmenter 'nowhere'",
        "fit --catalogue drawn:60 --out run --hosts 2": "2 Error: --coordinator, --hosts and --host",
        "segmenter --catalogue nowhere": "1 Error: .*'nowhere'",
        "segmenter --catalogue drawn:4 --worn nowhere": "1 Error: .*'nowhere'",
        "export nowhere": "1 Error: .*run.json is missing",
        "figures": "2 Error: Nothing to show. Name photographs by --catalogue, or one by --photo",
        "figures --photo bare/encoder.json": "1 Error: This is not an image of a supported type, but text",
        "figures --photo nowhere.jpg": "1 Error: The file can.t be read",
        "figures --photo photo.png --queries drawn:4": "2 Error: --photo is the only query",
        "figures --photo photo.png --catalogue nowhere": "1 Error: .*'nowhere'",
        "figures --photo photo.png --encoder bare": "1 Error: No weights can be read",
        "part-features --catalogue nowhere": "1 Error: .*'nowhere'",
        "figures --catalogue nowhere": "1 Error: .*'nowhere'",
        "figures --catalogue drawn:4 --queries nowhere": "1 Error: .*'nowhere'",
        "figures --catalogue drawn:4 --encoder nowhere": "1 Error: No encoder in 'nowhere'",
        "figures --catalogue drawn:4 --encoder bare": "1 Error: No weights can be read",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, *refused],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for said, line in zip(refused.values(), done.stdout.splitlines(), strict=True):
        assert re.match(said, line)


def test_another_encoder_is_compared_with_the_one_that_ships_and_that_one_with_nothing():
    shipped = Encoder.load(PRETRAINED)
    assert _shipped_beside(SimpleNamespace(fingerprint="f" * 64)).fingerprint == shipped.fingerprint
    assert _shipped_beside(shipped) is None


def test_where_the_encoder_that_ships_can_not_be_used_a_line_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("training.__main__.PRETRAINED", tmp_path)
    assert _shipped_beside(SimpleNamespace(fingerprint="f" * 64)) is None
    assert "Not compared with the encoder that ships" in capsys.readouterr().err
