"""What a page of results weighs at 360 px, what thumbnails cost a build, and searches while they are made.

Run it with `python -m benchmarks.thumbnails FOLDER [--quick]`, on Linux with Chromium, where FOLDER holds
photographs; they are enlarged to 12 megapixels first.
"""

import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import click
import httpx
import numpy as np
from PIL import Image
from playwright import sync_api as playwright

from benchmarks.browser import chromium
from benchmarks.servers import free_port, running
from training.photo import media_types

RESULTS = 22
SIZE = (3000, 4000)
WIDTHS = ("320", "640", "1280")
ALL_SHOWN = """Promise.all([...document.querySelectorAll("#results img, #query-image")]
    .map((image) => image.decode()))"""


def _enlarged(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC).save(target, quality=90)


def _photographs(folder: Path, catalogue: Path, count: int) -> None:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in media_types.suffixes())
    catalogue.mkdir()
    for number, path in enumerate(random.Random(0).sample(found, count)):
        _enlarged(path, catalogue / f"{number:03}.jpg")


def _build(catalogue: Path, folder: Path, *options: str) -> float:
    """Return the seconds that a build takes."""
    command = ["-m", "index", "build", "--catalogue", str(catalogue), "--out", str(folder / "indexes")]
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *command, "--cache", str(folder / "cache"), *options], check=True, stdout=sys.stderr
    )
    return time.perf_counter() - start


def _weight(browser: playwright.Browser, url: str, density: float) -> tuple[float, float, int]:
    """Return the kB that the page of an item loads, those of its pictures, and how many results it shows."""
    context = browser.new_context(
        viewport={"width": 360, "height": 800}, device_scale_factor=density, is_mobile=True, has_touch=True
    )
    page = context.new_page()
    sizes: dict[str, float] = {}
    names: dict[str, str] = {}
    protocol = context.new_cdp_session(page)
    protocol.send("Network.enable")
    protocol.on("Network.responseReceived", lambda told: names.update({told["requestId"]: told["type"]}))
    protocol.on(
        "Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]})
    )
    page.goto(url)
    page.locator("#results .card").first.wait_for(timeout=120_000)
    page.wait_for_load_state("networkidle", timeout=120_000)
    for _ in range(12):
        page.evaluate("scrollBy(0, 400)")
        page.wait_for_timeout(100)
    page.evaluate(ALL_SHOWN)
    page.wait_for_load_state("networkidle", timeout=120_000)
    shown = page.locator("#results .card").count()
    context.close()
    pictures = sum(size for name, size in sizes.items() if names.get(name) == "Image")
    return sum(sizes.values()) / 1e3, pictures / 1e3, shown


@contextmanager
def _making(port: int, items: list[str]) -> Iterator[threading.Event]:
    """Ask for thumbnails that there are not yet, over six connections as a browser does."""
    ended = threading.Event()
    wanted = iter([(item, width) for width in WIDTHS for item in items])
    lock = threading.Lock()

    def ask() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=300)
        while not ended.is_set():
            with lock:
                item, width = next(wanted, ("", ""))
            if not item:
                ended.set()
                return
            connection.request(
                "GET", f"/v1/items/{quote(item)}/image?width={width}", headers={"Accept": "*/*"}
            )
            connection.getresponse().read()

    with ThreadPoolExecutor(6) as pool:
        for _ in range(6):
            pool.submit(ask)
        try:
            yield ended
        finally:
            ended.set()


def _searches(port: int, items: list[str], ended: threading.Event | None, count: int) -> np.ndarray:
    """Return the milliseconds of searches from an item's picture, one after the other."""
    took = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        while len(took) < count and not (ended is not None and ended.is_set()):
            start = time.perf_counter()
            client.post("/v1/search", json={"item_id": items[len(took) % len(items)], "limit": RESULTS})
            took.append((time.perf_counter() - start) * 1000)
            time.sleep(0.05)
    return np.array(took)


def _line(name: str, took: np.ndarray) -> str:
    middle, late = np.percentile(took, [50, 95])
    return f"| {name} | {len(took)} | {middle:.0f} | {late:.0f} |"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--quick", is_flag=True, help="Only see that all of it runs.")
def main(folder: Path, quick: bool) -> None:
    """Measure with photographs of FOLDER and print tables."""
    place = Path(tempfile.mkdtemp(prefix="thumbnails-"))
    try:
        _measure(folder, place, quick=quick)
    finally:
        shutil.rmtree(place)


def _measure(folder: Path, place: Path, *, quick: bool) -> None:
    catalogue = place / "catalogue"
    _photographs(folder, catalogue, RESULTS + 1)
    items = [path.stem for path in sorted(catalogue.iterdir())]
    originals = sum(path.stat().st_size for path in catalogue.iterdir()) * RESULTS / (RESULTS + 1)
    plain, port = _build(catalogue, place), free_port()
    settings = {
        "SILHOUETTE_INDEXES": str(place / "indexes"),
        "SILHOUETTE_THUMBNAIL_FOLDER": str(place / "cache" / "thumbnails"),
        "SILHOUETTE_QUERY_FOLDER": str(place / "cache" / "queries"),
        "SILHOUETTE_METRICS_FOLDER": str(place / "cache" / "metrics"),
        "SILHOUETTE_DEFAULT_LIMIT": str(RESULTS),
    }
    command = ["-m", "service", "serve", "--port", str(port)]
    with running(command, port=port, settings=settings, log=place / "log"):
        print(
            f"\nThe page of an item with {RESULTS} results at 360 px; originals: {originals / 1e6:.1f} MB\n"
        )
        print("| pixels for one of CSS | kB loaded | of these, pictures | results |\n|---|---|---|---|")
        with chromium() as browser:
            for density in (1, 2, 3):
                loaded, pictures, shown = _weight(
                    browser, f"http://127.0.0.1:{port}/?item={items[0]}", density
                )
                print(f"| {density} | {loaded:.0f} | {pictures:.0f} | {shown} |")
        count = 20 if quick else 200
        _searches(port, items, None, 10)
        alone = _searches(port, items, None, count)
        with _making(port, items) as ended:
            beside = _searches(port, items, ended, count)
        print("\n| searches by a picture of 12 megapixels | searches | p50 ms | p95 ms |\n|---|---|---|---|")
        print(_line("alone", alone))
        print(_line("while thumbnails are made", beside))
    shutil.rmtree(place / "cache" / "thumbnails")
    again = _build(catalogue, place)
    made = _build(catalogue, place, "--thumbnails")
    kept = [path for path in (place / "cache" / "thumbnails").iterdir() if path.suffix == ".webp"]
    size = sum(path.stat().st_size for path in kept) / 1e3 / (RESULTS + 1)
    each = (made - again) / (RESULTS + 1) * 1000
    print(f"\nA build of {RESULTS + 1} photographs: {plain:.1f} s; again, with nothing new: {again:.1f} s;")
    print(f"with thumbnails: {made:.1f} s, so {each:.0f} ms and {size:.0f} kB for each photograph.")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.thumbnails")
