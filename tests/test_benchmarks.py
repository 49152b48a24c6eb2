import importlib
import subprocess
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import NAMES, PAGE, main, replaced
from benchmarks.vectors import Likeness


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_a_section_for_the_tables_of_each_benchmark(name):
    page = PAGE.read_text()
    assert "a new table" in replaced(page, name, "a new table")
    assert replaced(page, name, "").count("<!--") == page.count("<!--")


def test_a_section_is_replaced_and_the_rest_stays():
    page = "before\n<!-- search -->\nold\n<!-- end of search -->\nafter\n"
    assert replaced(page, "search", "new") == (
        "before\n<!-- search -->\n\nnew\n\n<!-- end of search -->\nafter\n"
    )


def test_a_page_without_the_section_is_refused():
    with pytest.raises(click.ClickException, match="no section between '<!-- search -->'"):
        replaced("before <!-- search -->", "search", "new")


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_has_a_quick_form_and_says_what_it_prints(name):
    answer = CliRunner().invoke(importlib.import_module(f"benchmarks.{name}").main, ["--help"])
    assert answer.exit_code == 0 and "--quick" in answer.output


def test_an_unknown_benchmark_names_the_known_ones():
    answer = CliRunner().invoke(main, ["sorting"])
    assert answer.exit_code == 2 and all(name in answer.output for name in NAMES)


def test_made_vectors_are_as_near_to_each_other_as_those_they_are_made_like():
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.standard_normal((40, 16)), 20, axis=0)
    vectors = (centres + 0.2 * rng.standard_normal((800, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    like = Likeness(vectors)
    made = like.draw(1000, seed=3)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert not np.isin(made[:, 0], vectors[:, 0]).any()
    real, drawn = like.compared(100)
    assert drawn == pytest.approx(real, abs=0.06) and real > 0.9


@pytest.mark.parametrize("quick", [True, False])
def test_a_benchmark_that_fails_is_named(quick, monkeypatch):
    begun = []

    def run(command, **_):
        begun.append(command[2].removeprefix("benchmarks."))
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", run)
    answer = CliRunner().invoke(main, ["search", "training", *(["--quick"] if quick else [])])
    assert answer.exit_code == 1 and "The benchmark 'search' failed" in answer.output
    assert begun[0] == "search" and (quick or len(begun) == 1)


@pytest.mark.parametrize("quick", [True, False])
def test_tables_are_printed_in_order_and_written_but_for_a_quick_look(quick, monkeypatch, tmp_path):
    page = tmp_path / "performance.md"
    page.write_text("".join(f"<!-- {name} -->\nold\n<!-- end of {name} -->\n" for name in NAMES))
    monkeypatch.setattr("benchmarks.__main__.PAGE", page)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: SimpleNamespace(stdout=f"table {command[2]}\n")
    )
    answer = CliRunner().invoke(main, ["--quick"] if quick else [])
    tables = [f"table benchmarks.{name}" for name in NAMES]
    assert answer.exit_code == 0 and answer.stdout.splitlines() == tables
    assert ("old" in page.read_text()) is quick and (tables[-1] in page.read_text()) is not quick
