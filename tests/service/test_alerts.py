import re
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
FOREIGN = {"up"}  # made by Prometheus itself
WORDS = {"sum", "rate", "increase", "vector", "by", "le", "or", "offset", "histogram_quantile", "job"}
LABELS = {"status", "code", "path"}


def rules():
    (group,) = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
    return group["rules"]


def metrics_in(expression):
    names = re.findall(r"[a-z_]{2,}", re.sub(r'"[^"]*"|\d+[a-z]', "", expression))
    return set(names) - WORDS - LABELS - FOREIGN


@pytest.fixture
def shown(client, post, photo):
    """The names of all samples at /metrics, after a search and a refusal."""
    post(photo)
    client.get("/v1/items/nothing")
    lines = client.get("/metrics").text.splitlines()
    return {re.match(r"\w+", line)[0] for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_figure_of_a_rule_is_one_that_the_service_has(rule, shown):
    assert metrics_in(rule["expr"]) - shown == set()
    assert metrics_in(rule["expr"]) or rule["alert"] == "SilhouetteDown"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_says_what_it_means_and_what_to_do(rule):
    assert rule["annotations"]["summary"].endswith(".") and rule["annotations"]["action"].endswith(".")
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_code_in_a_rule_is_one_that_the_service_answers():
    from service.errors import TITLES

    codes = re.findall(r'code=~?"([^"]+)"', (DOCS / "alerts.yml").read_text())
    assert {code for alternatives in codes for code in alternatives.split("|")} <= TITLES.keys()


def test_a_figure_that_does_not_exist_would_be_noticed(shown):
    assert metrics_in('sum(rate(silhouette_requsts_total{status=~"5.."}[5m])) > 1') - shown


def test_the_figures_that_the_operations_guide_lists_exist(shown):
    text = (DOCS / "operations.md").read_text()
    listed = set(re.findall(r"^\| `(silhouette_\w+)`", text, re.MULTILINE))
    histograms = {name.removesuffix("_bucket") for name in shown if name.endswith("_bucket")}
    assert len(listed) >= 8 and listed <= shown | histograms
