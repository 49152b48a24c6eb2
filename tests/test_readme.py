import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from index.__main__ import main as index
from service.__main__ import main as service
from training.__main__ import main as training
from training.catalogue.drawn import draw
from training.catalogue.reader import read_catalogue
from training.native_logs import SHOW
from training.photo.encoder import PRETRAINED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
OPERATIONS, GUIDE = ((ROOT / "docs" / name).read_text() for name in ("operations.md", "training.md"))
COMMANDS = {"training": training, "index": index, "service": service}
SECONDS = 120

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


LINES = [line for text in (README, OPERATIONS) for block in blocks(text, "sh") for line in block.splitlines()]
TASKS = [line for line in LINES if line.startswith("make ")]
OUR_OWN = re.compile(r"python -m (training|index|service) ")
OURS = [line for line in LINES if OUR_OWN.match(line)]
GUIDED = [line for block in blocks(GUIDE, "sh") for line in block.splitlines()]
ONLY_PARSED = ("training fit ", "service serve ", "index nightly ", "--retrain ")  # long, or without an end
REFUSED = "python -m index build --catalogue drawn:50"  # too small, as the text says
DEMO_INDEX = "python -m index build --catalogue drawn:40"  # of more items than the folder of photographs
EXECUTED = [line for line in OURS if not any(part in line for part in ONLY_PARSED) and line != REFUSED]
CURL = next(line for line in LINES if line.startswith("curl "))


def environment(**more: str) -> dict[str, str]:
    theirs = ("SILHOUETTE_", "MAKE", "MFLAGS", "ARGS", SHOW)  # of whoever runs the tests, perhaps by make
    clean = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**clean, "PYTHONPATH": str(ROOT), **more}


def execute(line: str, folder: Path) -> subprocess.CompletedProcess:
    words = [sys.executable, *shlex.split(line)[1:]]
    return subprocess.run(
        words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=SECONDS
    )


@pytest.fixture(scope="module")
def executed() -> set[str]:
    """The commands that have been executed in a process of their own."""
    return set()


@pytest.fixture
def run(shop, executed, monkeypatch):
    """Execute a line in `shop`: each command the first time in a process of its own, later in this one."""

    def run(line: str) -> subprocess.CompletedProcess:
        if (command := line.split()[3]) not in executed or "milvus:" in line:
            executed.add(command)
            return execute(line, shop)
        package, *words = shlex.split(line)[2:]
        monkeypatch.chdir(shop)
        for module in ("training.parallel", "index.embedding.embedders"):
            monkeypatch.setattr(f"{module}.cpu_count", lambda: 1)  # start no workers, either
        for name in os.environ.keys() - environment().keys():
            monkeypatch.delenv(name)
        result = CliRunner().invoke(COMMANDS[package], words, catch_exceptions=False)
        return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)

    return run


def parse(line: str) -> None:
    """Let our own command line read the words, without carrying them out."""
    package, name, *words = shlex.split(line)[2:]
    COMMANDS[package].commands[name].make_context(name, words)


def recipe(task: str) -> str:
    """Return the last command that make would run for a task, with the Python that runs this test."""
    words = [*shlex.split(task), "--dry-run", f"RUN={sys.executable}"]
    answer = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    return answer.stdout.rstrip().splitlines()[-1]


def variables(task: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(task) if "=" in word)


