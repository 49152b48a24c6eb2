import errno
import os
import shutil
import signal
import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from training.command import INTERRUPTED, SilhouetteGroup
from training.errors import UnreadableCatalogue

ROOT = Path(__file__).parents[2]


def _invoke(error):
    @click.group(cls=SilhouetteGroup)
    def group():
        pass

    @group.command()
    def fail():
        raise error

    return CliRunner().invoke(group, ["fail"])


def test_an_error_of_ours_is_one_line_and_a_failure():
    result = _invoke(UnreadableCatalogue("There is no catalogue at 'x'. Name one."))
    assert (result.exit_code, result.output) == (1, "Error: There is no catalogue at 'x'. Name one.\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_closed_disk_is_one_line_too(number):
    result = _invoke(OSError(number, "No space left on device"))
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and "Check the disk" in result.output


@pytest.fixture
def interrupt(tmp_path, run_until, shared_drawings):
    """Run a command and press Ctrl-C once its progress has begun; returns its status and what it said."""
    for folder in shared_drawings.glob("drawn-*"):
        shutil.copytree(folder, tmp_path / "cache" / folder.name, copy_function=os.link)

    def interrupt(words, sign):
        with run_until(tmp_path, ["-m", *words], sign) as (process, errors):
            os.killpg(process.pid, signal.SIGINT)
            errors += process.communicate(timeout=60)[1]
        return process.returncode, errors

    return interrupt


@pytest.mark.parametrize(
    ("words", "sign", "kept"),
    [
        (
            ["index", "build", "--catalogue", "drawn:120", "--processes", "2"],
            "Embedding",
            "index in use stays",
        ),
        (["training", "segmenter", "--catalogue", "drawn:120"], "Labelling", "the same command"),
        (["training", "fit", "--catalogue", "drawn:120", "--out", "run"], "cutting out", "--resume"),
        (["training", "fit", "--catalogue", "drawn:60", "--out", "run"], "training: 0/", "--resume"),
        (
            ["training", "evaluate", "--gallery", "drawn:120", "--queries", "drawn:8:5"],
            "gallery",
            "same command",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else "",
)
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(interrupt, words, sign, kept):
    code, errors = interrupt(words, sign)
    assert code == INTERRUPTED == 130, errors
    (said,) = [line for line in errors.splitlines() if "Interrupted." in line]
    assert kept in said
    assert "Traceback" not in errors and "leaked" not in errors and "Aborted" not in errors, errors


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("words", "sign", "kept"),
    [
        (["index", "build", "--catalogue", "drawn:60", "--retrain"], "training: 0/", "index in use stays"),
        (["service", "demo", "--catalogue", "drawn:120"], "Embedding", "what was embedded is kept"),
    ],
    ids=["retrain", "demo"],
)
def test_ctrl_c_in_a_command_that_runs_another_ends_both(interrupt, words, sign, kept):
    port = ["--port", _free_port()] if "demo" in words else []
    code, errors = interrupt([*words, *port], sign)
    assert code == INTERRUPTED, errors
    assert any("Interrupted." in line and kept in line for line in errors.splitlines()), errors
    assert "Traceback" not in errors and "leaked" not in errors and "Error" not in errors, errors


def test_a_defect_of_ours_keeps_its_traceback():
    assert isinstance(_invoke(ZeroDivisionError("a bug")).exception, ZeroDivisionError)
