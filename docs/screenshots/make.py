"""The pictures of the page in this folder: each state, of a service over drawn garments, in Chromium.

Run it with `make screenshots`; `ARGS=--only=worn` takes one alone. Garments that were drawn before are taken
from `cache/`.
"""

import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import chromium
from training.catalogue.drawn import rows
from training.catalogue.reader import read_catalogue
from training.photo.garment import WORKING_SIZE, locate
from training.photo.images import decode
from training.photo.segmenter import shipped

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "embed.html"
PASTE = """(text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.body.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, clipboardData }));
}"""
LOADED = """[...document.querySelectorAll("#results img")].every((image) =>
    image.getBoundingClientRect().top > innerHeight || (image.complete && image.naturalWidth))"""
COUNT = 300
BRANDS = ("Nordlicht", "Linnea", "Hafen", "Ada & Co")
PHOTO = 7
PEOPLE, PARTS = "drawn-worn:40", 3
PATIENCE = 120_000
DRESS = (
    [(0.42, 0.08), (0.46, 0.14), (0.54, 0.14), (0.58, 0.08), (0.64, 0.1), (0.68, 0.22), (0.63, 0.26)],
    [(0.63, 0.26), (0.62, 0.42), (0.84, 0.9), (0.5, 0.94), (0.16, 0.9), (0.38, 0.42), (0.37, 0.26)],
    [(0.37, 0.26), (0.32, 0.22), (0.36, 0.1), (0.42, 0.08)],
)
HEM = ((0.3, 0.6), (0.75, 0.8))


