"""The command line over Milvus in a file."""

import json

import pytest
from click.testing import CliRunner

from index.__main__ import main
from training.photo.encoder import Encoder


@pytest.fixture
def run(lite, monkeypatch, make_encoder, plain_garments):
    monkeypatch.setattr(Encoder, "load", lambda folder: make_encoder())
    monkeypatch.setenv("SILHOUETTE_STORE", lite.address)

    def run(*arguments, folder="--indexes"):
        words = [*map(str, arguments), folder, str(lite.indexes)]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    return run


def test_every_command_works_on_the_store_that_is_named(run, lite, catalogue_path, tmp_path):
    def build():
        words = ("build", "--catalogue", catalogue_path, "--cache", tmp_path / "cache", "--processes", 1)
        return run(*words, "--json", folder="--out")

    first, second = (json.loads(build().stdout)["version"] for _ in range(2))
    assert [line[0] for line in run("versions").output.splitlines()] == [" ", "*"]
    assert "8 items" in run("verify").output
    photo = catalogue_path.parent / "round-0.png"
    assert "running services find it" in run("put", "mine", photo, "--set", "price=5").output
    hits = json.loads(run("search", photo, "--limit", 3, "--json").output)["results"]
    assert {hits[0]["item_id"], hits[1]["item_id"]} == {"mine", "round-0"}
    assert "mine" in run("changes").output and run("delete", "square-1").exit_code == 0
    assert run("delete", "square-1").exit_code == 1 and run("delete", "nothing").exit_code == 1
    assert first in run("rollback").output and second in run("activate", second).output
    assert run("changes", "--forget", "mine").exit_code == 0
    assert run("prune", "--keep", 1).output == f"Removed {first}\n"
    assert not (lite.indexes / "current").exists()


def test_the_summary_of_a_build_names_the_store_and_its_lists(run, lite, catalogue_path, tmp_path):
    answer = run(
        "build", "--catalogue", catalogue_path, "--cache", tmp_path, "--processes", 1, folder="--out"
    )
    assert f"in {lite.store}" in answer.output
    assert (lite.indexes / "last-report.csv").exists() and (lite.indexes / "last-duplicates.csv").exists()
