import io
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from service.run.app import create_app

STATIC = Path(__file__).parents[3] / "service" / "static"


@pytest.mark.parametrize(
    "address", ["/nothing", "/v1", "/v1/items/", "/static/../app.py", "/static/nothing.js"]
)
def test_an_address_without_anything_is_a_problem(client, address):
    answer = client.get(address)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.mimetype == "application/problem+json"


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client):
    answer = client.get("/v1/search")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("trace-1", True), ("A_b.9" * 12, True), ("x" * 64, True), ("x" * 65, False), ("", False)],
)
def test_a_request_keeps_the_id_that_it_came_with_unless_it_is_unsafe(client, given, kept):
    for address in ("/healthz", "/nothing"):
        answer = client.get(address, headers={"X-Request-Id": given})
        assert answer.headers["X-Request-Id"] == answer.json["request_id"]
        assert (answer.headers["X-Request-Id"] == given) is kept
    unsafe = client.get("/healthz", headers={"X-Request-Id": "a b<c>"})
    assert unsafe.headers["X-Request-Id"].startswith("r_")


@pytest.mark.parametrize(
    "address", ["/", "/healthz", "/nothing", "/v1/items/dress/1/image", "/static/page.js"]
)
def test_every_answer_carries_the_security_headers(client, address):
    headers = client.get(address).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_search_page_alone_may_be_framed_by_the_websites_in_the_settings(config, searcher):
    shops = ("https://shop.example", "https://other.example")
    framed = create_app(replace(config, frame_ancestors=shops), searcher).test_client()
    page, docs = (framed.get(address).headers for address in ("/", "/docs"))
    assert page["Content-Security-Policy"].endswith(
        "frame-ancestors https://shop.example https://other.example"
    )
    assert "X-Frame-Options" not in page and "default-src 'none'" in page["Content-Security-Policy"]
    assert docs["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert docs["X-Frame-Options"] == "DENY"


def test_the_web_component_is_small_for_all_websites_and_sent_again_only_where_it_changed(client):
    script = client.get("/embed.js", headers={"Origin": "https://any.example"})
    assert script.mimetype == "text/javascript" and 0 < len(script.data) <= 20_000
    assert script.headers["Access-Control-Allow-Origin"] == "*"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert script.cache_control.max_age == 3600
    again = client.get("/embed.js", headers={"If-None-Match": script.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert not re.search(r"\bimport\b|https?://(?!search\.shop\.example)", script.text)


def test_the_page_is_in_the_language_that_the_browser_prefers(client):
    page = client.get("/", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de">' in page.text and "Foto eines Kleidungsstücks" in page.text
    assert (page.headers["Content-Language"], page.headers["Vary"]) == ("de", "Accept-Language")
    assert '<html lang="en">' in client.get("/").text
    assert "<built-in" not in page.text


def test_the_picture_of_a_search_is_shown_small_and_without_its_camera_until_it_is_deleted(
    client, post, pictures
):
    image = pictures.drawn((300, 300, 900, 1500), size=(1200, 1800))
    exif = Image.Exif()
    exif[271] = "A camera"
    query_id = post(pictures.encoded(image, exif=exif)).json["query_id"]
    shown = client.get(f"/queries/{query_id}.jpg")
    assert (shown.mimetype, shown.headers["Cache-Control"]) == ("image/jpeg", "no-store")
    small = Image.open(io.BytesIO(shown.data))
    assert small.size == (640, 960) and not small.getexif()
    client.delete(f"/v1/queries/{query_id}")
    assert client.get(f"/queries/{query_id}.jpg").json["code"] == "query_expired"


def test_the_page_needs_nothing_inline_and_nothing_from_elsewhere(client):
    html = client.get("/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", html) == []
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        assert client.get(address).status_code == 200


def test_every_element_that_the_script_asks_for_is_on_the_page(client):
    asked = set(re.findall(r'\bat\("([a-z-]+)"\)', (STATIC / "page.js").read_text()))
    assert asked <= set(re.findall(r'\bid="([a-z-]+)"', client.get("/").text))


def test_the_serving_process_holds_no_tensorflow():
    code = "import sys, service.run.app; print(sorted({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_what_runs_before_the_workers_fork_starts_no_native_threads():
    code = (
        "import sys, service.__main__; print(sorted({'numpy', 'faiss', 'ai_edge_litert'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_documentation_shows_every_operation_of_the_contract(client):
    page = client.get("/docs")
    assert page.status_code == 200
    for path in client.get("/openapi.json").json["paths"]:
        assert f"<code>{path}</code>" in page.text


def test_the_documentation_shows_what_a_body_of_several_kinds_is_one_of(client):
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    unions = {name: schema["anyOf"] for name, schema in schemas.items() if "anyOf" in schema}
    assert unions
    text = client.get("/docs").text
    for name, parts in unions.items():
        kinds = [part["$ref"].rpartition("/")[2] for part in parts]
        shown = " or ".join(f'<a href="#{kind}">{kind}</a>' for kind in kinds)
        assert re.search(rf'<section id="{name}">.*?{re.escape(shown)}', text, re.DOTALL)
