import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.http.keys import add_key

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "integration.md").read_text()
SECONDS = 300
OLD_NODE = shutil.which("node") is None or not subprocess.run(
    ["node", "-p", "typeof fetch + typeof FormData"], capture_output=True, text=True
).stdout.startswith("functionfunction")

needs_node = pytest.mark.skipif(OLD_NODE, reason="needs Node.js from version 18 on")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


CURL = [block.strip() for block in blocks("sh") if "curl " in block]


@pytest.fixture(scope="module")
def run(serving):
    """Run a program of the guide where its photograph lies, against the service, with a key."""
    key = add_key(serving.folder / "keys.json", "guide")
    (serving.folder / "node_modules").mkdir()
    (serving.folder / "node_modules" / "silhouette-client").symlink_to(ROOT / "clients" / "js")

    def execute(*words):
        words = [str(word).replace("http://127.0.0.1:8000", serving.url) for word in words]
        environment = {**os.environ, "KEY": key, "PYTHONPATH": str(ROOT)}
        answer = subprocess.run(
            words, cwd=serving.folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return execute


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_lines_of_curl_do_in_turn_what_the_guide_says(run):
    assert len(CURL) == 7
    said = [run("sh", "-c", line) for line in CURL]
    search, filtered, put, patched, _, similar, delete = (json.loads(text.splitlines()[0]) for text in said)
    assert search["results"][0]["score"] > 0.99 and len(search["results"]) == 3
    assert filtered["results"] and all(hit["metadata"]["price"] <= 15 for hit in filtered["results"])
    assert (put["item_id"], put["metadata"]) == ("sku-1", {"category": "dress"})
    assert patched["metadata"] == {"category": "dress", "price": 12}
    changes = [json.loads(line)["change"] for line in said[4].splitlines()]
    assert len(changes) == 2 and patched["change"] < changes[0] < changes[1]
    assert similar["results"][0]["score"] > 0.99
    assert delete["item_id"] == "sku-1"


def test_the_program_in_python_does_what_the_guide_says(run, installed):
    program, _ = blocks("python")
    lines = run(installed.python, "-I", "-c", program).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3] == "12 items, from the likest to the least"
    assert re.fullmatch(r"\[21, 20\] \d+", lines[4]) and lines[5].startswith("[")
    del lines[4]
    assert lines[5] == "{'category': 'dress', 'price': 9}"
    assert lines[6].startswith("MadeChange(item_id='sku-1', change=") and "item_unknown" in lines[7]
    assert lines[8] == "[{'category': 'dress', 'price': 8}]"
    assert lines[9].startswith("invalid_parameter limit r_")


def test_the_program_with_asyncio_does_what_the_guide_says(run, installed):
    _, program = blocks("python")
    lines = run(installed.python, "-I", "-c", program).splitlines()
    assert len(lines) == 2 and all(re.fullmatch(r"\S+/\d+ \['\S+', '\S+'\]", line) for line in lines)


@needs_node
def test_the_program_in_javascript_does_what_the_guide_says(run):
    (program,) = blocks("javascript")
    call = 'import { readFileSync } from "node:fs"; await show(new Blob([readFileSync("photograph.jpg")]));'
    lines = run("node", "--input-type=module", "-e", program + call).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3] == "12 items, from the likest to the least"
    assert lines[4].startswith("invalid_parameter limit r_")


def test_what_the_guide_installs_are_the_clients():
    (python,) = re.findall(r"^pip install (\S+)$", GUIDE, re.MULTILINE)
    (javascript,) = re.findall(r"`npm install (\S+)`", GUIDE)
    assert (ROOT / python / "pyproject.toml").is_file() and (ROOT / javascript / "package.json").is_file()


def test_the_command_that_makes_a_key_is_one_of_ours(run, serving):
    (line,) = [block.strip() for block in blocks("sh") if block.startswith("python ")]
    words = line.split()
    assert words[0] == "python" and run(sys.executable, *words[1:]).startswith("sk_")
