"""The web component in pages of another origin, as docs/integration.md has it."""

import base64
import json
import re
import shlex

import pytest

from service.http.keys import add_key
from silhouette_client import Client
from tests.import_graph import ROOT

GUIDE = (ROOT / "docs" / "integration.md").read_text().partition("## In the page of your shop")[2]
GARMENTS = [
    {"type": kind, "box": [0, 0, 1, 1], "confidence": 0.9, "worn": True, "outline": [corners]}
    for kind, corners in (
        ("upper", [[0, 0], [1, 0], [1, 0.5], [0, 0.5]]),
        ("skirt", [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]),
    )
]


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[1].strip()


def page(body):
    def answer(handler):
        policy = f"default-src 'none'; style-src 'unsafe-inline'; {handler.server.policy}"
        data = body.encode()
        handler.begin(200, Content_Type="text/html", Content_Length=len(data), Content_Security_Policy=policy)
        handler.wfile.write(data)

    return answer


@pytest.fixture(scope="module")
def website(serve, picture_server):
    """The website of a shop, and the service, whose items are products, started as the guide says."""
    origin = picture_server.url("")[:-1]
    variable, value = shlex.split(block("sh"))[0].split("=")
    settings = {variable.removeprefix("SILHOUETTE_").lower(): value.replace("http://127.0.0.1:9000", origin)}
    service = serve(workers=1, **settings)
    with Client(service.url, key=add_key(service.folder / "keys.json", "shop")) as api:
        for number, item in enumerate([item.item_id for item in api.items()]):
            product = {"Produktname": f"Product {number}", "vendor": "North", "link": f"/products/{number}"}
            reduced = {"price": 89.9, "sale_price": 49.5, "currency": "EUR", "availability": "out_of_stock"}
            api.patch_item(item, product | reduced)
    example, lines = (ROOT / "docs" / "embed.html").read_text(), block("html")
    german = f"<!doctype html><html lang=de><title>Laden</title><body><main><h1>Laden</h1>{lines}</main>"
    texts = [text.replace("http://127.0.0.1:8000", service.url) for text in (example, german, block("text"))]
    picture_server.policy = texts.pop()
    picture_server.routes = {"en": page(texts[0]), "de": page(texts[1])}
    picture_server.origin, picture_server.service = origin, service
    return picture_server


@pytest.fixture
def visit(look, website):
    """Open a page of the website; the test fails where the browser had an error to report."""
    screens = []

    def open_page(path="en", **window):
        screen = look(**window)
        screens.append(screen)
        screen.asked = []
        screen.page.on("request", lambda request: screen.asked.append(request.url))
        screen.page.goto(website.url(path))
        return screen

    yield open_page
    for screen in screens:
        assert screen.complaints == []


def choose(screen, name="Choose a photo"):
    """Choose the photograph by keyboard alone."""
    with screen.page.expect_file_chooser() as chooser:
        screen.page.get_by_role("button", name=name).press("Enter")
    chooser.value.set_files(screen.photo)


def hand_over(screen, event):
    """Drop or paste the photograph onto the element, as the browser hands it over."""
    screen.see(".drop").evaluate(
        """(zone, [event, text]) => {
            const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
            const options = { bubbles: true, cancelable: true, composed: true };
            zone.dispatchEvent(event === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: transfer })
                : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
        }""",
        [event, base64.b64encode(screen.photo.read_bytes()).decode()],
    )


def answering(screen, *answers):
    """Answer the first searches in turn, each with a status and fields, or not at all: "lost"."""
    left, sent = list(answers), []

    def answer(route):
        sent.append(route.request)
        following = left.pop(0) if left else None
        if following is None:
            route.continue_()
        elif following == "lost":
            route.abort()
        else:
            status, fields = following
            headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
            route.fulfill(status=status, json=fields, headers={**headers, "Retry-After": "0.01"})

    screen.page.route("**/v1/search", answer)
    return sent


