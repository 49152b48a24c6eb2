"""Scripts and styles as they are served: small, and revalidated."""

import logging
import re
import sys

import pytest

from service.page import static_files

MOST_BYTES = 60_000


def served(client):
    """The style of the page, and the scripts that it loads, by their names."""
    found, ahead = {"page.css": client.get("/static/page.css").data}, ["page.js"]
    while ahead:
        name = ahead.pop()
        found[name] = client.get(f"/static/{name}").data
        named = re.findall(rb'from ?"\./([\w.]+)"', found[name])
        ahead += [other.decode() for other in named if other.decode() not in found]
    return found


def test_the_page_loads_no_more_than_60_kb_of_script_and_style(client):
    sizes = {name: len(data) for name, data in served(client).items()}
    assert len(sizes) > 15
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_a_browser_that_has_a_script_is_sent_none(client):
    first = client.get("/static/page.js")
    assert first.mimetype == "text/javascript" and b"// " not in first.data[:200]
    again = client.get("/static/page.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "no-cache"


def test_without_the_minifier_scripts_are_sent_as_they_were_written(client, monkeypatch, caplog):
    monkeypatch.setattr(static_files, "_served", static_files._served.__wrapped__)
    monkeypatch.setattr(static_files, "_MINIFY", "import no_such_minifier")
    with caplog.at_level(logging.WARNING):
        assert client.get("/static/page.js").data.startswith(b"// The search page")
        component = client.get("/embed.js").text
    assert "no_such_minifier" in caplog.text
    assert "function productOf(" in component and not re.search("^(import|export (?!class))", component, re.M)


@pytest.mark.parametrize("name", ["favicon.svg", "nothing.js"])
def test_what_is_no_script_is_sent_as_it_is(client, name):
    assert client.get(f"/static/{name}").status_code == (200 if name == "favicon.svg" else 404)
    assert "minify" not in sys.modules
