from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from index.__main__ import main as index
from training.__main__ import main as training
from training.options import cache_option, encoder_option, fetching_options, processes_option
from training.photo.encoder import PRETRAINED


@click.command()
@cache_option
@processes_option
@encoder_option
def command(cache, processes, encoder):
    click.echo(f"{cache} {processes} {encoder}")


def test_without_options_all_cores_the_folder_cache_and_the_encoder_that_ships_are_used():
    result = CliRunner().invoke(command, env={"SILHOUETTE_CACHE": None})
    assert result.output == f"cache None {PRETRAINED}\n"


def test_the_environment_names_the_cache_unless_the_command_does():
    env = {"SILHOUETTE_CACHE": "elsewhere"}
    assert CliRunner().invoke(command, env=env).output.startswith("elsewhere ")
    assert CliRunner().invoke(command, ["--cache", "here"], env=env).output.startswith("here ")


def test_no_processes_are_refused():
    result = CliRunner().invoke(command, ["--processes", "0"])
    assert result.exit_code == 2 and "--processes" in result.output


def test_a_file_is_refused_as_cache(tmp_path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(command, ["--cache", str(tmp_path / "file")])
    assert result.exit_code == 2 and "--cache" in result.output


@pytest.mark.parametrize("name", ["cache", "processes", "encoder"])
def test_an_option_means_the_same_in_every_command_that_has_it(name):
    commands = [*training.commands.values(), *index.commands.values()]
    options = [option for command in commands for option in command.params if option.name == name]
    assert len(options) > 1
    assert len({(option.help, str(option.default), str(option.envvar)) for option in options}) == 1


def test_the_paths_are_paths():
    context = command.make_context("command", ["--cache", "here", "--encoder", "there"])
    assert (context.params["cache"], context.params["encoder"]) == (Path("here"), Path("there"))


@click.command()
@fetching_options
def reading(fetching):
    click.echo(f"{fetching.allowed_hosts} {fetching.cache_bytes} {fetching.progress}")


def test_hosts_are_allowed_by_the_command_one_by_one_or_by_the_environment():
    def allowed(*words, env=None):
        result = CliRunner().invoke(reading, words, env={"SILHOUETTE_ALLOWED_HOSTS": env})
        return result.output.strip()

    assert allowed() == "() 21474836480 True"
    given = allowed("--allow-host", "images.internal", "--allow-host", "10.0.0.5", "--cache-bytes", "7")
    assert given == "('images.internal', '10.0.0.5') 7 True"
    assert allowed(env="images.internal, [::1]").startswith("('images.internal', '[::1]') ")
    assert allowed("--allow-host", "a", env="b").startswith("('a',) ")


@pytest.mark.parametrize(
    "name", ["https://shop.example", "shop.example/photos", "shop.example:8443", "a b;c"]
)
def test_what_is_not_the_name_of_a_host_is_refused(name):
    result = CliRunner().invoke(reading, ["--allow-host", name])
    assert result.exit_code == 2 and "is not the name of a host" in result.output


def test_every_command_that_reads_catalogues_can_allow_hosts():
    commands = [*training.commands.values(), *index.commands.values()]
    for command in commands:
        names = {option.name for option in command.params}
        fetches = bool({"catalogue", "gallery"} & names) or command.name == "apply"
        assert ("allow_hosts" in names) == fetches, command.name
