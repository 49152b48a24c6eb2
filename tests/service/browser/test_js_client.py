"""The client for JavaScript in Chromium: the module that the page uses, against the service."""

import json
import re
import shutil
import subprocess

import pytest

from service.http.keys import add_key
from silhouette_client import Client
from tests.import_graph import ROOT

FOLDER = ROOT / "clients" / "js"
BEGIN = """async ({ key, given }) => {
    const { ApiError, Client, putLine } = await import("/static/silhouette.js");
    const shop = new Client(location.origin, { key });
    const photo = await (await fetch("/v1/items/" + given.item + "/image")).blob();
    const all = async (generator) => {
        const found = [];
        for await (const one of generator) found.push(one);
        return found;
    };
    const refusal = (promise) => promise.then(() => null, (error) => error);
    const answering = (...answers) => { // a client of a service with these answers, and what was sent
        const sent = [];
        const fetch = async (...request) => { sent.push(request); return answers.shift(); };
        return { client: new Client("/shop/", { fetch, longestWait: 0.01 }), sent };
    };
    const busy = (status, wait) => new Response("{}", { status, headers: { "Retry-After": wait } });
"""

TYPED = """
import { Client } from "silhouette-client";
const { results } = await new Client("http://x").search({ item_id: "a", limit: 3, box: [0, 0, 1, 1] });
export const score: number = results[0].score;
"""


@pytest.fixture(scope="module")
def run(chromium, shop):
    """Run a program in a page of the service; it has a client with a key, and `given`."""
    key = add_key(shop.folder / "keys.json", "browser")
    with Client(shop.url) as api:
        item = api.index().examples[0].item_id
    page = chromium.new_page()
    page.goto(shop.url + "/docs")
    yield lambda program, **given: page.evaluate(
        f"{BEGIN}{program}}}", {"key": key, "given": {"item": item, **given}}
    )
    page.close()


def test_a_picture_is_searched_as_a_file_and_again_by_its_query(run):
    first, again, by_item = run("""
        const options = { limit: 2, filter: { price: { gte: 10 } }, box: null };
        const first = await shop.search({ file: photo, ...options });
        return [first, await shop.search({ query_id: first.query_id, ...options }),
                await shop.search({ item_id: given.item, limit: 1 })];
    """)
    assert first["results"] == again["results"] and len(first["results"]) == 2
    assert first["results"][0]["score"] > 0.99 and len(by_item["results"]) == 1


def test_pages_and_hits_follow_one_another_and_the_picture_is_sent_once(run):
    ranks, sent = run("""
        const sent = [];
        const kept = (...request) => { sent.push(request[1].body); return fetch(...request); };
        const client = new Client(location.origin, { fetch: kept });
        const hits = await all(client.hits({ file: photo, limit: 5 }));
        return [hits.map(({ rank }) => rank), sent.map((body) => body instanceof FormData)];
    """)
    assert ranks == list(range(1, 13)) and sent == [True, False, False]


def test_items_are_put_found_and_deleted_by_any_id(run):
    for item_id in ("shelf/7 b", "ü?#&%2F", "shop/image"):
        stored, found, near, size, gone = run(
            """
            const stored = await shop.putItem(given.id, { files: [photo], metadata: { price: 7 } });
            const found = await shop.item(given.id);
            const near = await shop.similar(given.id, { limit: 1, filter: { price: { gt: 0 } } });
            const { size } = await shop.image(given.id);
            const shown = await (await fetch(shop.imageUrl(given.id))).blob();
            await shop.deleteItem(given.id);
            const { status, code, requestId } = await refusal(shop.item(given.id));
            return [stored, found, near, [size, shown.size, photo.size], { status, code, requestId }];
            """,
            id=item_id,
        )
        assert stored["item_id"] == found["item_id"] == near["query"]["item_id"] == item_id
        assert found["metadata"] == {"price": 7} and len(set(size)) == 1
        assert (gone["status"], gone["code"]) == (404, "item_unknown") and gone["requestId"].startswith("r_")


def test_an_item_has_several_photographs_and_its_metadata_is_changed_without_one(run):
    stored, sizes, patched, refused = run("""
        const small = new OffscreenCanvas(64, 64);
        const context = small.getContext("2d");
        context.fillRect(16, 8, 32, 48);
        const other = await small.convertToBlob();
        const metadata = { price: 7, sale: true };
        const stored = await shop.putItem("two", { files: [photo, other], metadata });
        const second = await shop.image("two", { photo: 1 });
        const shown = await (await fetch(shop.imageUrl("two", { photo: 1 }))).blob();
        const patched = await shop.patchItem("two", { price: 5, sale: null });
        await shop.deleteItem("two");
        const refused = await refusal(shop.putItem("two", { image_urls: ["https://x.example/a.jpg"] }));
        return [stored, [second.size, shown.size, other.size], patched, refused.code];
    """)
    assert len(stored["image_urls"]) == 2 and len(set(sizes)) == 1
    assert patched["metadata"] == {"price": 5} and refused == "url_not_allowed"


