import io
import re
import sys
from pathlib import Path

import pytest

from training import progress
from training.progress import progress_bar


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved; bars read it."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def test_in_a_file_a_short_task_has_two_lines(clock, capsys):
    assert list(progress_bar(range(500), total=500, desc="Reading", unit="photo")) == list(range(500))
    written = capsys.readouterr().err
    first, last = written.splitlines()
    assert first.startswith("Reading: 0/500 ") and last.startswith("Reading: 500/500 ")
    assert "\r" not in written


@pytest.mark.parametrize("seconds_a_step", [0.0625, 1.0])
def test_in_a_file_a_long_task_has_a_line_every_half_minute(clock, capsys, seconds_a_step):
    with progress_bar(total=1200, desc="training", unit="step", mininterval=1) as bar:
        for step in range(1200):
            clock[0] += seconds_a_step
            bar.update()
            bar.set_postfix({"epoch": step})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 + 1200 * seconds_a_step // 30
    assert all(re.match(r"training: \d+/1200 \[", line) for line in lines)
    assert "epoch=1199" in lines[-1]


def test_a_task_that_is_cut_off_says_how_far_it_came(clock, capsys):
    bar = progress_bar(total=9, desc="Embedding")
    bar.update(4)
    bar.close()
    bar.close()
    assert [line.partition(" [")[0] for line in capsys.readouterr().err.splitlines()] == [
        "Embedding: 0/9",
        "Embedding: 4/9",
    ]


def test_a_bar_that_is_not_wanted_writes_nothing(capsys):
    assert list(progress_bar([1, 2], disable=True)) == [1, 2]
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_bar_is_drawn_in_place(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    list(progress_bar(range(3), desc="Reading", ncols=60))
    assert "\rReading: 100%|" in screen.getvalue()


def test_all_bars_of_the_product_come_from_here():
    root = Path(progress.__file__).parents[1]
    found = {
        str(path.relative_to(root))
        for package in ("training", "index", "service")
        for path in (root / package).rglob("*.py")
        if re.search(r"^(from|import) tqdm", path.read_text(), re.MULTILINE)
    }
    assert found == {"training/progress.py"}
