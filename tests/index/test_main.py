import json
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from index.__main__ import main
from index.errors import RetrainingFailed
from index.stores.folder.publish import current_version

pytestmark = pytest.mark.usefixtures("plain_garments")


@pytest.fixture
def run(monkeypatch, encoder, tmp_path):
    """Run the command line in an empty folder; every bundle holds the small encoder."""
    monkeypatch.setattr("training.photo.encoder.Encoder.load", lambda _: encoder)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def built(run, catalogue_path):
    result = run("build", "--catalogue", catalogue_path, "--processes", 1)
    assert result.exit_code == 0, result.output
    return result


def test_a_build_prints_what_it_published_skipped_took_and_checked(built, tmp_path):
    version = current_version(tmp_path / "indexes")
    assert f"Published {version} in indexes" in built.stdout
    assert "Kind      flat (recall 1.0)" in built.stdout and "compare them all" in built.stdout
    assert "Items     8: new 8  changed 0  removed 0  cached 0  skipped 2" in built.stdout
    assert "Encoder   ffffffffffff" in built.stdout and "training/pretrained" in built.stdout
    assert f"indexes/{version}/report.csv" in built.stdout
    for word in ("catalogue", "embed", "write", "check", "publish", "self_recall_at_1 1", "search_ms"):
        assert word in built.stdout
    assert "10/10" in built.stderr


def test_a_build_says_which_catalogue_it_replaces_and_by_which_flag(built, run, catalogue_path):
    assert f"Catalogue {catalogue_path}\n" in built.stdout
    other = catalogue_path.with_name("other.csv")
    other.write_text("item_id,path\nother,square-1.png\n")
    refused = run("build", "--catalogue", other, "--processes", 1)
    assert refused.exit_code == 1 and f"another catalogue, '{catalogue_path}'" in refused.stderr
    assert "--new-catalogue" in refused.stderr
    replaced = run("build", "--catalogue", other, "--processes", 1, "--new-catalogue")
    assert replaced.exit_code == 0
    assert f"Catalogue {other}, which replaces another one: {catalogue_path}" in replaced.stdout


def test_a_build_in_json_is_one_object(run, catalogue_path):
    result = run("build", "--catalogue", catalogue_path, "--processes", 1, "--json")
    answer = json.loads(result.stdout)
    assert (answer["items"], answer["new"], answer["cached"], answer["skipped"]) == (8, 8, 0, 2)
    assert answer["encoder"]["fingerprint"] == "f" * 64
    assert sum(reason["count"] for reason in answer["reasons"]) == 2
    assert set(answer["seconds"]) == {"catalogue", "embed", "check", "duplicates", "write", "publish"}


def test_alike_reasons_are_counted_together(run, catalogue_path):
    folder = catalogue_path.parent
    with catalogue_path.open("a") as file:
        for number in range(3):
            file.write(f"text-{number},text-{number}.jpg,round\n")
            (folder / f"text-{number}.jpg").write_text("no photograph " * (number + 5))
    result = run("build", "--catalogue", catalogue_path, "--processes", 1, "--json")
    assert [reason["count"] for reason in json.loads(result.stdout)["reasons"]] == [4, 1]


def test_too_many_bad_items_fail_and_the_report_is_named(run, catalogue_path, tmp_path):
    result = run("build", "--catalogue", catalogue_path, "--processes", 1, "--max-bad", 0.1)
    assert result.exit_code == 1 and "Error: 2 of 10" in result.stderr
    assert "indexes/last-report.csv" in result.stderr
    assert "broken-1" in (tmp_path / "indexes" / "last-report.csv").read_text()


def test_a_wrong_catalogue_is_one_line_and_a_failure(run):
    result = run("build", "--catalogue", "nowhere.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--catalog", "drawn:60"],
        ["--kind", "annoy"],
        ["--recall", "0"],
        ["--max-drop", "twice"],
        ["--keep", "0"],
        ["--allow-root", "nowhere"],
        ["drawn:60"],
    ],
)
def test_a_wrong_command_line_is_told_by_its_exit_code_and_the_version_in_use_stays(
    run, built, tmp_path, catalogue_path, words
):
    before = current_version(tmp_path / "indexes")
    result = run("build", "--catalogue", catalogue_path, *words)
    assert result.exit_code == 2 and "Usage:" in result.output
    assert current_version(tmp_path / "indexes") == before


def test_a_search_lists_the_photograph_itself_first(built, run, catalogue_path):
    result = run("search", catalogue_path.parent / "square-2.png", "--limit", 3)
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert lines[1].split() == ["1", "1.000", "100.000", "square", "square-2"]


def test_a_search_in_json_gives_the_fields_of_each_item(built, run, catalogue_path):
    photo = catalogue_path.parent / "round-1.png"
    answer = json.loads(run("search", photo, "--limit", 2, "--json").stdout)
    assert [result["rank"] for result in answer["results"]] == [1, 2]
    assert answer["results"][0]["path"] == str(photo)
    assert answer["results"][0]["metadata"] == {"category": "round"}


def test_a_search_without_an_index_says_how_to_build_one(run, catalogue_path):
    result = run("search", catalogue_path.parent / "round-1.png")
    assert result.exit_code == 1 and "python -m index build" in result.stderr


def test_a_search_with_another_encoder_names_both(built, run, monkeypatch, make_encoder, catalogue_path):
    monkeypatch.setattr("training.photo.encoder.Encoder.load", lambda _: make_encoder("0" * 64))
    result = run("search", catalogue_path.parent / "round-1.png")
    assert result.exit_code == 1
    assert "f" * 12 in result.stderr and "0" * 12 in result.stderr


def test_the_versions_are_listed_and_the_current_one_has_the_star(run, indexes, publish_version):
    first, second = publish_version(), publish_version(night=1)
    run("activate", first)
    lines = run("versions").stdout.splitlines()
    assert lines[0].startswith(f"* {first}  ") and lines[1].startswith(f"  {second}  ")
    assert "40 items  flat  encoder ffffffffffff  catalogue.csv" in lines[0]
    answer = json.loads(run("versions", "--json").stdout)
    assert [(entry["version"], entry["current"]) for entry in answer] == [(first, True), (second, False)]


def test_a_damaged_version_is_listed_as_such(run, indexes, publish_version):
    (indexes / publish_version() / "manifest.json").write_text("{}")
    result = run("versions")
    assert result.exit_code == 0 and "damaged" in result.stdout


def test_a_build_of_all_garments_says_how_many_in_every_text(run, wearing, tmp_path):
    (tmp_path / "shop").mkdir()
    outfit = {"person": (95, 5, 145, 60), "upper": (80, 62, 160, 132), "trousers": (100, 140, 140, 290)}
    wearing.photo(**outfit).save(tmp_path / "shop" / "outfit.png")
    wearing.photo(upper=outfit["upper"]).save(tmp_path / "shop" / "shirt.png")
    command = ("build", "--catalogue", "shop", "--processes", 1, "--garments", "all")
    built = run(*command)
    assert built.exit_code == 0, built.output
    assert "Items     2: new 2" in built.stdout and "Garments  3: all that were found" in built.stdout
    answer = json.loads(run(*command, "--json").stdout)
    assert (answer["items"], answer["vectors"], answer["garments"], answer["cached"]) == (2, 3, "all", 2)
    assert "2 items, 3 garments" in run("versions").stdout
    assert "2 items, 3 garments" in run("verify").stdout
    listed = json.loads(run("versions", "--json").stdout)
    assert [(line["items"], line["vectors"], line["garments"]) for line in listed] == [(2, 3, "all")] * 2
    assert run("put", "new", "shop/outfit.png").exit_code == 0
    found = run("search", "shop/outfit.png")
    assert found.exit_code == 0 and found.stdout.count("new") == 1
    results = json.loads(run("search", "shop/outfit.png", "--json").stdout)["results"]
    assert sorted(hit["item_id"] for hit in results) == ["new", "outfit", "shirt"]
    assert all(len(hit["box"]) == 4 for hit in results)


