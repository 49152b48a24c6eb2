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


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


CURL = [block.strip() for block in blocks("sh") if "curl " in block]


def node_runs_fetch():
    node = shutil.which("node")
    if node is None:
        return False
    asked = subprocess.run([node, "-p", "typeof fetch + typeof FormData"], capture_output=True, text=True)
    return asked.stdout.strip() == "functionfunction"


@pytest.fixture(scope="module")
def run(serving):
    """Run a program of the guide where its photograph lies, against the service, with a key."""
    key = add_key(serving.folder / "keys.json", "guide")

    def execute(*words):
        words = [word.replace("http://127.0.0.1:8000", serving.url) for word in words]
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


def test_the_program_in_python_does_what_the_guide_says(run):
    (program,) = blocks("python")
    lines = run(sys.executable, "-c", program).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["1", "2", "3"]
    assert lines[3] == "12 items, from the likest to the least"
    assert lines[4].startswith("[") and lines[5].startswith("invalid_parameter limit r_")


@pytest.mark.skipif(not node_runs_fetch(), reason="no Node.js that has fetch and FormData is installed")
def test_the_program_in_javascript_does_what_the_guide_says(run):
    (program,) = blocks("javascript")
    call = '\nshow(new Blob([require("node:fs").readFileSync("photograph.jpg")]));\n'
    lines = run("node", "-e", program + call).splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]


def test_the_command_that_makes_a_key_is_one_of_ours(run, serving):
    (line,) = [block.strip() for block in blocks("sh") if "curl " not in block]
    words = line.split()
    assert words[0] == "python" and run(sys.executable, *words[1:]).startswith("sk_")
