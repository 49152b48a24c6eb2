"""The status page over a history: two versions, a refused build, a day of searches."""

import random
import re
import shutil
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from index.build_notes import noting
from index.errors import GateFailed
from index.manifest import read_manifest, write_manifest
from index.stores.folder.items import Items
from index.stores.folder.publish import list_versions
from index.stores.folder.version import ITEMS
from service.http.keys import add_key
from service.http.usage_file import HOUR, LooseQuery, UsageFile, latency_class

OLD = "2026-01-05T02-00-00Z"


def searches(file):
    """A day of searches, of which one hour has no end of refusals, and a query that found nothing close."""
    now, seconds, counts = time.time(), random.Random(0), Counter()
    for hour in range(int(now // HOUR) - 20, int(now // HOUR)):
        for _ in range(10):
            counts[hour, latency_class(seconds.uniform(0.02, 0.3))] += 1
        counts[hour, "judged"], counts[hour, "loose"] = 10, 1
    counts[int(now // HOUR) - 3, "refused"] = counts[int(now // HOUR) - 3, "busy"] = 50
    UsageFile(file).add(counts, [LooseQuery("photo", "<b>hat</b>", 0.1, 61.0, at=now - 60)], now=now)


@pytest.fixture(scope="module")
def history(serve, garments, note_build):
    """A service with a history; `history.key` opens it, `history.new` is the version in use."""
    served = serve(workers=1)
    indexes = served.folder / "indexes"
    (new,) = list_versions(indexes)
    shutil.copytree(indexes / new, indexes / OLD)
    write_manifest(indexes / OLD, replace(read_manifest(indexes / OLD), version=OLD))
    ids = tuple(Items.open(indexes / new / ITEMS).ids())
    note_build(
        indexes,
        garments,
        version=new,
        since=OLD,
        first={"new": ids[:2], "changed": (), "removed": ids[2:3]},
        skipped=[("<i>bad</i>", "/nowhere.jpg", "file not found")],
        golden={"image": str(garments / "3.jpg"), "k": 3, "item_ids": [ids[3]], "missing": []},
    )
    with pytest.raises(GateFailed), noting(indexes, catalogue="drawn", encoder=served.folder):
        raise GateFailed("Checks that failed: 1.\nitems (15 after 60)")
    searches(served.folder / "cache" / "usage.sqlite")
    key = add_key(served.folder / "keys.json", "tests")
    return SimpleNamespace(url=served.url, folder=served.folder, key=key, new=new, indexes=indexes)


@pytest.fixture
def shop(history):
    """The service that `look` opens windows of."""
    return history


@pytest.fixture
def board(look, history, expect):
    """Open the page with its key; the test fails where the browser had an error to report."""
    screens = []

    def open_board(**window):
        screen = look(**window).open("/status")
        screens.append(screen)
        screen.page.fill("#key", history.key)
        screen.page.keyboard.press("Enter")
        expect(screen.see("#tiles li")).to_have_count(7)
        return screen

    yield open_board
    for screen in screens:
        assert screen.complaints == []


def version(screen, name):
    return screen.see("#versions > li").filter(has_text=name).first


def test_the_page_asks_for_a_key_and_keeps_it_out_of_addresses(look, history, expect):
    screen = look()
    asked = []
    screen.page.on("request", lambda request: asked.append(request.url))
    screen.open("/status")
    expect(screen.see("#board")).to_be_hidden()
    screen.page.fill("#key", "sk_wrong")
    screen.see("#entry button").click()
    expect(screen.see("#wrong")).to_contain_text("not known")
    assert screen.violations() == []
    screen.page.fill("#key", history.key)
    screen.see("#entry button").click()
    expect(screen.see("#board")).to_be_visible()
    screen.page.reload()
    expect(screen.see("#board")).to_be_visible()
    screen.see("#leave").click()
    expect(screen.see("#entry")).to_be_visible()
    assert screen.see("#tiles li").count() == 0
    assert asked and not any(history.key in url for url in [*asked, screen.page.url])


def test_it_shows_how_the_service_is_doing(board, history, expect):
    screen = board()
    tiles = screen.see("#tiles").inner_text()
    assert "250\nsearches in 24 hours" in tiles and "20 %\nof them refused" in tiles
    assert "refused\nlast build" in tiles and "10 %\nfound nothing close" in tiles
    first = screen.see("#charts svg").first
    expect(first).to_have_attribute("aria-label", "Searches an hour. 250 in all, 50 of them refused")
    assert (
        first.locator("rect.second").evaluate_all(
            "bars => Math.max(...bars.map((bar) => bar.getBBox().height))"
        )
        > 10
    )
    screen.see("[data-span=month]").click()
    expect(screen.see("#charts figcaption").first).to_contain_text("Searches a day")
    screen.see("#figures").locator("xpath=..").locator("summary").click()
    expect(screen.see("#figures tbody tr")).to_have_count(30)
    assert screen.violations() == []
    refused = screen.see("#builds > li").first
    expect(refused).to_contain_text("items (15 after 60)")
    expect(screen.see("#loose > li").first).to_contain_text("looks like <b>hat</b>")


def test_a_browser_that_prefers_german_has_it_in_german(board, history, expect):
    screen = board(locale="de-AT")
    expect(screen.see("html")).to_have_attribute("lang", "de")
    screen.see("#goldens button").click()
    expect(screen.see("#compared")).to_contain_text("Von den ersten")
    version(screen, history.new).get_by_role("button", name="Was sich geändert hat").click()
    expect(screen.see("#versions h4").first).to_have_text("2 neu")
    charts = screen.see("#charts").inner_html()
    assert "Suchen pro Stunde. 250 insgesamt" in charts
    shown = screen.page.evaluate("document.body.innerText") + charts
    assert re.findall(r"\b(the|of|ago|searches|undefined|null|photograph)\b", shown, re.IGNORECASE) == []
    screen.see("#leave").click()
    screen.page.fill("#key", "sk_wrong")
    screen.page.keyboard.press("Enter")
    expect(screen.see("#wrong")).to_have_text("Dieser Schlüssel ist nicht bekannt.")
    screen.complaints.clear()  # the browser logs the refusal


def test_what_a_build_changed_is_shown_with_pictures(board, history, expect):
    screen = board()
    row = version(screen, history.new)
    row.get_by_role("button", name="What changed").click()
    for heading, count in (("2 new", 2), ("1 gone", 1), ("1 skipped", 1)):
        expect(row.locator("h4", has_text=heading).locator("+ ul > li")).to_have_count(count)
    row.locator(".pictures").last.scroll_into_view_if_needed()
    expect(row.locator(".pictures img[src^=blob]")).to_have_count(3)
    expect(row).to_contain_text("<i>bad</i> file not found")


def test_a_version_is_gone_back_to_and_over_to(board, history, expect):
    screen = board()

    def expect_in_use(name):
        expect(screen.see("#versions .badge.good").locator("..")).to_have_text(f"{name}in use")
        assert (history.indexes / "current").read_text().strip() == name

    screen.see("#back").click()
    screen.see("#no").click()
    expect_in_use(history.new)
    screen.see("#back").click()
    screen.see("#yes").click()
    expect(screen.see("#back")).to_be_hidden()
    expect_in_use(OLD)
    version(screen, history.new).get_by_role("button", name="Activate").click()
    screen.see("#yes").click()
    expect(screen.see("#back")).to_be_visible()
    expect_in_use(history.new)


def test_two_versions_are_compared_by_a_golden_query_and_by_a_photograph(board, garments, expect):
    screen = board()
    screen.see("#all").click()
    expect(screen.see("#goldens")).to_contain_text("3.jpg: the same results")
    screen.see("#goldens button").click()
    expect(screen.see(".found")).to_have_count(2)
    expect(screen.see(".found .wanted")).to_have_count(2)
    screen.page.set_input_files("#photo", garments / "5.jpg")
    expect(screen.see("#compared")).to_contain_text("the same results")
    expect(screen.see(".found .wanted")).to_have_count(0)
    expect(screen.see(".found img[src^=blob]").first).to_be_visible()
    screen.hand_over("drop", b"no picture")
    expect(screen.see("#compared .wrong")).to_be_visible()
    screen.complaints.clear()  # the browser logs the refusal


def test_the_older_of_two_versions_stands_first(board, history, expect):
    screen = board()

    def expect_in_order():
        expect(screen.see("#before")).to_have_value(OLD)
        expect(screen.see("#after")).to_have_value(history.new)

    expect_in_order()
    screen.see("#before").select_option(history.new)
    version(screen, OLD).get_by_role("button", name="Compare").click()
    expect_in_order()


def test_all_of_it_is_reached_by_keyboard(board, history, garments, expect):
    screen = board()
    press = screen.page.keyboard.press
    screen.tab_to("[data-span=month]")
    press("Enter")
    expect(screen.see("#charts figcaption").first).to_contain_text("Searches a day")
    screen.tab_to("#back")
    press("Enter")
    expect(screen.see("#ask")).to_be_visible()
    press("Escape")
    expect(screen.see("#back")).to_be_focused()
    screen.tab_to("#versions [aria-expanded]")
    press("Enter")
    expect(screen.see("#versions .pictures")).to_have_count(3)
    screen.tab_to("#choose")
    with screen.page.expect_file_chooser() as chooser:
        screen.see(":focus").press("Enter")
    chooser.value.set_files(garments / "5.jpg")
    expect(screen.see(".found")).to_have_count(2)
    screen.tab_to("#goldens button")
    press("Enter")
    expect(screen.see(".found .wanted")).to_have_count(2)


@pytest.mark.parametrize("dark", [False, True])
def test_in_three_widths_all_fits_and_axe_finds_no_violation(board, history, expect, dark):
    screen = board(dark=dark)
    screen.see("#goldens button").click()
    expect(screen.see(".found")).to_have_count(2)
    version(screen, history.new).get_by_role("button", name="What changed").click()
    expect(screen.see(".pictures")).to_have_count(3)
    screen.see("#back").click()
    assert screen.violations() == []
    screen.page.keyboard.press("Escape")
    for width in (1280, 768, 360):
        screen.page.set_viewport_size({"width": width, "height": 740})
        assert screen.page.evaluate("document.documentElement.scrollWidth") == width
        assert screen.violations() == []


def test_without_a_key_the_page_says_that_it_is_off(look, history, expect):
    keys = history.folder / "keys.json"
    text = keys.read_text()
    keys.write_text("{}")
    screen = look().open("/status")
    expect(screen.see("main")).to_contain_text("python -m service keys add NAME")
    assert screen.violations() == []
    keys.write_text(text)