def put_photographs(folder: Path, *, seed: int, count: int = 12) -> None:
    for number in range(count):
        shape, _, picture = draw(number, seed=seed)
        path = folder / ("top" if number % 2 else "bottom") / f"{shape.type}-{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=92)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with all that the README speaks of, in its order: an index as the demo leaves it, and then one
    that the README's own line has built.
    """
    folder = tmp_path_factory.mktemp("shop")
    put_photographs(folder / "photographs", seed=1)
    put_photographs(folder / "other-photographs", seed=2)
    put_photographs(folder / "catalogues" / "clothing-dataset-small", seed=4, count=70)
    golden = read_catalogue(str(folder / "catalogues" / "clothing-dataset-small")).items[0]
    (folder / "golden.csv").write_text(f"image,item_id,k\n{golden.path},{golden.item_id},3\n")
    Image.fromarray(draw(3, seed=3)[2]).save(folder / "photograph.jpg")
    (folder / "changes.jsonl").write_text('{"put": {"item_id": "my-hat", "path": "photograph.jpg"}}\n')
    shutil.copytree(PRETRAINED, folder / "models" / "mine")
    for build in (DEMO_INDEX, next(line for line in OURS if " index build " in line)):
        result = execute(build, folder)
        assert result.returncode == 0, result.stderr
    assert "replaces another one: drawn:40" in result.stdout
    return folder


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Demo:
    """The demo in a process group of its own, as a terminal starts it."""

    def __init__(self, command: str, folder: Path, settings: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            cwd=folder,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._watchdog = threading.Timer(SECONDS, self._signal, [signal.SIGKILL])
        self._watchdog.start()
        self.greeting = self._read_greeting()

    def _signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def _read_greeting(self) -> list[str]:
        """Read what it prints, until the line to try; an end before that shows what went wrong."""
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.strip())
            if "curl" in line:
                return lines
        self._watchdog.cancel()
        raise AssertionError(f"The demo ended: {self.process.communicate()[1]}")

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code and what it wrote to standard error."""
        if self.process.poll() is None:
            self._signal(signal.SIGINT)
        errors = self.process.communicate(timeout=SECONDS)[1]
        self._watchdog.cancel()
        return self.process.returncode, errors


@pytest.fixture(scope="module")
def demo_task() -> str:
    return next(line for line in TASKS if line.startswith("make demo CATALOGUE="))


@pytest.fixture(scope="module")
def start_demo(demo_task, shop, port):
    """Start what `make demo CATALOGUE=… PORT=…` of the README runs, on a free port."""
    started: list[Demo] = []

    def start() -> Demo:
        settings = {"INDEXES": "demo-indexes", **variables(demo_task), "PORT": str(port)}
        started.append(Demo(recipe(demo_task), shop, settings))
        return started[-1]

    yield start
    for demo in started:
        if demo.process.returncode is None:
            demo.interrupt()


@pytest.fixture(scope="module")
def demo(start_demo):
    return start_demo()


def fetch(address: str) -> dict:
    with urlopen(address, timeout=SECONDS) as answer:
        return json.load(answer)


def send(line: str, folder: Path, port: int) -> dict:
    """Do what a `curl -F file=@PHOTO ADDRESS` line says."""
    program, option, form, address = shlex.split(line)
    assert (program, option, form[:6]) == ("curl", "-F", "file=@")
    photo = (folder / form[6:]).read_bytes()
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n'
        + photo
        + b"\r\n--cut--\r\n"
    )
    address = address.replace(":8000/", f":{port}/")
    return json.load(
        urlopen(
            Request(address, body, {"Content-Type": "multipart/form-data; boundary=cut"}), timeout=SECONDS
        )
    )


def keys(value: object) -> set[str]:
    """Return the paths of the keys of a JSON value; what metadata holds differs by catalogue."""
    if isinstance(value, list):
        return set().union(*(keys(entry) for entry in value))
    if not isinstance(value, dict):
        return set()
    own = {name for name in value if name != "…"}
    return own | {f"{name}.{key}" for name in own - {"metadata"} for key in keys(value[name])}


def test_every_command_of_the_texts_is_of_a_kind_that_is_tested():
    checked_elsewhere = ("CATALOGUE_FOLDER=", "python -m pip install ", "curl ", 'rm "indexes/$(cat')
    rest = [line for line in LINES if line not in TASKS + OURS and not line.startswith(checked_elsewhere)]
    assert rest == []
    assert len(EXECUTED) >= 5


@pytest.mark.parametrize("line", [*OURS, *GUIDED])
def test_our_command_line_understands(line):
    parse(line)


