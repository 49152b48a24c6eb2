import importlib

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
