import os
import socket
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from index.errors import NoIndex
from service.__main__ import main
from service.errors import PortInUse
from service.run import demo as demo_module
from service.run.demo import DRAWN, REACH_SECONDS, REPOSITORY, Demo, find_catalogue, prepare, start
from service.run.server import Address
from training.errors import EncoderMismatch

NAME = "clothing-dataset-small"


class Git:
    """Stands for `subprocess.run`: notes every call, and fails at those that it was told to."""

    def __init__(self, **failures):
        self.failures = failures
        self.calls = []

    def __call__(self, command, **options):
        self.calls.append((command, options))
        failure = self.failures.get(command[1].replace("-", "_"))
        if command[1] == "clone":
            folder = os.path.join(command[-1], "train")
            os.makedirs(folder)
        if failure:
            raise failure
        return subprocess.CompletedProcess(command, 0)


@pytest.fixture
def plan(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = Address(port=free.getsockname()[1])
    folders = [tmp_path / name for name in ("encoder", "indexes", "cache", "catalogues")]
    return Demo("mine.csv", *folders, address, 2)


@pytest.fixture
def stage(monkeypatch, searcher):
    """The demo's surroundings: `published` is the index that stands there, `built` what was built."""
    stage = SimpleNamespace(
        published=None, failure=NoIndex("nothing yet"), built=[], searcher=searcher, code=0
    )

    def open_published(indexes, *, encoder):
        if stage.published is None:
            raise stage.failure
        return stage.published

    def run(command, **options):
        assert command[1:4] == ["-m", "index", "build"]
        settings = dict(zip(command[4::2], command[5::2], strict=True))
        stage.built.append(settings["--catalogue"])
        searcher.manifest.catalogue = settings["--catalogue"]
        stage.published = searcher
        return subprocess.CompletedProcess(command, stage.code)

    stage.run = run
    monkeypatch.setattr(demo_module, "Encoder", SimpleNamespace(load=lambda folder: searcher.encoder))
    monkeypatch.setattr(demo_module, "Searcher", SimpleNamespace(open=open_published))
    return stage


def test_photographs_that_are_here_are_taken_without_asking_the_network(tmp_path):
    (tmp_path / NAME).mkdir()
    git = Git()
    assert find_catalogue(tmp_path, run=git) == str(tmp_path / NAME)
    assert git.calls == []


@pytest.mark.parametrize(
    "failure",
    [
        subprocess.TimeoutExpired("git", 4),
        subprocess.CalledProcessError(128, "git"),
        FileNotFoundError("git"),
    ],
)
def test_where_they_can_t_be_reached_in_time_one_line_says_so_and_garments_are_drawn(
    tmp_path, failure, capsys
):
    git = Git(ls_remote=failure)
    assert find_catalogue(tmp_path, run=git) == DRAWN
    (command, options), *more = git.calls
    assert more == []
    assert (command[:2], options["timeout"]) == (["git", "ls-remote"], REACH_SECONDS)
    assert options["env"]["GIT_TERMINAL_PROMPT"] == "0"
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and REPOSITORY in lines[0] and "drawing" in lines[0]


def test_photographs_that_can_be_reached_are_cloned_and_kept(tmp_path):
    git = Git()
    assert find_catalogue(tmp_path / "new", run=git) == str(tmp_path / "new" / NAME)
    assert (tmp_path / "new" / NAME / "train").is_dir()
    command, _ = git.calls[1]
    assert command[:4] == ["git", "clone", "--depth", "1"]


def test_a_clone_that_is_cut_off_is_never_taken_for_a_whole_one(tmp_path):
    git = Git(clone=subprocess.CalledProcessError(128, "git"))
    assert find_catalogue(tmp_path, run=git) == DRAWN
    assert list(tmp_path.iterdir()) == []


def test_the_first_start_builds_and_the_second_reuses(plan, stage, capsys):
    first = prepare(plan, run=stage.run)
    second = prepare(plan, run=stage.run)
    assert stage.built == ["mine.csv"]
    assert first == second and first.is_file()
    said = "Using the index of 12 items with 30 photographs, built 2026-11-21T02:00:00+00:00"
    assert said in capsys.readouterr().err


def test_a_catalogue_that_has_changed_is_built_again(plan, stage, tmp_path, capsys):
    path = tmp_path / "mine.csv"
    plan = replace(plan, catalogue=str(path))

    def builds():
        prepare(plan, run=stage.run)
        return len(stage.built)

    path.write_text("item_id,path\n1,a.jpg\n")
    assert [builds(), builds()] == [1, 1]
    path.write_text("item_id,path\n1,a.jpg\n2,b.jpg\n")
    capsys.readouterr()
    assert [builds(), builds()] == [2, 2]
    assert "The catalogue has changed since" in capsys.readouterr().err
    plan = replace(plan, allow_roots=(tmp_path,))
    assert [builds(), builds()] == [3, 3]


def test_an_index_that_the_demo_has_not_built_is_used_and_how_to_build_it_again_is_said(plan, stage, capsys):
    stage.searcher.manifest.catalogue = "mine.csv"
    stage.published = stage.searcher
    prepare(plan, run=stage.run)
    assert stage.built == []
    assert "python -m index build --catalogue mine.csv" in capsys.readouterr().err


def test_a_shop_that_does_not_answer_is_shown_as_it_was(plan, stage, picture_server, capsys):
    picture_server.routes = {"feed.xml": b"<rss></rss>"}
    plan = replace(plan, catalogue=picture_server.url("feed.xml"), allow_hosts=("127.0.0.1",))
    prepare(plan, run=stage.run)
    picture_server.routes = {}
    prepare(plan, run=stage.run)
    assert stage.built == [plan.catalogue]
    assert "Whether the catalogue has changed is not known" in capsys.readouterr().err


def test_what_the_build_may_serve_and_fetch_is_passed_on(plan, stage, tmp_path):
    commands = []

    def run(command, **options):
        commands.append(command)
        return stage.run(command[:-6], **options)

    allowed = {"allow_roots": (tmp_path,), "allow_hosts": ("images.internal", "10.0.0.5")}
    prepare(replace(plan, **allowed), run=run)
    hosts = ["--allow-host", "images.internal", "--allow-host", "10.0.0.5"]
    assert commands[0][-6:] == ["--allow-root", str(tmp_path), *hosts]


def test_an_index_of_another_catalogue_is_built_anew(plan, stage):
    stage.searcher.manifest.catalogue = "other.csv"
    stage.published = stage.searcher
    prepare(plan, run=stage.run)
    assert stage.built == ["mine.csv"]


def test_an_index_of_another_encoder_is_built_anew(plan, stage):
    stage.failure = EncoderMismatch("another one")
    prepare(plan, run=stage.run)
    assert stage.built == ["mine.csv"]


def test_a_build_that_fails_ends_the_demo_with_its_exit_code(plan, stage):
    stage.code = 1
    with pytest.raises(SystemExit) as ended:
        prepare(plan, run=stage.run)
    assert ended.value.code == 1


def test_a_busy_port_is_reported_before_anything_is_done(plan, stage):
    with socket.socket() as other:
        other.bind(("127.0.0.1", plan.address.port))
        other.listen()
        with pytest.raises(PortInUse, match=f"PORT={plan.address.port + 1}"):
            prepare(plan)
        arguments = ["demo", "--catalogue", "mine.csv", "--port", str(plan.address.port)]
        result = CliRunner().invoke(main, arguments)
    assert stage.built == []
    assert result.exit_code == 1
    assert result.output.startswith("Error: 127.0.0.1:") and result.output.count("\n") == 1


def test_the_server_takes_the_place_of_the_demo_with_the_same_settings(plan, monkeypatch, tmp_path):
    executed = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: executed.append(arguments))
    start(replace(plan, allow_hosts=("images.internal",)), tmp_path / "photo.jpg")
    (arguments,) = executed
    assert arguments[1:4] == ["-m", "service", "serve"]
    options = dict(zip(arguments[4::2], arguments[5::2], strict=True))
    assert options["--port"] == str(plan.address.port)
    assert options["--example"] == str(tmp_path / "photo.jpg")
    assert options["--allow-host"] == "images.internal"