@pytest.mark.parametrize(
    ("path", "window", "upload", "words"),
    [
        ("en", {"dark": True}, "Choose a photo", ["€49.50 instead of €89.90", "Sold out", "8 products"]),
        (
            "de",
            {"width": 360, "height": 740, "touch": True},
            "Foto auswählen",
            ["49,50 € statt 89,90 €", "Ausverkauft", "12 Produkte"],
        ),
    ],
)
def test_a_page_of_another_origin_finds_products_that_lead_to_its_own_pages(
    visit, website, expect, path, window, upload, words
):
    screen = visit(path, **window)
    camera = screen.see(".camera")
    assert camera.is_visible() is bool(window.get("touch"))
    assert screen.violations() == []
    choose(screen, upload)
    cards = screen.see("silhouette-search a.card")
    expect(cards).to_have_count(8 if path == "en" else 12)
    link = cards.first.evaluate("link => link.href")
    assert re.fullmatch(rf"{website.origin}/products/\d+", link)
    text = " ".join(screen.see("silhouette-search section").text_content().replace("\xa0", " ").split())
    assert [word for word in words if word not in text] == []
    expect(cards.first.locator("img")).to_have_js_property("complete", True)
    width, address = cards.first.locator("img").evaluate("image => [image.naturalWidth, image.currentSrc]")
    assert width and re.search(r"width=(160|320|640)$", address)
    expect(screen.see("canvas")).to_be_visible()
    assert {re.match(r"\w+://[^/]+", url)[0] for url in screen.asked} == {website.origin, website.service.url}
    assert screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert screen.violations() == []


def test_more_products_come_by_a_button_until_there_are_no_more(visit, expect):
    screen = visit()
    choose(screen)
    more, cards = screen.page.get_by_role("button", name="Show more"), screen.see("a.card")
    more.press("Enter")
    expect(cards).to_have_count(12)
    expect(more).to_be_hidden()
    expect(cards.nth(8)).to_be_focused()
    assert len(set(cards.evaluate_all("cards => cards.map((card) => card.href)"))) == 12


def test_a_pasted_photo_finds_products_told_by_the_rules_of_the_search_page(visit, expect):
    fields = [
        {"title": "4006381333931", "category": "skirt", "sold_out": True, "link": 7},
        {"title": "Kilt", "in_stock": True, "link": "javascript:alert(1)", "url": "/products/kilt"},
        {"name": "IMG_2041.jpg", "availability": "https://schema.org/SoldOut", "sale_price": 20},
    ]
    results = [
        {"item_id": f"i{n}", "image_url": "/favicon.ico", "metadata": each} for n, each in enumerate(fields)
    ]
    query = {"garment": None, "garments": [], "warnings": []}
    screen = visit()
    answer = {"query_id": "q_1", "query": query, "results": results, "total": 3, "next_offset": None}
    answering(screen, (200, answer))
    hand_over(screen, "paste")
    cards = screen.see(".card")
    expect(cards).to_have_text(["SkirtSold out", "Kilt", "Product20.00Sold out"])
    pages = cards.evaluate_all("cards => cards.map(({ pathname }) => pathname)")
    assert pages == [None, "/products/kilt", None]
    screen.complaints.clear()  # the pictures


def test_a_garment_of_the_photo_is_chosen_by_its_chip_or_in_the_photo(visit, expect):
    answer = {
        "query_id": "q_1",
        "query": {"garment": 0, "garments": GARMENTS, "warnings": ["several_garments", "nothing_close"]},
        "results": [],
        "total": 0,
        "next_offset": None,
    }
    skirt = {**answer, "query": {**answer["query"], "garment": 1}}
    screen = visit()
    sent = answering(screen, (200, answer), (200, skirt), (200, answer))
    hand_over(screen, "drop")
    top, other = (screen.page.get_by_role("button", name=name) for name in ("Top", "Skirt"))
    expect(top).to_have_attribute("aria-pressed", "true")
    expect(screen.see(".summary")).to_have_text("No product of this kind was found.")
    assert screen.violations() == []
    other.press("Space")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(other).to_be_focused()
    asked = json.loads([request for request in sent if request.method == "POST"][-1].post_data)
    assert (asked["query_id"], asked["garment"]) == ("q_1", 1)
    box = screen.see("canvas").bounding_box()
    screen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    expect(top).to_have_attribute("aria-pressed", "true")


def test_an_error_is_told_in_words_of_the_page_and_what_may_pass_is_tried_again(visit, expect):
    screen = visit()
    refused = (422, {"code": "image_undecodable", "detail": "cannot identify image file"})
    answering(screen, refused, "lost", (503, {"code": "overloaded"}))
    notice, retry = screen.see("[role=alert]"), screen.page.get_by_role("button", name="Try again")
    choose(screen)
    expect(notice).to_have_text("This file can't be read. Choose a JPEG or PNG.")
    expect(retry).to_be_hidden()
    choose(screen, "Another photo")
    expect(notice).to_contain_text("The search can't be reached.")
    assert screen.violations() == []
    retry.press("Enter")
    expect(screen.see("a.card")).to_have_count(8)
    expect(notice).to_be_hidden()
    screen.complaints[:] = [line for line in screen.complaints if not re.search("422|503|ERR_FAILED", line)]
