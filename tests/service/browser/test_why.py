"""Why a garment matched: both outlines, while one hovers, presses, holds, or keeps W down."""

import pytest


@pytest.fixture
def entry(screen):
    screen.upload()
    return screen.see("#results > li").nth(1)


@pytest.fixture
def outlines(entry):
    return entry.locator(".overlay img")


def test_the_button_shows_both_outlines_until_it_is_pressed_again(screen, entry, outlines, expect):
    button = entry.locator(".why")
    button.focus()
    screen.page.keyboard.press("Enter")
    expect(outlines).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(screen.see("#status")).to_contain_text("Both outlines")
    expect(screen.see("#status")).to_contain_text("Closer than 9")
    figure = entry.locator(".near").evaluate("near => getComputedStyle(near, '::after').content")
    assert figure.strip('"').startswith(" · 9")
    assert outlines.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    screen.page.keyboard.press("Enter")
    expect(outlines).to_be_hidden()


def test_hovering_the_button_shows_them_until_the_mouse_has_left(screen, entry, outlines, expect):
    entry.locator(".why").hover()
    expect(outlines).to_be_visible()
    screen.see("#found-title").hover()
    expect(outlines).to_be_hidden()


def test_holding_the_picture_shows_them_and_is_no_click(screen, entry, outlines, expect, on):
    screen.page.mouse.move(*on(entry.locator(".frame"), 0.5, 0.7))
    screen.page.mouse.down()
    expect(outlines).to_be_visible()
    address = screen.page.url
    screen.page.mouse.up()
    expect(outlines).to_be_hidden()
    assert screen.page.url == address


def test_w_shows_them_while_it_is_down(screen, entry, outlines, expect):
    entry.locator(".card").focus()
    screen.page.keyboard.down("w")
    expect(outlines).to_be_visible()
    screen.page.keyboard.up("w")
    expect(outlines).to_be_hidden()


def test_of_an_item_they_are_shown_too(screen, outlines, entry, expect):
    screen.sent(screen.see("#results .card").first.click, path="/similar")
    screen.see("#results .why").first.click()
    shown = screen.see("#results .overlay img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