def test_without_versions_the_list_is_empty_and_says_why(run):
    result = run("versions")
    assert (result.exit_code, result.stdout) == (0, "") and "No index is published" in result.stderr


def test_verify_says_sound_or_fails_with_the_file(run, indexes, publish_version, flip_a_bit):
    first, second = publish_version(), publish_version(night=1)
    assert run("verify").stdout.startswith(f"{second} is sound: 40 items")
    flip_a_bit(indexes / first / "items.sqlite")
    result = run("verify", first)
    assert result.exit_code == 1 and "items.sqlite" in result.stderr
    assert json.loads(run("verify", "--json").stdout)["sound"] is True


def test_activate_goes_back_and_refuses_an_unknown_version(run, indexes, publish_version):
    first, second = publish_version(), publish_version(night=1)
    assert f"{first} is in use" in run("activate", first).stdout
    assert current_version(indexes) == first
    result = run("activate", "2020-01-01T00-00-00Z")
    assert result.exit_code == 1 and second in result.stderr


def test_a_second_build_encodes_nothing_again(built, run, catalogue_path):
    answer = json.loads(run("build", "--catalogue", catalogue_path, "--processes", 1, "--json").stdout)
    assert (answer["new"], answer["changed"], answer["removed"], answer["cached"]) == (0, 0, 0, 8)


def test_a_gate_that_fails_says_each_check_in_a_line_and_where_the_figures_are(built, run, catalogue_path):
    lines = catalogue_path.read_text().splitlines(keepends=True)
    catalogue_path.write_text("".join(lines[:5]))
    result = run("build", "--catalogue", catalogue_path, "--processes", 1)
    assert result.exit_code == 1
    assert "indexes/last-gate.json" in result.stderr
    assert "\nitems (4 after 8, 50% fewer; 20% may be missing" in result.stderr
    assert run("build", "--catalogue", catalogue_path, "--processes", 1, "--max-drop", 0.5).exit_code == 0


def test_rollback_and_prune(run, indexes, publish_version):
    first, second = publish_version(), publish_version(night=1)
    assert f"{first} is in use: 40 items" in run("rollback").stdout
    assert current_version(indexes) == first
    result = run("rollback")
    assert result.exit_code == 1 and "no version older" in result.stderr
    assert run("prune", "--keep", 1).stdout == ""
    run("activate", second)
    assert json.loads(run("prune", "--keep", 1, "--json").stdout) == {"removed": [first]}


def test_retraining_comes_first_and_its_encoder_builds_the_index(
    run, catalogue_path, monkeypatch, make_encoder
):
    asked = []
    monkeypatch.setattr(
        "index.commands.build_command.train_on", lambda *_, **options: asked.append(options) or Path("new")
    )
    monkeypatch.setattr(
        "training.photo.encoder.Encoder.load",
        lambda path: make_encoder("a" * 64 if path == Path("new") else "f" * 64),
    )
    compared = []
    monkeypatch.setattr(
        "index.commands.build_command.require_as_good",
        lambda _, before, after, **__: compared.append((before.fingerprint, after.fingerprint)) or "as good",
    )
    options = ("--retrain", "--retrain-options", "--epochs 4", "--processes", 1, "--json")
    answer = json.loads(run("build", "--catalogue", catalogue_path, *options).stdout)
    assert answer["encoder"] == {"fingerprint": "a" * 64, "path": "new"}
    assert asked[0]["options"] == "--epochs 4" and "train" in answer["seconds"]
    assert asked[0]["what"] == "encoder" and compared == [("f" * 64, "a" * 64)]
    run(
        "build",
        "--catalogue",
        catalogue_path,
        *options,
        "--retrain",
        "all",
        "--segmenter-options",
        "--epochs 3",
    )
    assert asked[1]["what"] == "all" and asked[1]["segmenter_options"] == "--epochs 3"


