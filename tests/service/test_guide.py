import base64
import io
import re
import shlex
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from PIL import ImageDraw

GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
ITEMS = {"00017": "dress/1", "00018": "dress/2"}


def parsed(line):
    """What a line of curl sends: method, address, headers, and the body as the test client takes it."""
    program, *words = shlex.split(line)
    assert program == "curl"
    method, address, headers, form, body, query = None, "", {}, {}, None, []
    options = iter(words)
    for word in options:
        if word == "-X":
            method = next(options)
        elif word == "-H":
            name, _, value = next(options).partition(": ")
            headers[name] = value
        elif word == "-F":
            name, _, value = next(options).partition("=")
            form.setdefault(name, []).append(value)
        elif word in ("--json", "--data-binary"):
            body = next(options)
        elif word == "-G":
            method = "GET"
        elif word == "--data-urlencode":
            name, _, value = next(options).partition("=")
            query.append(f"{name}={quote(value)}")
        elif word == "-o":
            next(options)
        else:
            assert word.startswith("http://127.0.0.1:8000/"), word
            parts = urlsplit(word)
            query.insert(0, parts.query)
            address = parts.path
    address += "?" + "&".join(filter(None, query)) if any(query) else ""
    return method or ("POST" if form or body else "GET"), address, headers, form, body


@pytest.fixture
def files(pictures, photo):
    paper = pictures.drawn((0, 0, 0, 0))
    ImageDraw.Draw(paper).rectangle(pictures.SHAPES["dress"], outline="black", width=3)
    (changes,) = re.findall(r"^```json\n(\{\"put\": .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    changes = changes.replace("…", base64.b64encode(photo).decode()).replace("00017", ITEMS["00017"])
    return {
        "@photograph.jpg": photo,
        "@sketch.png": pictures.encoded(paper, "PNG"),
        "@changes.jsonl": changes.encode(),
    }


def send(live, files, line):
    method, address, headers, form, body = parsed(line)
    options = {"headers": {name: value.replace("$KEY", live.key) for name, value in headers.items()}}
    if body is not None:
        kind = options["headers"].pop("Content-Type", "application/json")
        options |= {"data": files.get(body, body), "content_type": kind}
    if form:
        options["data"] = {
            name: [(io.BytesIO(files[value]), value[1:]) if value[0] == "@" else value for value in values]
            for name, values in form.items()
        }
    return live.client.open(address, method=method, **options)


def test_every_line_of_the_guide_does_what_it_says(live, files):
    names = dict(ITEMS)
    for line in LINES:
        for name, known in names.items():
            line = line.replace(name, known)
        answer = send(live, files, line)
        assert answer.status_code in (200, 201, 204), (line, answer.text)
        assert answer.mimetype != "application/x-ndjson" or b'"error"' not in answer.data, answer.text
        if answer.is_json and answer.json.get("query_id"):
            names["q_8f3k"] = answer.json["query_id"]
    assert len(LINES) == 34


def test_what_a_shop_adds_to_a_search_does_what_the_guide_says(live, files):
    lines = [line.replace("00017", "dress/1") for line in LINES if "facets" in line]
    by_price, boosted, neighbours = (send(live, files, line).json for line in lines)
    assert [hit["metadata"] for hit in by_price["results"][:4]] == [{"price": 10}] * 3 + [{"price": 11}]
    assert [facet["field"] for facet in by_price["facets"]] == ["category", "price"]
    assert {hit["metadata"]["category"] for hit in boosted["results"][:4]} == {"dress"}
    assert neighbours["query"]["warnings"] == ["filter_field_unknown"]
    assert neighbours["facets"][1] == {"field": "brand", "values": [], "missing": 11}


def test_the_lines_of_the_guide_send_what_it_explains():
    assert parsed(LINES[1])[3]["filter"][0].startswith('{"category"')
    assert [parsed(line)[0] for line in LINES].count("DELETE") == 2
