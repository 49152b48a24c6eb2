"""The client for JavaScript in Chromium: the module that the page uses, against the service."""

import json
import re

import pytest

from service.http.keys import add_key
from tests.import_graph import ROOT

FOLDER = ROOT / "clients" / "js"
BEGIN = """async ([key, items, busy]) => {
    const { ApiError, Client } = await import("/static/silhouette.js");
    const photo = await (await fetch(items[3])).blob();
    const shop = new Client(location.origin, { key });
    const all = async (generator) => { const found = []; for await (const one of generator) found.push(one); return found; };
    const refused = (promise) => promise.then(() => null, (error) => error);
    const answering = (...answers) => {
        const sent = [];
        const fetch = async (...request) => { sent.push(request); return answers.shift(); };
        return { client: new Client("/shop/", { fetch, longestWait: 0.01 }), sent };
    };
"""


@pytest.fixture(scope="module")
def key(shop):
    return add_key(shop.folder / "keys.json", "browser")


@pytest.fixture
def run(screen, key):
    """Run a program in the page that has the client, with a key: it returns what the program returns."""

    def execute(program, **values):
        given = json.dumps(values)
        return screen.page.evaluate(f"{BEGIN}const given = {given};\n{program}}}", [key, ITEMS, None])

    return execute


ITEMS = {3: "/v1/items/skirt/3/image"}
