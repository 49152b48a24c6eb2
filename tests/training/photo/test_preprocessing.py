import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from training.errors import EncoderMismatch
from training.photo import preprocessing
from training.photo.encoder import DESCRIPTION_FILE, PRETRAINED, Encoder
from training.photo.segmenter import shipped

PACKAGE = Path(preprocessing.__file__).parents[1]
CONSTANTS = [name for name in vars(preprocessing) if name.isupper()]


@pytest.fixture
def bundle(tmp_path):
    """The bundle that ships, with another preprocessing version in its description."""

    def write(version):
        folder = shutil.copytree(PRETRAINED, tmp_path / "bundle", dirs_exist_ok=True)
        path = folder / DESCRIPTION_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | {"preprocessing": version}))
        return folder

    return write


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_changes_the_version(name, monkeypatch):
    before = shipped().preprocessing
    value = getattr(preprocessing, name)
    monkeypatch.setattr(preprocessing, name, (*value, 1) if isinstance(value, tuple) else value + 1)
    assert shipped().preprocessing != before


def test_another_segmenter_changes_the_version():
    assert preprocessing.version("0" * 64) != preprocessing.version("1" * 64)


def test_a_bundle_from_before_the_margin_changed_is_refused(monkeypatch):
    before = Encoder.load(PRETRAINED).preprocessing
    monkeypatch.setattr(preprocessing, "MARGIN", 0.07)
    with pytest.raises(EncoderMismatch) as caught:
        Encoder.load(PRETRAINED)
    assert f"was trained for preprocessing version {before!r}" in str(caught.value)
    assert f"the segmenter that ships has version {shipped().preprocessing!r}" in str(caught.value)
    assert "train it again" in str(caught.value)


def test_an_edit_of_the_margin_alone_refuses_the_encoder_that_ships(tmp_path):
    """What an engineer does who widens the margin, and nothing else."""
    shutil.copytree(PACKAGE, tmp_path / "training", ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "training" / "photo" / "preprocessing.py"
    edited, count = re.subn(r"^MARGIN = .*$", "MARGIN = 0.08", module.read_text(), flags=re.MULTILINE)
    assert count == 1
    module.write_text(edited)
    code = "from training.photo.encoder import PRETRAINED, Encoder; Encoder.load(PRETRAINED)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert f"EncoderMismatch: The encoder in '{tmp_path / 'training' / 'pretrained'}'" in done.stderr