def test_changes_in_bulk_have_an_answer_each_and_items_are_listed(run):
    (put, patched, unknown, deleted), changed, parts, bodies = run("""
        const changes = [await putLine("new", { files: [photo], metadata: { price: 1 } }),
            { patch: { item_id: "new", metadata: { price: 2 } } }, { delete: { item_id: "no/such" } },
            { delete: { item_id: "new" } }];
        const answers = await all(shop.bulk(changes.slice(0, 3)));
        const changed = await all(shop.items({ filter: { price: { lt: 3 } } }));
        answers.push(...await all(shop.bulk(changes.slice(3))));
        const { client, sent } = answering(...[1, 2, 3].map(() => new Response("{}\\n")));
        await all(client.bulk(Array(2001).fill({ delete: { item_id: "a" } })));
        return [answers, changed, await all(shop.itemPages({ limit: 7 })),
            sent.map(([, { body }]) => body.trim().split("\\n").length)];
    """)
    assert put["change"] < patched["change"] < deleted["change"]
    assert unknown["error"]["code"] == "item_unknown"
    assert [item["metadata"] for item in changed] == [{"price": 2}]
    assert [len(part["items"]) for part in parts] == [7, 5] and parts[0]["total"] == 12
    assert bodies == [1000, 1000, 1]


def test_the_index_its_versions_and_health_are_asked_for(run):
    index, versions, active, alive, ready = run("""
        const [version] = await shop.versions();
        return [await shop.index(), [version], await shop.activate(version.version), await shop.alive(),
                await shop.ready()];
    """)
    assert index["version"] == versions[0]["version"] == active["version"] == ready["index"]["version"]
    assert alive["status"] == "alive" and active["current"]


def test_searches_of_a_batch_have_each_its_page_or_its_error_and_a_query_is_deleted(run):
    page, failed, gone = run("""
        const answers = await shop.batch([{ item_id: given.item, limit: 3 }, { item_id: "no/such" }]);
        const { query_id } = await shop.search({ file: photo });
        await shop.deleteQuery(query_id);
        return [...answers, (await refusal(shop.search({ query_id }))).code];
    """)
    assert len(page["results"]) == 3 and failed["error"]["code"] == "item_unknown"
    assert gone == "query_expired"


def test_a_refusal_is_an_error_with_its_code_and_its_field(run):
    error = run("""
        const error = await refusal(shop.search({ file: photo, limit: 0 }));
        return { ours: error instanceof ApiError, ...error, text: error.message };
    """)
    assert error["ours"] and (error["status"], error["code"]) == (400, "invalid_parameter")
    assert error["param"] == "limit" and error["requestId"] in error["text"]


def test_a_busy_service_is_asked_again_and_given_up_in_the_end(run):
    found, sent, status, tries, refused = run("""
        const date = "Tue, 01 Jan 2030 00:00:00 GMT";
        const good = answering(busy(503, "7"), busy(429, date), Response.json({ item_id: "a" }));
        const bad = answering(...[1, 2, 3, 4].map(() => busy(503, "9")));
        const never = answering(new Response("{}", { status: 500 }));
        const found = await good.client.item("a");
        const error = await refusal(bad.client.item("a"));
        await refusal(never.client.item("a"));
        const addresses = good.sent.map(([address]) => address);
        return [found, addresses, [error.status, error.retryAfter], bad.sent.length, never.sent.length];
    """)
    assert found == {"item_id": "a"} and sent == ["/shop/v1/items/a"] * 3
    assert (status, tries, refused) == ([503, 9], 3, 1)


@pytest.mark.parametrize("text", ["<html>", "", "[1]", "null"])
def test_an_answer_of_something_in_front_is_an_error_too(run, text):
    error = run(
        """
        const answer = new Response(given.text, { status: 502, headers: { "X-Request-Id": "r_9" } });
        return { ...await refusal(answering(answer).client.item("a")) };
        """,
        text=text,
    )
    assert (error["status"], error["code"], error["requestId"]) == (502, "", "r_9")


def test_a_call_that_is_given_up_ends_while_it_waits(run):
    assert (
        run("""
        const giveUp = new AbortController();
        const { client } = answering(busy(503, "600"));
        const waiting = new Client("", { fetch: async () => busy(503, "600"), longestWait: 600 });
        setTimeout(() => giveUp.abort(), 0);
        return (await refusal(waiting.item("a", { signal: giveUp.signal }))).name;
    """)
        == "AbortError"
    )


def declared(kind):
    """The methods that the types declare for a class."""
    (body,) = re.findall(
        rf"^export class {kind} .*?^\}}", (FOLDER / "silhouette.d.ts").read_text(), re.M | re.S
    )
    return set(re.findall(r"^  (\w+)\(", body, re.M)) - {"constructor"}


def test_the_types_declare_the_methods_that_there_are_and_python_has_the_same(run):
    there = set(run("return Object.getOwnPropertyNames(Client.prototype)")) - {"constructor"}
    assert declared("Client") == there
    in_python = {name for name in vars(Client) if not name.startswith("_")} - {"close", "download"}
    assert there == {re.sub(r"_(\w)", lambda part: part[1].upper(), name) for name in in_python} | {
        "imageUrl"
    }


def test_the_package_names_files_that_exist_and_the_service_sends_the_module():
    package = json.loads((FOLDER / "package.json").read_text())
    assert {path.name for path in FOLDER.glob("*.*s")} == set(package["files"])
    assert (ROOT / "service/static/silhouette.js").resolve() == FOLDER / "silhouette.js"


@pytest.mark.skipif(shutil.which("tsc") is None, reason="needs the compiler of TypeScript, tsc")
def test_a_program_with_a_wrong_type_is_refused_and_one_with_right_types_is_not(tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "silhouette-client").symlink_to(FOLDER)
    (tmp_path / "right.mts").write_text(TYPED)
    (tmp_path / "wrong.mts").write_text(TYPED.replace("limit: 3", "limit: 'many'"))
    check = [
        "tsc",
        "--noEmit",
        "--strict",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom",
    ]
    for name, fine in (("right.mts", True), ("wrong.mts", False)):
        done = subprocess.run([*check, name], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode == 0) is fine, done.stdout
