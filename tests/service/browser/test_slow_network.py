"""A slow network: what the page says meanwhile, that nothing jumps, and that the last photo counts."""

import re

import pytest

SEARCH = "**/v1/search"


@pytest.mark.parametrize("window", [{}, {"width": 360, "height": 740, "touch": True, "dark": True}])
def test_while_an_answer_is_awaited_the_page_says_that_it_searches_and_nothing_jumps(look, expect, window):
    screen = look(**window).count_shifts().open()
    expect(screen.see("#example-list a")).to_have_count(8)
    late = screen.held(re.compile(r"/v1/search|/image\?"))
    screen.page.set_input_files("#file", screen.photo)
    expect(screen.see("#query-image")).to_be_visible()
    expect(screen.see("#summary")).to_have_text("Looking…")
    expect(screen.see("#status")).to_have_text("Searching")
    expect(screen.see(".progress")).to_be_visible()
    expect(screen.see("#results .blank")).to_have_count(8)
    expect(screen.see("#results")).to_have_attribute("aria-busy", "true")
    assert screen.violations() == []
    late.pop(0).continue_()
    screen.found()
    expect(screen.see(".progress")).to_be_hidden()
    screen.let_go(late)
    expect(screen.see("#results img").first).not_to_have_js_property("naturalWidth", 0)
    assert screen.shifts() == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_jumps_where_an_answer_comes_before_what_it_can_be_filtered_by(look, expect, width):
    screen = look(width=width).count_shifts().open().upload()
    late = screen.held("**/v1/index")
    screen.page.reload()
    screen.answered()
    screen.let_go(late)
    expect(screen.see("#filters")).to_be_visible()
    assert screen.shifts() == []


def test_a_second_photo_replaces_the_first_that_is_still_awaited(screen, expect, tmp_path):
    late = screen.held(SEARCH)
    screen.page.set_input_files("#file", screen.photo)
    expect(screen.see("#summary")).to_have_text("Looking…")
    first = screen.see("#query-image").get_attribute("src")
    screen.page.set_input_files("#file", screen.shop.folder / "8.jpg")
    expect(screen.see("#query-image")).not_to_have_attribute("src", first)
    screen.let_go(reversed(late))
    screen.found()
    assert screen.items()[0].endswith("/8")
    screen.page.go_back()
    screen.found()
    assert screen.items()[0].endswith("/3")


def test_the_answer_before_stays_until_the_next_one_comes_and_is_said_to_be_renewed(screen, expect):
    screen.upload()
    expect(screen.see("#facets .pick").first).to_be_visible()
    before = screen.items()
    late = screen.held(SEARCH)
    screen.see("#facets .pick").first.click()
    expect(screen.see("#results")).to_have_attribute("aria-busy", "true")
    expect(screen.see(".progress")).to_be_visible()
    assert screen.items() == before
    screen.let_go(late)
    screen.found()
    assert screen.items() != before
