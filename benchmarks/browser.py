"""The system's Chromium: pages are measured, photographed and tested with it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import click
from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""By preference: the first one has no windows, and takes half the time."""


def program() -> str | None:
    """Return the path of Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium for the length of the block.

    Raises
    ------
    click.ClickException
        There is none.
    """
    path = program()
    if path is None:
        raise click.ClickException("Chromium is needed. Install it, on Debian with: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
