import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from index import retraining
from index.errors import RetrainingFailed
from index.retraining import retrain

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Retrain by a program that ends with the given code; returns the new bundle and the command."""
    monkeypatch.setattr(retraining, "find_spec", lambda _: object())

    def run(code=0, options=""):
        commands = []

        def program(command, **_):
            commands.append(command)
            return subprocess.CompletedProcess(command, code)

        place = {"models": tmp_path / "models", "cache": tmp_path / "cache"}
        out = retrain("shop.csv?x=1", Path("old"), **place, options=options, run=program, now=NIGHT)
        return out, commands[0]

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


def test_a_training_that_fails_is_an_error_with_its_exit_code(train):
    with pytest.raises(RetrainingFailed, match="exit code 3"):
        train(code=3)


def test_without_tensorflow_nothing_is_started(train, monkeypatch):
    monkeypatch.setattr(retraining, "find_spec", lambda _: None)
    with pytest.raises(RetrainingFailed, match=r"requirements\.txt"):
        train()
