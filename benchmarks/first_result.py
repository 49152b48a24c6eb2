"""How long a shopper waits from the drop of a photo to the first result on the screen.

Run it with `python -m benchmarks.first_result [--quick]`. A service over drawn garments, with one worker, is
used in Chromium on the same machine; each photo is dropped on a page that has just been opened.
"""

import base64
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from playwright.sync_api import Page, expect

from benchmarks.browser import chromium
from benchmarks.servers import free_port, running
from benchmarks.stock import photographs
from index.build import BuildOptions, build_index
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Table, as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

CATALOGUE = "drawn:60"
SIZE = (1500, 2000)
"""Pixels of the photos: three megapixels, as phones send them to websites."""

PATIENCE = 60_000
DROP = """async (text) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
    performance.clearResourceTimings();
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const begun = performance.now();
    const card = new Promise((done) => {
        new MutationObserver((_, observer) => {
            const first = document.querySelector("#results .card");
            if (first) { observer.disconnect(); done(first); }
        }).observe(document.getElementById("results"), { childList: true });
    });
    document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
    const first = await card;
    const [made, [asked]] = [performance.now(), performance.getEntriesByName(`${location.origin}/v1/search`)];
    await drawn();
    const shown = performance.now();
    await first.querySelector("img:not(.backdrop)").decode();
    await drawn();
    return [
        asked.requestStart - begun,
        asked.responseEnd - asked.requestStart,
        made - asked.responseEnd,
        shown - made,
        shown - begun,
        performance.now() - begun,
    ];
}"""
STEPS = (
    "page: from the drop to the request",
    "service: from the request to the end of its answer",
    "page: from the answer to the cards",
    "browser: from the cards to their frame",
    "**first result, from the drop**",
    "its picture, from the drop",
)


def _drop(page: Page, url: str, photo: bytes) -> Any:
    """Open the page, drop a photo on it, and return the milliseconds of each of `STEPS`."""
    page.goto(url)
    expect(page.locator("#example-list a")).not_to_have_count(0)
    page.wait_for_load_state("networkidle")
    return page.evaluate(DROP, base64.b64encode(photo).decode())


@click.command(epilog="Example: python -m benchmarks.first_result --quick")
@click.option("--times", default=20, show_default=True, help="Photos that are dropped.")
@cache_option
@click.option("--quick", is_flag=True, help="Two photos, to see that everything runs.")
def main(times: int, cache: Path, quick: bool) -> None:
    """Measure the time from the drop of a photo to the first result, and where it goes."""
    times = 2 if quick else times
    catalogue = read_catalogue(CATALOGUE, cache=cache)
    photos = photographs(catalogue, SIZE, count=times + 1)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        options = BuildOptions("flat", cache=cache, thumbnails=folder / "thumbnails")
        build_index(catalogue, Encoder.load(PRETRAINED), indexes=folder / "indexes", options=options)
        settings = {
            "PORT": str(port),
            "SILHOUETTE_WORKERS": "1",
            "SILHOUETTE_INDEXES": str(folder / "indexes"),
            "SILHOUETTE_QUERY_FOLDER": str(folder / "queries"),
            "SILHOUETTE_THUMBNAIL_FOLDER": str(folder / "thumbnails"),
            "SILHOUETTE_USAGE_FILE": str(folder / "usage.sqlite"),
        }
        arguments = ["-m", "service", "serve"]
        with running(arguments, port=port, settings=settings, log=folder / "log"), chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
            page.set_default_timeout(PATIENCE)
            url = f"http://127.0.0.1:{port}/"
            waits = np.array([_drop(page, url, photo) for photo in photos][1:])  # the first one warms up
    middle, high = np.percentile(waits, (50, 95), axis=0)
    rows = tuple(
        (step, f"{half:.0f}", f"{most:.0f}") for step, half, most in zip(STEPS, middle, high, strict=True)
    )
    click.echo(
        f"{times} JPEGs of {SIZE[0]} x {SIZE[1]}, {len(catalogue.items)} items, {os.cpu_count()} cores "
        f"({platform.machine()}), Python {platform.python_version()}\n"
    )
    click.echo(as_markdown([Table("first", "First result", ("", "median, ms", "95 %, ms"), rows, "")]))


if __name__ == "__main__":
    main()
