"""The pictures of the status page in this folder: a service over drawn garments with a played history.

Run it with `make screenshots`. Garments that were drawn before are taken from `cache/`.
"""

import csv
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import chromium
from service.http.keys import add_key
from service.http.usage_file import HOUR, LooseQuery, UsageFile, latency_class
from training.catalogue.reader import read_catalogue

HERE = Path(__file__).parent
PATIENCE = 120_000
CATALOGUES = ("drawn:60", "drawn:20", "drawn:72")
"""Of three builds; the second one is refused, for it has too few items."""


def _build(catalogue: str, place: Path, cache: Path) -> None:
    """Build, whatever comes of it."""
    command = [sys.executable, "-m", "index", "build", "--catalogue", catalogue, "--cache", str(cache)]
    command += ["--out", str(place / "indexes"), "--golden", str(place / "golden.csv")]
    subprocess.run(command, stdout=sys.stderr)


def _golden(place: Path, cache: Path) -> None:
    """Write three golden queries, which find themselves."""
    items = read_catalogue(CATALOGUES[0], cache=cache).items
    with (place / "golden.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "item_id", "k"))
        writer.writerows((item.path, item.item_id, 5) for item in items[3:12:4])


def _searches(file: Path) -> None:
    """Play a month: more by day than by night, one hour with too many, and some that find nothing close."""
    now, dice, counts = time.time(), random.Random(1), Counter[tuple[int, str]]()
    last = int(now // HOUR)
    for hour in range(last - 24 * 30, last + 1):
        of_day = 1.2 + math.sin((hour % 24 - 9) / 12 * math.pi)
        answered = int(60 * of_day * dice.uniform(0.7, 1.3))
        counts.update((hour, latency_class(dice.lognormvariate(-2.6, 0.5))) for _ in range(answered))
        counts[hour, "judged"], counts[hour, "loose"] = answered, int(answered * dice.uniform(0, 0.1))
        counts[hour, "refused"] = int(answered * dice.uniform(0, 0.05))
    counts[last - 6, "busy"] = 40
    counts[last - 6, "refused"] += 40
    loose = [
        LooseQuery(
            "photo", dice.choice(("dress", "hat", "t-shirt")), dice.uniform(0.02, 0.2), 71.0, at=now - 900 * n
        )
        for n in range(5)
    ]
    UsageFile(file).add(counts, loose, now=now)


def _open(browser: Browser, url: str, key: str, **window: Any) -> Page:
    page = browser.new_page(**window)
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}/status")
    page.fill("#key", key)
    page.click("#entry button")
    expect(page.locator("#versions > li").first).to_be_visible()
    return page


def _save(page: Page, name: str, *, whole: bool = False) -> None:
    page.screenshot(path=HERE / name, full_page=whole)
    picture = Image.open(HERE / name).convert("RGB").quantize(96, dither=Image.Dither.NONE)
    picture.save(HERE / name, optimize=True)
    click.echo(f"docs/screenshots/{name}")


def _take(url: str, key: str) -> None:
    with chromium() as browser:
        phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
        page = _open(browser, url, key, color_scheme="dark", locale="de", **phone)
        page.wait_for_load_state("networkidle")
        _save(page, "status-phone.png")
        page = _open(browser, url, key, viewport={"width": 1100, "height": 1000})
        page.click("#versions > li:first-child button:has-text('What changed')")
        expect(page.locator(".pictures img[src]").first).to_be_visible()
        page.locator("#goldens button").last.click()
        expect(page.locator(".found")).to_have_count(2)
        page.locator("#compared").scroll_into_view_if_needed()
        expect(page.locator(".query img[src]")).to_be_visible()
        expect(page.locator(".found li:nth-child(8) img[src]")).to_have_count(2)
        page.locator("#builds").evaluate("list => list.closest('section').remove()")
        page.locator("#loose").evaluate("list => list.closest('section').remove()")
        page.evaluate("scrollTo(0, 0)")
        page.mouse.move(0, 0)
        _save(page, "status.png", whole=True)


@click.command()
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), show_default=True)
def main(cache: Path) -> None:
    """Take the pictures of the status page anew."""
    expect.set_options(timeout=PATIENCE)
    cache = cache.resolve()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        place = Path(folder)
        _golden(place, cache)
        for catalogue in CATALOGUES:
            _build(catalogue, place, cache)
        _searches(place / "usage.sqlite")
        key = add_key(place / "keys.json", "screenshots")
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {
            "INDEXES": place / "indexes",
            "KEYS": place / "keys.json",
            "QUERY_FOLDER": place / "queries",
        }
        settings |= {"USAGE_FILE": place / "usage.sqlite", "LOG_LEVEL": "error"}
        environment = {**os.environ, **{f"SILHOUETTE_{name}": str(value) for name, value in settings.items()}}
        command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                if process.stdout is None or "answers" not in process.stdout.readline():
                    raise click.ClickException("The service did not start; its log says why.")
                _take(f"http://127.0.0.1:{port}", key)
            finally:
                process.terminate()


if __name__ == "__main__":
    main()
