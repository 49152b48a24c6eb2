"""Narrow windows, dark ones, and what assistive technology is told."""

import pytest


def empty(screen, expect):
    screen.open()
    expect(screen.see("#example-list a")).to_have_count(8)


def results(screen, expect):
    screen.open().upload()
    expect(screen.see("#filters")).to_be_visible()
    if not screen.see("#filters").get_attribute("open") == "":
        screen.see("#filters summary").click()
    screen.see("#results .why").first.click()
    expect(screen.see(".overlay img").first).to_be_visible()


def adjusting(screen, expect):
    screen.open().upload()
    if screen.see("#adjust").is_visible():
        screen.see("#adjust").click()
    expect(screen.see("#box-nw")).to_be_visible()


def sketch(screen, expect):
    screen.open("/?kind=sketch")
    expect(screen.see("#pad")).to_be_visible()
    expect(screen.see("#filters")).to_be_visible()


def failure(screen, expect):
    screen.open("/?query=q_0000000000000000")
    expect(screen.see("#failure")).to_be_visible()


def filtered(screen, expect):
    screen.open("/?item=skirt/8&filter=%7B%22category%22:[%22skirt%22,%22shirt%22]%7D").found()
    expect(screen.see("#chosen button")).to_have_count(2)


def german(screen, expect):
    screen.page.set_extra_http_headers({"Accept-Language": "de"})
    sketch(screen, expect)


STATES = [empty, results, adjusting, sketch, failure, filtered, german]


@pytest.mark.parametrize("state", STATES)
def test_at_360_pixels_nothing_has_to_be_scrolled_sideways(look, expect, state):
    screen = look(width=360, height=740, touch=True)
    state(screen, expect)
    widths = screen.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths == [360, 360]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_axe_finds_no_violation_in_light_and_in_dark(look, expect, state, width):
    screen = look(width=width, touch=width == 360)
    state(screen, expect)
    for scheme in ("light", "dark"):
        screen.page.emulate_media(color_scheme=scheme)
        assert screen.violations() == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_moves_while_a_search_is_shown(look, expect, width):
    screen = look(width=width).count_shifts()
    empty(screen, expect)
    assert screen.shifts() == []
    screen.upload()
    assert screen.shifts() == []


def test_on_a_phone_picture_and_filters_stay_in_reach(look, expect):
    screen = look(width=360, height=740, touch=True).open().upload()
    expect(screen.see("#peek")).to_be_hidden()
    screen.see("#results .card").last.scroll_into_view_if_needed()
    expect(screen.see("#peek-image")).to_be_visible()
    assert screen.violations() == []
    screen.see("#to-filters").tap()
    expect(screen.see("#facets .pick").first).to_be_in_viewport()
    screen.see("#results .card").last.scroll_into_view_if_needed()
    screen.see("#peek").tap()
    expect(screen.see("#query-image")).to_be_in_viewport()
    expect(screen.see("#peek")).to_be_hidden()


def test_the_results_are_two_keys_away(screen, expect):
    screen.upload()
    screen.page.evaluate("document.activeElement.blur()")
    for key in ("Tab", "Enter"):
        screen.page.keyboard.press(key)
    expect(screen.see("#found")).to_be_focused()
    while not screen.page.evaluate("document.activeElement.matches('#results .card')"):
        screen.page.keyboard.press("Tab")
        assert not screen.page.evaluate("document.activeElement.closest('.side')")


def test_a_phone_is_asked_for_its_camera(look, expect):
    screen = look(width=360, height=740, touch=True).open()
    with screen.page.expect_file_chooser() as chooser:
        screen.see("#shoot").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(screen.photo)
    screen.found()


def test_on_a_desktop_no_camera_is_offered(screen, expect):
    expect(screen.see("#sketch")).to_be_visible()
    expect(screen.see("#shoot")).to_be_hidden()


def test_the_whole_way_to_a_result_can_be_gone_by_keyboard(screen, expect):
    press = screen.page.keyboard.press
    expect(screen.see("#example-list a")).to_have_count(8)
    press("Tab")
    expect(screen.see(".skip")).to_be_focused()
    press("Enter")
    screen.tab_to("#example-list a")
    screen.sent(lambda: press("Enter"), path="/similar")
    expect(screen.see("#main")).to_be_focused()
    screen.tab_to("#results .card")
    screen.sent(lambda: press("Enter"), path="/similar")


def test_photo_filters_reasons_further_results_and_a_sketch_are_reached_by_keyboard(screen, expect):
    press = screen.page.keyboard.press
    expect(screen.see("#example-list a")).to_have_count(8)
    screen.tab_to("#drop")
    with screen.page.expect_file_chooser() as chooser:
        screen.see(":focus").press("Enter")
    screen.sent(lambda: chooser.value.set_files(screen.photo))
    expect(screen.see("#facets .pick").first).to_be_visible()
    screen.tab_to("#facets .pick input")
    screen.sent(lambda: press("Space"))
    assert screen.page.evaluate("document.activeElement.checked")
    screen.tab_to("#chosen button")
    screen.sent(lambda: press("Enter"))
    screen.tab_to("#results .card")
    screen.page.keyboard.down("w")
    expect(screen.see("#results li:first-child .overlay img")).to_be_visible()
    screen.page.keyboard.up("w")
    late = screen.held("**/v1/search")  # else those that come by scrolling may be there before the key
    screen.tab_to("#more")
    press("Enter")
    while not late:
        screen.page.wait_for_timeout(50)
    screen.let_go(late)
    expect(screen.see("#results .card").nth(5)).to_be_focused()
    screen.page.keyboard.press("Home")
    while not screen.page.evaluate("document.activeElement.matches('#sketch-again')"):
        press("Shift+Tab")
    press("Enter")
    screen.tab_to("#starts .start")
    screen.sent(lambda: press("Enter"))
    expect(screen.see("#query-title")).to_have_text("Your sketch")