def _write_catalogue(path: Path, cache: Path) -> list[Path]:
    """Write a catalogue of drawn garments as a shop has them; return their pictures."""
    prices = np.random.default_rng(0).lognormal(3.6, 0.5, COUNT).round(2).tolist()
    drawn = rows(COUNT, seed=0, cache=cache)
    lines = [
        {
            "item_id": row["item_id"],
            "path": row["path"],
            "title": f"{row['appearance']['print']} {row['category']}".capitalize(),
            "brand": BRANDS[number % len(BRANDS)],
            "category": row["category"],
            "pattern": row["appearance"]["print"],
            "price": price,
            "sale_price": round(0.7 * price, 2) if number % 4 == 0 else None,
            "currency": "EUR",
            "in_stock": number % 7 != 3,
        }
        for number, (row, price) in enumerate(zip(drawn, prices, strict=True))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [Path(row["path"]) for row in drawn]


def _person(cache: Path) -> Path:
    """Return the picture of a drawn person on whom several garments are found, the main one most surely."""
    sure = {}
    for item in read_catalogue(PEOPLE, cache=cache).items:
        found, _ = locate(decode(item.path, size=WORKING_SIZE), shipped())
        if len(found) >= PARTS:
            sure[item.path] = found[0].confidence
    if not sure:
        raise click.ClickException(f"On nobody of {PEOPLE} are {PARTS} garments found.")
    return max(sure, key=sure.__getitem__)


def _build(catalogue: Path, indexes: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "index", "build", "--catalogue", str(catalogue), "--out", str(indexes)]
    command += ["--cache", str(cache), "--allow-root", str(cache)]
    subprocess.run(command, check=True, stdout=sys.stderr)


@contextmanager
def _website(folder: Path) -> Iterator[str]:
    """Serve the files of a folder for the length of the block, from the origin that is given."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _service(indexes: Path, queries: Path, website: str) -> Iterator[str]:
    """Serve an index to a website, too, for the length of the block, at the address that is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--indexes", str(indexes)]
    settings = {"QUERY_FOLDER": str(queries), "LOG_LEVEL": "error", "CORS_ORIGINS": website}
    environment = {**os.environ, **{f"SILHOUETTE_{name}": value for name, value in settings.items()}}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            if process.stdout is None or "Silhouette" not in process.stdout.readline():
                raise click.ClickException("The service did not start; its log says why.")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _settle(page: Page) -> None:
    """Wait until results, filters and pictures are there."""
    expect(page.locator("body.busy")).to_have_count(0)
    expect(page.locator("#results .card").first).to_be_visible()
    expect(page.locator("#filters")).to_be_visible()
    page.wait_for_load_state("networkidle")
    while not page.evaluate(LOADED):  # the page's policy forbids `wait_for_function`
        page.wait_for_timeout(100)


def _empty(page: Page, _: Path) -> None:
    expect(page.locator("#example-list a")).to_have_count(8)
    page.wait_for_load_state("networkidle")


def _results(page: Page, photo: Path) -> None:
    page.set_input_files("#file", photo)
    _settle(page)


def _filters(page: Page, photo: Path) -> None:
    _results(page, photo)
    page.click("#category")
    _settle(page)
    page.locator("#facets .pick", has_text=BRANDS[0]).click()
    _settle(page)


def _why(page: Page, photo: Path) -> None:
    _results(page, photo)
    entry = page.locator("#results > li").nth(1)
    entry.locator(".why").click()
    expect(entry.locator(".overlay img")).to_be_visible()
    entry.locator(".overlay img").evaluate("image => image.decode()")


def _drag(page: Page, on: str, places: Sequence[tuple[float, float]]) -> None:
    """Drag along places that are fractions of an element."""
    box = page.locator(on).bounding_box()
    if box is None:
        raise click.ClickException(f"The page shows no '{on}'.")
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def _part(page: Page, photo: Path) -> None:
    _results(page, photo)
    page.click("#part")
    _drag(page, "#picture", HEM)
    expect(page.locator("#results .found-part").first).to_be_visible()
    page.wait_for_load_state("networkidle")


def _sketch(page: Page, _: Path) -> None:
    page.click("#sketch")
    for stroke in DRESS:
        _drag(page, "#pad", stroke)
    _settle(page)


def _far_down(page: Page, photo: Path) -> None:
    _results(page, photo)
    page.locator("#results .card").nth(7).scroll_into_view_if_needed()
    expect(page.locator("#peek")).to_be_visible()
    _settle(page)


def _waiting(page: Page, photo: Path) -> None:
    page.wait_for_load_state("networkidle")
    slow = {"offline": False, "latency": PATIENCE, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.set_input_files("#file", photo)
    expect(page.locator("#results .blank").first).to_be_visible()
    page.wait_for_timeout(400)  # the bar at the top shows after a moment


def _unsure(page: Page, _: Path) -> None:
    """Search with what is no garment."""
    noise, file = np.random.default_rng(0).integers(0, 256, (24, 18, 3), dtype=np.uint8), io.BytesIO()
    Image.fromarray(noise).resize((450, 600), Image.Resampling.BICUBIC).save(file, "PNG")
    page.set_input_files("#file", {"name": "noise.png", "mimeType": "image/png", "buffer": file.getvalue()})
    _settle(page)


def _sparse(page: Page, photo: Path) -> None:
    """Ask for what nothing passes."""
    _results(page, photo)
    page.goto(page.url + '&filter={"price":{"lte":1}}')
    expect(page.locator("#nothing")).to_be_visible()


def _end(page: Page, photo: Path) -> None:
    _results(page, photo)
    page.click("#category")
    while not page.locator("#end").is_visible():
        _settle(page)
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(200)
    page.locator("#end").scroll_into_view_if_needed()
    _settle(page)


def _missing(page: Page, photo: Path) -> None:
    page.route(re.compile("/image"), lambda route: route.fulfill(status=404))
    page.set_input_files("#file", photo)
    expect(page.locator("#results .missing").first).to_be_attached()
    page.wait_for_load_state("networkidle")


def _refused(page: Page, _: Path) -> None:
    page.set_input_files(
        "#file", {"name": "dress.txt", "mimeType": "text/plain", "buffer": b"A dress, please."}
    )
    expect(page.locator("#failure")).to_be_visible()


def _offline(page: Page, photo: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.set_input_files("#file", photo)
    expect(page.locator("#failure")).to_be_visible()


def _gone(page: Page, _: Path) -> None:
    page.goto(page.url + "?query=q_0000000000000000")
    expect(page.locator("#failure")).to_be_visible()


def _address(page: Page, _: Path) -> None:
    page.evaluate(PASTE, "https://shop.example/dress.jpg")
    expect(page.locator("#failure")).to_be_visible()


def _no_index(page: Page, _: Path) -> None:
    expect(page.locator("#trouble")).to_be_visible()


def _embedded(page: Page, photo: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.locator("silhouette-search [part~=upload]").click()
    chooser.value.set_files(photo)
    expect(page.locator("silhouette-search .card").first).to_be_visible()
    page.wait_for_load_state("networkidle")


Act = Callable[[Page, Path], None]
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
TABLET = {"viewport": {"width": 768, "height": 1024}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
DARK, GERMAN = {"color_scheme": "dark"}, {"locale": "de"}

STATES: dict[str, tuple[Act, dict[str, Any]]] = {
    "empty": (_empty, DESKTOP),
    "waiting": (_waiting, DESKTOP),
    "results": (_results, DESKTOP),
    "filters": (_filters, DESKTOP),
    "sketch": (_sketch, DESKTOP),
    "why": (_why, DESKTOP),
    "part": (_part, DESKTOP),
    "worn": (_results, DESKTOP),
    "end": (_end, DESKTOP | DARK),
    "unsure": (_unsure, TABLET),
    "sparse": (_sparse, TABLET | DARK),
    "missing": (_missing, TABLET),
    "tablet-worn": (_results, TABLET | DARK),
    "phone-empty": (_empty, PHONE),
    "phone-dark": (_results, PHONE | DARK),
    "phone-worn": (_results, PHONE),
    "phone-sketch": (_sketch, PHONE),
    "phone-german": (_far_down, PHONE | GERMAN),
    "phone-refused": (_refused, PHONE),
    "phone-offline": (_offline, PHONE | DARK),
    "phone-gone": (_gone, PHONE | GERMAN),
    "phone-address": (_address, PHONE),
    "embedded": (_embedded, DESKTOP),
    "phone-embedded": (_embedded, PHONE | DARK),
    "no-index": (_no_index, TABLET),
}
"""What is done on the page, and in which window."""


def _take(browser: Browser, url: str, name: str, photo: Path) -> None:
    act, window = STATES[name]
    context = browser.new_context(**window, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(url)
    act(page, photo)
    path = HERE / f"page-{name}.png"
    page.screenshot(path=path)
    context.close()
    Image.open(path).quantize(256).save(path, optimize=True)
    click.echo(f"docs/screenshots/{path.name}")


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
@click.option(
    "--only", multiple=True, type=click.Choice([*STATES]), help="A state; can be given several times."
)
def main(cache: Path, only: Sequence[str]) -> None:
    """Take the pictures of the page anew."""
    expect.set_options(timeout=PATIENCE)
    cache = cache.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        photos = _write_catalogue(place / "catalogue.jsonl", cache)
        _build(place / "catalogue.jsonl", place / "indexes", cache)
        (place / "website").mkdir()
        photo, person = photos[PHOTO], _person(cache)
        with (
            _website(place / "website") as website,
            _service(place / "indexes", place / "queries", website) as service,
            _service(place / "none", place / "queries", website) as bare,
            chromium() as browser,
        ):
            example = EXAMPLE.read_text().replace("http://127.0.0.1:8000", service)
            (place / "website" / "embed.html").write_text(example)
            for name in only or STATES:
                act, _ = STATES[name]
                url = {_no_index: bare, _embedded: f"{website}/embed.html"}.get(act, service)
                _take(browser, url, name, person if "worn" in name else photo)


if __name__ == "__main__":
    main()
