"""The drawing pad: searching as one draws, undo, clear, back."""

from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
from PIL import Image

SHIRT = [(0.4, 0.2), (0.6, 0.2), (0.9, 0.4), (0.8, 0.5), (0.65, 0.4), (0.65, 0.8), (0.35, 0.8), (0.35, 0.4)]
SHIRT += [(0.2, 0.5), (0.1, 0.4), (0.4, 0.2)]


@pytest.fixture
def pad(screen, expect):
    """The empty pad; the time of the page stands still but for `rest`."""
    screen.page.clock.install(time=datetime(2026, 11, 21, 9, tzinfo=UTC))
    screen.page.clock.pause_at(datetime(2026, 11, 21, 10, tzinfo=UTC))
    screen.see("#sketch").click()
    expect(screen.see("#pad")).to_be_visible()
    expect(screen.see("#pending")).to_be_visible()
    return screen.see("#pad")


@pytest.fixture
def rest(screen):
    """Let the hand rest, until is searched."""
    return lambda: screen.sent(lambda: screen.page.clock.run_for(300))[1]


@pytest.fixture
def draw(screen, pad, on, rest):
    """Draw a stroke and let the hand rest; returns the answer."""

    def stroke(points):
        screen.drag(*[on(pad, *point) for point in points])
        return rest()

    return stroke


@pytest.fixture
def kept(shop):
    """Return the drawing that was sent, as the service keeps it: uint8 (500, 400)."""

    def drawing(answer):
        return np.asarray(Image.open(shop.folder / "cache" / "queries" / answer["query_id"]).convert("L"))

    return drawing


def scores(shop, picture, kind):
    """The scores of a picture's results, searched with as one kind or the other."""
    files = {"file": picture.read_bytes()}
    answer = httpx.post(f"{shop.url}/v1/search", files=files, data={"kind": kind}, timeout=120)
    return [result["score"] for result in answer.json()["results"]]


def test_a_stroke_is_searched_with_when_the_hand_rests(screen, draw, kept, expect):
    expect(screen.see(".invitation")).to_be_visible()
    answer = draw(SHIRT)
    picture = screen.shop.folder / "cache" / "queries" / answer["query_id"]
    sketch, photo = (scores(screen.shop, picture, kind) for kind in ("sketch", "photo"))
    assert [result["score"] for result in answer["results"]] == sketch != photo
    assert "kind=sketch" in answer["results"][0]["explain_url"]
    drawing = kept(answer)
    assert drawing.shape == (500, 400)
    assert drawing[0, 0] == 255
    assert drawing.min() < 60
    assert 0.005 < (drawing < 128).mean() < 0.1
    assert screen.items() == [result["item_id"] for result in answer["results"]]
    expect(screen.see("#query-title")).to_have_text("Your sketch")
    expect(screen.see(".invitation")).to_be_hidden()
    assert "kind=sketch" in screen.page.url
    assert "query=q_" in screen.page.url


def test_a_pause_within_a_stroke_is_enough(screen, pad, rest, on, kept):
    screen.page.mouse.move(*on(pad, 0.2, 0.2))
    screen.page.mouse.down()
    screen.page.mouse.move(*on(pad, 0.8, 0.2), steps=5)
    assert (kept(rest()) < 128).any()
    screen.page.mouse.move(*on(pad, 0.8, 0.8), steps=5)
    screen.page.mouse.up()
    assert (kept(rest())[350:] < 128).any()


def test_undo_takes_the_last_stroke_back_and_clear_all(screen, draw, rest, kept, expect):
    draw(SHIRT)
    two = draw([(0.2, 0.9), (0.8, 0.9), (0.8, 0.95)])
    screen.see("#undo").click()
    one = rest()
    assert (kept(two)[-60:] < 128).any()
    assert not (kept(one)[-60:] < 128).any()
    screen.see("#clear").click()
    screen.page.clock.run_for(300)
    expect(screen.see("#pending")).to_be_visible()
    expect(screen.see("#results .card")).to_have_count(0)
    expect(screen.see("#clear")).to_be_disabled()
    screen.page.keyboard.press("Control+z")
    rest()
    expect(screen.see("#clear")).to_be_enabled()


def test_back_to_paper_that_was_cleared_finds_it_empty(screen, draw, expect):
    draw(SHIRT)
    screen.see("#clear").click()
    screen.page.clock.run_for(300)
    expect(screen.see("#pending")).to_be_visible()
    screen.upload()
    screen.page.go_back()
    expect(screen.see("#pending")).to_be_visible()
    expect(screen.see("#clear")).to_be_disabled()
    assert screen.items() == []


def test_a_sketch_can_start_from_an_outline_which_undo_takes_back(screen, pad, rest, expect):
    empty = pad.screenshot()
    screen.page.get_by_role("button", name="Trousers").click()
    assert rest()["results"][0]["metadata"]["category"] == "pants"
    assert pad.screenshot() != empty
    screen.see("#undo").click()
    screen.page.clock.run_for(300)
    expect(screen.see("#pending")).to_be_visible()
    assert pad.screenshot() == empty


def test_going_back_from_an_item_brings_the_drawing_back(screen, pad, draw, kept, expect):
    first = draw(SHIRT)
    before, shown = screen.items(), pad.screenshot()
    screen.sent(screen.see("#results .card").first.click, path="/similar")
    screen.page.go_back()
    expect(screen.see("#query-title")).to_have_text("Your sketch")
    assert screen.items() == before and pad.screenshot() == shown
    _, again = screen.sent(screen.page.reload)
    assert (kept(again) == kept(first)).all()
    assert screen.items() == before
    assert pad.screenshot() == shown


def test_a_sketch_can_be_started_from_results(screen, expect):
    screen.upload()
    screen.see("#sketch-again").click()
    expect(screen.see("#pad")).to_be_visible()
    expect(screen.see("#picture")).to_be_hidden()
    expect(screen.see("#results .card")).to_have_count(0)
