"""The pictures of the page in this folder: a service over drawn garments, photographed with Chromium.

Run it with `make screenshots`. Garments that were drawn before are taken from `cache/`.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
def _service(indexes: Path, queries: Path) -> Iterator[str]:
    """Serve an index for the length of the block, at the address that is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "service", "serve", "--port", str(port), "--indexes", str(indexes)]
    environment = {**os.environ, "SILHOUETTE_QUERY_FOLDER": str(queries), "SILHOUETTE_LOG_LEVEL": "error"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            if process.stdout is None or "answers" not in process.stdout.readline():
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
    page.wait_for_function(LOADED)


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


PICTURES = {
    "empty": _empty,
    "results": _results,
    "filters": _filters,
    "sketch": _sketch,
    "why": _why,
    "part": _part,
    "worn": _results,
}
PHONES = {
    "phone-dark": (_results, "dark", "en"),
    "phone-sketch": (_sketch, "light", "en"),
    "phone-german": (_far_down, "light", "de"),
}


def _take(browser: Browser, url: str, photo: Path, person: Path) -> None:
    desktop = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"}
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    shots = [(name, act, desktop) for name, act in PICTURES.items()]
    shots += [
        (name, act, {**phone, "color_scheme": scheme, "locale": language})
        for name, (act, scheme, language) in PHONES.items()
    ]
    for name, act, window in shots:
        context = browser.new_context(**window, reduced_motion="reduce")  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(url)
        act(page, person if name == "worn" else photo)
        path = HERE / f"page-{name}.png"
        page.screenshot(path=path)
        context.close()
        Image.open(path).quantize(256).save(path, optimize=True)
        click.echo(f"docs/screenshots/{path.name}")


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
def main(cache: Path) -> None:
    """Take the pictures of the page anew."""
    expect.set_options(timeout=PATIENCE)
    cache = cache.resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        photos = _write_catalogue(place / "catalogue.jsonl", cache)
        _build(place / "catalogue.jsonl", place / "indexes", cache)
        with _service(place / "indexes", place / "queries") as url, chromium() as browser:
            _take(browser, url, photos[PHOTO], _person(cache))


if __name__ == "__main__":
    main()