def test_a_command_with_a_wrong_option_is_not_understood():
    with pytest.raises(click.NoSuchOption):
        parse("python -m index build --catalog photographs")


@needs_make
@pytest.mark.parametrize("task", TASKS)
def test_make_knows_the_task(task):
    assert recipe(task)


@needs_make
def test_make_help_answers():
    answer = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "make demo" in answer.stdout


@pytest.mark.parametrize("line", EXECUTED)
def test_the_command_succeeds_and_writes_only_our_lines(line, shop, run, native_lines):
    if "milvus:" in line and find_spec("milvus_lite") is None:
        pytest.skip("milvus-lite is not installed: make scale")
    version = (shop / "indexes" / "current").read_text().strip()
    result = run(line.replace("VERSION", version))
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() and not native_lines.search(result.stderr), result.stderr


def test_a_catalogue_that_is_too_small_is_refused_as_the_text_says(shop, run):
    run("python -m index build --catalogue catalogues/clothing-dataset-small")
    before = (shop / "indexes" / "current").read_text()
    result = run(REFUSED)
    assert result.returncode == 1 and "items" in result.stderr
    assert (shop / "indexes" / "current").read_text() == before


def test_what_pip_is_told_to_install_is_there():
    (line,) = {line for line in LINES if line.startswith("python -m pip")}
    words = shlex.split(line)
    assert (ROOT / words[words.index("-r") + 1]).is_file()
    assert "tensorflow==" in (ROOT / "requirements.txt").read_text()


@needs_make
def test_the_demo_is_ready_once_it_prints_its_address(demo, port):
    assert f"http://127.0.0.1:{port}" in demo.greeting[0]
    answer = fetch(f"http://127.0.0.1:{port}/readyz")
    assert answer["index"]["items"] == 12


@needs_make
def test_the_line_that_the_demo_prints_finds_its_own_photograph_first(demo, shop, port):
    answer = send(demo.greeting[-1].removeprefix("Try:").strip(), shop, port)
    assert answer["results"][0]["score"] > 0.99
    assert len(answer["results"]) == 5


@needs_make
def test_the_curl_line_is_answered_as_the_readme_says(demo, shop, port):
    answer = send(CURL, shop, port)
    (shown,) = blocks(README, "json")
    assert [hit["rank"] for hit in answer["results"]] == [1, 2, 3, 4, 5]
    assert keys(json.loads(shown)) - {"results.metadata.price"} <= keys(answer)


@needs_make
def test_the_similar_items_of_the_readme_are_answered(demo, shop, port):
    (path,) = re.findall(r"`GET (/v1/items/ID/\w+)`", README)
    first = send(CURL, shop, port)["results"][0]["item_id"]
    answer = fetch(f"http://127.0.0.1:{port}{path.replace('ID', quote(first))}")
    assert answer["results"] and first not in {hit["item_id"] for hit in answer["results"]}


@needs_make
def test_the_python_of_the_readme_prints_five_results(demo, shop, port):
    (program,) = blocks(README, "python")
    words = [sys.executable, "-c", program.replace(":8000/", f":{port}/")]
    result = subprocess.run(words, cwd=shop, capture_output=True, text=True, timeout=SECONDS)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["1", "2", "3", "4", "5"], (
        result.stderr
    )


@needs_make
def test_ctrl_c_ends_the_demo_cleanly_and_a_second_start_reuses_its_index(demo, start_demo, port):
    version = fetch(f"http://127.0.0.1:{port}/readyz")["index"]["version"]
    code, errors = demo.interrupt()
    assert code == 0, errors
    assert not re.search(r"Traceback|Warning|leaked|XNNPACK", errors), errors
    again = start_demo()
    assert fetch(f"http://127.0.0.1:{port}/readyz")["index"]["version"] == version
    code, errors = again.interrupt()
    assert code == 0, errors


@pytest.mark.parametrize(
    "name", ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md"))]
)
def test_links_within_the_repository_lead_somewhere(name):
    page = ROOT / name
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []
