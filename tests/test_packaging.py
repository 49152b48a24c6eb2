import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import yaml
from click.testing import CliRunner

from index.__main__ import main as index
from index.embedding.cache import FOLDER
from service.__main__ import main as service
from service.config import Config
from tests.import_graph import ROOT, module_files, read_imports, serving_side
from training.__main__ import main as training

COMMANDS = {"training": training, "index": index, "service": service}
OURS = {*COMMANDS, "benchmarks", "tests", "clients", "silhouette_client"}
TASKS = {"help", "setup", "demo", "test", "scale", "lint", "train", "index", "serve", "bench", "clients"}
OPTIONAL = ("requirements-scale.txt", "requirements-stores.txt")
REQUIREMENTS = ("requirements-serving.txt", "requirements.txt", *OPTIONAL)


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile: (instruction, arguments), lines that are continued joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Split the Dockerfile by stage; each begins with what the stage it builds on holds."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for instruction, arguments in instructions():
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            found[name] = list(found.get(base, []))
        elif name:
            found[name].append((instruction, arguments))
    return found


def last(stage: list[tuple[str, str]], instruction: str) -> str:
    return [arguments for name, arguments in stage if name == instruction][-1]


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def compose_with_defaults() -> dict:
    """The Compose file as it is where no variable is set: ${NAME:-default} replaced, $$ a plain dollar."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text())
    return yaml.safe_load(text.replace("$$", "$"))


def ours(compose: dict) -> dict:
    """Return the services that are built here, and not only fetched."""
    return {name: entry for name, entry in compose["services"].items() if "build" in entry}


def our_commands(words: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Find `python -m PACKAGE COMMAND --option …` in a command line: package, command, names of options."""
    text = " ".join(words)
    for package, command, rest in re.findall(r"python -m (\w+) (\w+)((?: +(?:--)?[^\s;|]+)*)", text):
        yield package, command, re.findall(r"--[a-z-]+", rest)


def check_is_real(package: str, command: str, options: list[str]) -> None:
    """Fail unless our command line knows the command and each of its options."""
    answer = CliRunner().invoke(COMMANDS[package], [command, "--help"])
    assert answer.exit_code == 0, answer.output
    known = {name for option in COMMANDS[package].commands[command].params for name in option.opts}
    assert set(options) <= known, f"{package} {command} knows {sorted(known)}"


def third_party_imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    return names - set(sys.stdlib_module_names) - OURS


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    """Read the exact versions of a requirements file; markers of platforms are left out."""
    lines = [
        line.partition("#")[0].partition(";")[0].strip() for line in (ROOT / name).read_text().splitlines()
    ]
    wanted = [line for line in lines if line and not line.startswith("-")]
    return {normal(re.split(r"\[|==", line)[0]): line.partition("==")[2] for line in wanted}


def python_files(*places: str) -> list[Path]:
    paths = [ROOT / place for place in places]
    return [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]


def not_required(files: list[Path], required: set[str]) -> set[str]:
    """Name what files import and nobody requires, but for what is optional, which may not be installed."""
    providers = importlib.metadata.packages_distributions()
    optional = {name.replace("-", "_") for file in OPTIONAL for name in pins(file)}
    imported = set().union(*(third_party_imports(file) for file in files)) - optional
    return {name for name in imported if not {normal(d) for d in providers.get(name, [])} & required}


def test_every_source_that_the_images_copy_exists_and_is_sent_to_the_builder():
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for name, text in instructions() if name == "COPY" for source in text.split()[:-1]}
    assert {"training", "index", "service"} <= copied
    assert [source for source in sorted(copied) if not (ROOT / source).exists()] == []
    assert copied == sent


def test_what_a_link_in_the_images_leads_to_is_in_them_too():
    copied = {source for name, text in instructions() if name == "COPY" for source in text.split()[:-1]}
    folders = [ROOT / source for source in copied if (ROOT / source).is_dir()]
    links = [path for folder in folders for path in folder.rglob("*") if path.is_symlink()]
    assert ROOT / "service/static/silhouette.js" in links
    for link in links:
        assert any(link.resolve().is_relative_to(folder) for folder in folders), link


@pytest.mark.parametrize("target", ["serving", "training"])
def test_no_image_runs_as_root(target):
    user = last(stages()[target], "USER")
    assert user not in ("root", "0")
    assert any(name == "RUN" and re.search(rf"useradd .*\b{user}\b", text) for name, text in stages()[target])


@pytest.mark.parametrize("target", ["serving", "training"])
def test_the_command_of_an_image_is_one_of_ours(target):
    command = json.loads(last(stages()[target], "CMD"))
    assert command[:2] == ["python", "-m"] and command[2] in COMMANDS
    for found in our_commands(command):
        check_is_real(*found)


def test_the_serving_image_installs_no_tensorflow():
    installs = [text for name, text in stages()["serving"] if name == "RUN" and "pip install" in text]
    assert installs == ["pip install -r requirements-serving.txt ${STORE_CLIENT}"]
    assert last(stages()["serving"], "ARG") == "STORE_CLIENT="
    assert not {"tensorflow", "keras"} & pins("requirements-serving.txt").keys()


def test_the_health_check_of_the_serving_image_asks_the_port_that_it_serves_on():
    check = json.loads(last(stages()["serving"], "HEALTHCHECK").partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    compile(check[2], "health check", "exec")
    port = json.loads(last(stages()["serving"], "CMD"))[-1]
    assert f"127.0.0.1:{port}/healthz" in check[2]
    assert last(stages()["serving"], "EXPOSE") == port


def test_the_variables_that_the_readme_sets_are_read_by_the_compose_file():
    lines = re.findall(r"^.*docker compose .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    names = {name for line in lines for name in re.findall(r"(\w+)=", line)}
    assert names and all(f"${{{name}:-" in (ROOT / "docker-compose.yml").read_text() for name in names)


def test_the_services_build_targets_that_exist(compose):
    assert set(ours(compose)) == {"service", "nightly", "train"}
    for entry in ours(compose).values():
        assert entry["build"]["target"] in stages()


@pytest.mark.parametrize("name", ["service", "nightly", "train"])
def test_the_command_of_a_service_is_one_of_ours(compose_with_defaults, name):
    found = list(our_commands(compose_with_defaults["services"][name]["command"]))
    assert len(found) == 1
    check_is_real(*found[0])


def test_a_command_that_does_not_exist_would_be_noticed():
    (found,) = our_commands(["sh", "-c", "python -m index build --catalog x"])
    with pytest.raises(AssertionError):
        check_is_real(*found)


def test_the_commands_of_the_operations_manual_are_ours():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    found = list(our_commands([re.sub(r'"[^"]*"', "QUOTED", block) for block in blocks]))
    assert {command for package, command, _ in found if package == "index"} >= {
        *("build", "nightly", "versions", "activate", "rollback", "verify", "prune")
    }
    for command in found:
        check_is_real(*command)


APP = PurePosixPath("/app")
WRITES = {  # what each container writes to: what its command does, by the defaults of the product
    "service": {APP / Config().indexes, APP / Config().query_folder, Path("/tmp")},
    "nightly": {APP / Config().indexes, APP / "cache" / FOLDER, Path("/tmp")},
    "train": {APP / "models" / "mine", APP / "cache", Path("/tmp")},
}


def mounts(entry: dict) -> dict[str, tuple[str, bool]]:
    """Return the name and whether it can be written to of what is mounted, by its place."""
    parts = [volume.removesuffix(":ro").rpartition(":") for volume in entry["volumes"]]
    writable = [not volume.endswith(":ro") for volume in entry["volumes"]]
    return {place: (name, can) for (name, _, place), can in zip(parts, writable, strict=True)}


def writable(entry: dict) -> set[str]:
    return {place for place, (_, can) in mounts(entry).items() if can} | {
        place.partition(":")[0] for place in entry["tmpfs"]
    }


@pytest.mark.parametrize("name", WRITES)
def test_a_container_writes_nowhere_but_to_its_volumes_and_to_tmp(compose_with_defaults, name):
    entry = compose_with_defaults["services"][name]
    assert entry["read_only"] is True
    paths = {*map(PurePosixPath, WRITES[name])}
    if name == "service":
        paths.add(PurePosixPath(entry["environment"]["SILHOUETTE_KEYS"]))
    places = {*map(PurePosixPath, writable(entry))}
    assert all(places & {path, *path.parents} for path in paths)
    assert all(any(place in (path, *path.parents) for path in paths) for place in places)  # and no more


@pytest.mark.parametrize("name", WRITES)
def test_a_container_has_no_privileges_and_a_limit_of_memory(compose_with_defaults, name):
    entry = compose_with_defaults["services"][name]
    assert entry["cap_drop"] == ["ALL"] and entry["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in entry and "cap_add" not in entry and "user" not in entry
    assert re.fullmatch(r"\d+g", entry["mem_limit"])
    assert all("size=" in place for place in entry["tmpfs"])


def test_the_volume_of_the_keys_is_mounted_by_the_service_alone(compose_with_defaults):
    services = compose_with_defaults["services"]
    keys = PurePosixPath(services["service"]["environment"]["SILHOUETTE_KEYS"])
    (volume,) = {
        name for place, (name, _) in mounts(services["service"]).items() if place == str(keys.parent)
    }
    for name, entry in services.items():
        assert (volume in {mounted for mounted, _ in mounts(entry).values()}) is (name == "service")


def test_the_manual_lists_what_each_container_writes_to(compose):
    manual = (ROOT / "docs" / "operations.md").read_text()
    for name, entry in ours(compose).items():
        (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", manual, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == {volume for volume, can in mounts(entry).values() if can}


def test_containers_only_read_the_catalogue(compose):
    for entry in ours(compose).values():
        assert any(volume.endswith(":/catalogue:ro") for volume in entry["volumes"])
    assert set(compose["volumes"]) == {"indexes", "models", "cache", "keys", "milvus"}


def test_volumes_belong_to_the_user_that_writes_to_them():
    made = next(text for name, text in stages()["base"] if name == "RUN")
    assert re.search(r"chown silhouette:silhouette indexes models cache keys$", made)


def test_milvus_is_started_on_demand_pinned_and_kept_from_the_network(compose, compose_with_defaults):
    milvus = compose["services"]["milvus"]
    assert milvus["profiles"] == ["cluster"] and re.fullmatch(r"milvusdb/milvus:v2\.6\.\d+", milvus["image"])
    assert compose_with_defaults["services"]["milvus"]["ports"] == ["127.0.0.1:19530:19530"]
    assert milvus["volumes"] == ["milvus:/var/lib/milvus"]


def test_service_and_nightly_build_share_the_store_and_have_its_client_where_one_is_named(compose):
    for name in ("service", "nightly"):
        assert compose["services"][name]["environment"]["SILHOUETTE_STORE"] == "${STORE:-}"
        assert compose["services"][name]["build"]["args"]["STORE_CLIENT"] == "${STORE:+pymilvus}"
    assert "pymilvus" in pins("constraints.txt")


def test_training_is_started_on_demand_and_reserves_the_gpu(compose):
    train = compose["services"]["train"]
    (device,) = train["deploy"]["resources"]["reservations"]["devices"]
    assert train["profiles"] == ["train"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert train["build"]["args"]["TENSORFLOW"] == "tensorflow[and-cuda]"


def test_the_nightly_service_builds_at_once_and_then_at_two(compose_with_defaults):
    command = compose_with_defaults["services"]["nightly"]["command"]
    options = dict(zip(command, [*command[1:], ""], strict=True))
    assert "--now" in command
    assert (options["--at"], options["--timezone"]) == ("02:00", "UTC")
    assert index.commands["nightly"].make_context("nightly", command[4:]).params["at"].hour == 2


def test_what_serving_imports_is_required_for_serving():
    serving = serving_side(read_imports())
    files = [path for name, path in module_files().items() if name in serving]
    of_drawn_people = {"cv2"}  # their catalogue says what to take instead where OpenCV is not installed
    assert not_required(files, set(pins("requirements-serving.txt"))) == of_drawn_people


def test_what_the_checkout_imports_is_required():
    files = python_files("training", "index", "service", "tests", "benchmarks", "clients")
    required = set(pins("requirements-serving.txt")) | set(pins("requirements.txt"))
    installed_by_its_task = {"cosmic_ray"}  # make mutants
    assert not_required(files, required) == installed_by_its_task


def test_what_is_optional_is_not_required_by_all():
    always = set(pins("requirements-serving.txt")) | set(pins("requirements.txt"))
    assert not always & {name for file in OPTIONAL for name in pins(file)}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_answers_without_what_is_optional(command):
    blocked = {name.replace("-", "_"): None for file in OPTIONAL for name in pins(file)}
    code = f"import sys; sys.modules.update({blocked}); import runpy; sys.argv[1:] = ['--help']; "
    code += f"runpy.run_module('{command}', run_name='__main__')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_every_requirement_is_an_exact_version_that_the_constraints_agree_with():
    required = {name: version for file in REQUIREMENTS for name, version in pins(file).items()}
    assert all(re.fullmatch(r"\d[\w.]*", version) for version in required.values())
    constraints = pins("constraints.txt")
    assert {name: constraints.get(name) for name in required} == required


def test_every_requirement_says_what_it_is_for():
    for name in REQUIREMENTS:
        lines = [line for line in (ROOT / name).read_text().splitlines() if "==" in line]
        assert lines and all(re.search(r"  # \w", line) for line in lines)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_task():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    described = set(re.findall(r"^make (\w+) +\S", listed, re.MULTILINE))
    declared = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared is not None
    assert TASKS <= described == set(declared[1].split())


def test_ci_is_a_program_that_sets_up_lints_and_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    steps = re.findall(r"^step (\w+)", script.read_text(), re.MULTILINE)
    assert steps == ["setup", "lint", "fuzz", "test", "bench", "scale", "test"]
    subprocess.run(["bash", "-n", script], check=True)