def test_photographs_that_no_index_may_hold_are_told_before_a_training(
    run, catalogue_path, indexes, tmp_path, monkeypatch
):
    monkeypatch.setattr("index.commands.build_command.train_on", lambda *_, **__: 1 / 0)
    elsewhere = tmp_path / "feed" / "shop.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_text(f"item_id,path\na,{catalogue_path.with_name('square-1.png')}\nb,none.png\n")
    result = run("build", "--catalogue", elsewhere, "--retrain")
    assert result.exit_code == 1 and "2 of 2 photographs" in result.stderr
    report = (indexes / "last-report.csv").read_text()
    assert "last-report.csv" in result.stderr and "--allow-root" in report and "file not found" in report


def test_an_encoder_that_is_worse_builds_nothing(run, catalogue_path, indexes, monkeypatch, make_encoder):
    def refuse(*_, **__):
        raise RetrainingFailed("The encoder that was trained is worse.")

    run("build", "--catalogue", catalogue_path, "--processes", 1)
    before = current_version(indexes)
    monkeypatch.setattr("index.commands.build_command.train_on", lambda *_, **__: Path("new"))
    monkeypatch.setattr("index.commands.build_command.require_as_good", refuse)
    monkeypatch.setattr("training.photo.encoder.Encoder.load", lambda path: make_encoder())
    result = run("build", "--catalogue", catalogue_path, "--retrain", "all")
    assert result.exit_code == 1 and "is worse" in result.stderr
    assert current_version(indexes) == before


@pytest.fixture
def nightly(run, monkeypatch):
    """Run the nightly command without waiting for a night; returns what it would do."""
    started = []

    class Schedule:
        def __init__(self, command, **when):
            started.append((command[1:], when))

        def start(self, *, now):
            started[-1][1]["now"] = now

    monkeypatch.setattr("index.nightly.Nightly", Schedule)
    return lambda *arguments: (run("nightly", *arguments), started)


def test_every_night_the_same_build_is_started(nightly):
    options = ["--catalogue", "shop.csv", "--retrain", "all", "--keep", "3", "--max-drop", "0.5"]
    options += ["--allow-root", str(Path(__file__).parent), "--allow-root", "/"]
    result, started = nightly("--at", "02:30", "--timezone", "Europe/Berlin", "--now", *options)
    assert result.exit_code == 0, result.output
    ((command, when),) = started
    assert command[:3] == ["-m", "index", "build"] and sorted(command[3:]) == sorted(options)
    assert when == {"at": time(2, 30), "timezone": ZoneInfo("Europe/Berlin"), "now": True}


@pytest.mark.parametrize(
    "wrong", [["--at", "25:00"], ["--timezone", "Mars"], ["--kind", "round"], ["--timezone", "../etc"]]
)
def test_a_wrong_time_zone_or_option_is_told_at_once(nightly, wrong):
    result, started = nightly("--catalogue", "shop.csv", *wrong)
    assert result.exit_code == 2 and not started


COMMANDS = ["build", "nightly", "search", "versions", "verify", "activate", "rollback", "prune"]


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_teaches_with_an_example_and_tells_the_defaults(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0 and "Example: python -m index" in result.output
    options = (
        [option for option in main.commands[command[0]].params if option.param_type_name == "option"]
        if command
        else []
    )
    for option in options:
        assert option.help, option.name
        assert option.required or option.show_default or "[default" in option.help, option.name


def test_the_help_names_the_encoder_as_it_lies_in_the_checkout(run):
    words = "".join(run("build", "--help").output.split())
    assert "[default:(training/pretrained)]" in words and str(Path(__file__).parents[2]) not in words
