"""Several garments in a photo: chips and outlines to choose from, kept in the address, overruled by a box."""

import base64
import json
import urllib.request

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw
from scipy.ndimage import distance_transform_edt

from training.drawing.worn import figure
from training.photo.garment_types import TYPES

PEOPLE = 60
PRESSED = "#garments [aria-pressed=true]"
SEARCHED = "#outlines .searched"
SQUARE = [[[0.1, 0.1], [0.4, 0.1], [0.4, 0.4], [0.1, 0.4]]]


def understood(shop, path):
    body = json.dumps({"image_base64": base64.b64encode(path.read_bytes()).decode()}).encode()
    request = urllib.request.Request(
        f"{shop.url}/v1/search", body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["query"]


@pytest.fixture(scope="module")
def outfit(shop):
    """Photograph of the first drawn person on whom the network finds several garments."""
    for number in range(PEOPLE):
        path = shop.folder / f"person-{number}.png"
        Image.fromarray(figure(np.random.default_rng(number))[0]).save(path)
        if len(understood(shop, path)["garments"]) > 1:
            return path
    raise AssertionError(f"Of {PEOPLE} drawn people the network finds several garments on none.")


def deepest(outline, side=400):
    """The point of a garment that is farthest from its outline, in fractions of the picture."""
    mask = Image.new("1", (side, side))
    for corners in outline:
        part = Image.new("1", (side, side))
        ImageDraw.Draw(part).polygon([(x * side, y * side) for x, y in corners], fill=1)
        mask = ImageChops.logical_xor(mask, part)
    depths = distance_transform_edt(np.asarray(mask))
    row, column = np.unravel_index(depths.argmax(), depths.shape)
    return (column + 0.5) / side, (row + 0.5) / side


@pytest.fixture
def worn(screen, outfit):
    """Search with the person; what was found on them."""
    _, answer = screen.sent(lambda: screen.page.set_input_files("#file", outfit))
    return answer["query"]["garments"]


def chip(screen, number):
    return screen.see("#garments button").nth(number)


def sent(request):
    return json.loads(request.post_data)


def choosing(screen, number):
    """Tap a chip; return what was sent, and what was answered."""
    request, answer = screen.sent(chip(screen, number).click)
    return sent(request), answer


def found_instead(screen, garments, **query):
    """Search with a photo in which the service finds other garments than it does."""

    def other(route):
        answer = route.fetch()
        body = answer.json()
        body["query"] |= {"garments": garments, "garment": 0 if garments else None, **query}
        route.fulfill(response=answer, json=body)

    screen.page.unroute_all()
    screen.upload()
    screen.page.route("**/v1/search", other)
    screen.sent(screen.page.reload)  # by its `query_id`: an upload can't be intercepted


def of_type(kind):
    return {
        "type": kind,
        "box": [0.1, 0.1, 0.4, 0.4],
        "outline": SQUARE,
        "confidence": 0.9,
        "worn": True,
    }


def test_each_garment_that_was_found_has_a_chip_and_an_outline_and_the_main_one_is_marked(
    screen, worn, expect
):
    expect(screen.see("#garments button")).to_have_count(len(worn))
    expect(screen.see("#outlines path")).to_have_count(len(worn))
    expect(chip(screen, 0)).to_have_attribute("aria-pressed", "true")
    expect(screen.see(PRESSED)).to_have_count(1)
    expect(screen.see("#outlines path").first).to_have_class("searched")
    expect(screen.see(SEARCHED)).to_have_count(1)


def test_an_outline_lies_on_its_garment(screen, worn):
    picture = screen.see("#picture").bounding_box()
    for number, garment in enumerate(worn):
        left, top, right, bottom = garment["box"]
        place = screen.see("#outlines path").nth(number).evaluate("path => path.getBoundingClientRect()")
        expected = [picture["x"] + left * picture["width"], picture["y"] + top * picture["height"]]
        assert [place["left"], place["top"]] == pytest.approx(expected, abs=8)
        size = [(right - left) * picture["width"], (bottom - top) * picture["height"]]
        assert [place["width"], place["height"]] == pytest.approx(size, abs=12)


def test_a_chip_searches_with_its_garment_and_keeps_filters_and_starts_at_the_first_page(
    screen, worn, expect
):
    expect(screen.see("#filters")).to_be_visible()
    screen.sent(screen.see("#facets .pick").first.click)
    kept = json.loads(screen.page.evaluate("new URLSearchParams(location.search).get('filter')"))
    body, answer = choosing(screen, 1)
    assert (body["garment"], body.get("offset", 0), body["filter"]) == (1, 0, kept)
    assert "query_id" in body and "box" not in body
    assert answer["query"]["garment"] == 1
    assert screen.items() == [result["item_id"] for result in answer["results"]]
    expect(chip(screen, 1)).to_have_attribute("aria-pressed", "true")
    expect(screen.see(PRESSED)).to_have_count(1)
    expect(screen.see("#outlines path:nth-child(2).searched")).to_have_count(1)
    expect(screen.see("#reset")).to_be_hidden()
    assert "garment=1" in screen.page.url


def test_more_results_are_those_of_the_chosen_garment(screen, worn):
    choosing(screen, 1)
    request, _ = screen.sent(lambda: screen.see("#more").dispatch_event("click"), further=True)
    assert (sent(request)["garment"], sent(request)["offset"]) == (1, len(screen.items()) // 2)


@pytest.mark.parametrize("window", [{}, {"width": 360, "height": 740, "touch": True}])
def test_a_tap_on_an_outline_searches_with_its_garment(look, outfit, expect, on, window):
    screen = look(**window).open()
    _, answer = screen.sent(lambda: screen.page.set_input_files("#file", outfit))
    point = on(screen.see("#picture"), *deepest(answer["query"]["garments"][1]["outline"]))
    press = screen.page.touchscreen.tap if window else screen.page.mouse.click
    request, _ = screen.sent(lambda: press(*point))
    assert sent(request)["garment"] == 1 and "box" not in sent(request)
    expect(chip(screen, 1)).to_have_attribute("aria-pressed", "true")


def test_a_tap_on_the_garment_that_is_searched_with_or_beside_all_searches_with_nothing(screen, expect, on):
    found_instead(screen, [of_type("upper"), of_type("bag")])
    asked = screen.searches()
    screen.page.mouse.click(*on(screen.see("#picture"), 0.25, 0.25))
    screen.page.mouse.click(*on(screen.see("#picture"), 0.8, 0.8))
    chip(screen, 0).click()
    assert asked == []
    expect(chip(screen, 0)).to_have_attribute("aria-pressed", "true")


def test_a_garment_is_chosen_by_keyboard_and_its_chip_keeps_the_focus(screen, worn, expect):
    chip(screen, 0).focus()
    screen.page.keyboard.press("Tab")
    expect(chip(screen, 1)).to_be_focused()
    expect(screen.see("#outlines path").nth(1)).to_have_class("meant")
    request, _ = screen.sent(lambda: screen.page.keyboard.press("Enter"))
    assert sent(request)["garment"] == 1
    expect(chip(screen, 1)).to_be_focused()


def test_reload_shows_the_same_garment_and_back_the_one_before(screen, worn, expect):
    first = screen.items()
    choosing(screen, 1)
    second = screen.items()
    request, _ = screen.sent(screen.page.reload)
    assert sent(request)["garment"] == 1 and screen.items() == second
    expect(chip(screen, 1)).to_have_attribute("aria-pressed", "true")
    screen.sent(screen.page.go_back)
    assert screen.items() == first
    expect(chip(screen, 0)).to_have_attribute("aria-pressed", "true")
    screen.page.go_forward()
    expect(chip(screen, 1)).to_have_attribute("aria-pressed", "true")
    assert screen.items() == second


def test_a_box_unmarks_all_chips_and_a_chip_drops_the_box(screen, worn, expect, on):
    choosing(screen, 1)
    picture = screen.see("#picture")
    boxed = lambda: screen.drag(on(picture, 0.02, 0.02), on(picture, 0.9, 0.3))  # noqa: E731
    request, _ = screen.sent(boxed)
    assert "garment" not in sent(request)
    assert "garment=" not in screen.page.url and "box=" in screen.page.url
    for reloaded in (False, True):
        if reloaded:
            screen.sent(screen.page.reload)
        expect(screen.see("#garments button")).to_have_count(len(worn))
        expect(screen.see("#outlines path")).to_have_count(len(worn))
        expect(screen.see(PRESSED)).to_have_count(0)
        expect(screen.see(SEARCHED)).to_have_count(0)
    body, _ = choosing(screen, 0)
    assert body["garment"] == 0 and "box" not in body
    expect(chip(screen, 0)).to_have_attribute("aria-pressed", "true")
    assert "box=" not in screen.page.url


def test_a_garment_alone_has_no_chip(screen, expect):
    found_instead(screen, [of_type("dress")])
    expect(screen.see("#outlines path")).to_have_count(1)
    expect(screen.see("#garments")).to_be_hidden()


def test_the_chips_of_a_photo_are_gone_with_it(screen, worn, expect):
    screen.sent(screen.see("#results .card").first.click, path="/similar")
    expect(screen.see("#garments")).to_be_hidden()
    expect(screen.see("#outlines path")).to_have_count(0)


def test_a_chip_names_its_garment_in_words_and_numbers_those_of_one_type(screen, expect):
    found_instead(screen, [of_type(kind) for kind in ("outer", "upper", "trousers", "upper", "hat")])
    names = ["Coat or jacket", "Top 1", "Trousers", "Top 2", "Hat"]
    expect(screen.see("#garments button")).to_have_text(names)


def test_several_garments_raise_no_alarm_and_an_uncertain_outline_is_said_in_words(screen, expect):
    found_instead(screen, [of_type("upper"), of_type("bag")], warnings=["several_garments"])
    expect(screen.see("#garments button")).to_have_count(2)
    expect(screen.see("#warning")).to_be_hidden()
    warnings = ["several_garments", "cutout_uncertain"]
    found_instead(screen, [of_type("upper"), of_type("bag")], warnings=warnings)
    expect(screen.see("#warning")).to_be_visible()
    expect(screen.see("#warning")).to_contain_text("outline of the garment is uncertain")


@pytest.mark.parametrize("window", [{}, {"width": 360, "height": 740, "touch": True, "dark": True}])
def test_chips_of_all_types_fit_the_window_and_axe_finds_no_violation(look, expect, window):
    screen = look(**window).open()
    found_instead(screen, [of_type(kind) for kind in TYPES])
    expect(screen.see("#garments button")).to_have_count(len(TYPES))
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert screen.page.evaluate(overflow) <= 0
    assert screen.violations() == []
