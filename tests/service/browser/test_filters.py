"""Filters from the metadata: chips, from and to; and duplicates."""

import json
from functools import partial

import pytest


def sent_filter(request):
    return json.loads(request.post_data).get("filter")


@pytest.fixture
def results(screen, expect):
    screen.upload()
    expect(screen.see("#filters")).to_be_visible()
    return screen


def test_a_chip_leaves_only_garments_of_its_category(results, expect):
    chip = results.see("#facets .pick").filter(has_text="Shirt").first
    value = json.loads(chip.locator("input").get_attribute("value"))
    request, answer = results.sent(chip.click)
    assert sent_filter(request) == {"category": [value]}
    assert {result["metadata"]["category"] for result in answer["results"]} == {value}
    expect(results.see("#filter-count")).to_have_text("1")
    results.page.reload()
    results.found()
    expect(chip.locator("input")).to_be_checked()
    assert results.items() == [result["item_id"] for result in answer["results"]]


def test_from_and_to_leave_only_numbers_between_them(results):
    request, _ = results.sent(lambda: results.see("#facets .bound input").first.fill("12"))
    assert sent_filter(request) == {"price": {"gte": 12}}
    request, answer = results.sent(lambda: results.see("#facets .bound input").last.fill("14"))
    assert sent_filter(request) == {"price": {"gte": 12, "lte": 14}}
    assert answer["total"] == 3


def test_filters_that_nothing_passes_can_be_taken_away(results, expect):
    before = results.items()
    results.see("#facets .bound input").first.fill("9999")
    expect(results.see("#nothing")).to_be_visible()
    expect(results.see("#nothing")).to_contain_text("No garment in the catalogue passes these filters.")
    assert results.violations() == []
    results.sent(results.see("#unfilter").click)
    assert results.items() == before
    expect(results.see("#clear-filters")).to_be_hidden()


def test_back_takes_a_filter_away(results, expect):
    before = results.items()
    chip = results.see("#facets .pick").first
    results.sent(chip.click)
    results.page.go_back()
    expect(chip.locator("input")).not_to_be_checked()
    assert results.items() == before


def test_filters_stay_from_item_to_item(results):
    results.sent(lambda: results.see("#facets .bound input").first.fill("12"))
    request, _ = results.sent(results.see("#results .card").first.click, path="/similar")
    assert "filter=" in request.url
    assert "filter=" in results.page.url


def test_chips_above_the_results_say_what_is_set_and_take_it_away(results, expect):
    chips = results.see("#chosen button")
    expect(results.see("#chosen")).to_be_hidden()
    kinds = results.see("#facets .pick").all_text_contents()[:2]
    for place in range(2):
        results.sent(results.see("#facets .pick").nth(place).click)
    results.sent(lambda: results.see("#facets .bound input").first.fill("12"))
    expect(chips).to_have_text([*kinds, "Price from 12"])
    request, _ = results.sent(chips.first.click)
    left = {"category": [kinds[1].lower()]}
    assert sent_filter(request) == {**left, "price": {"gte": 12}}
    request, _ = results.sent(chips.last.click)
    assert sent_filter(request) == left
    results.page.keyboard.press("Tab")
    expect(chips).to_be_focused()
    request, _ = results.sent(lambda: results.page.keyboard.press("Enter"))
    assert sent_filter(request) is None


def test_what_a_garment_looks_like_is_a_button_that_filters(results, expect):
    guess = results.see("#category")
    category = guess.text_content().lower()
    request, answer = results.sent(guess.click)
    assert sent_filter(request) == {"category": [category]}
    assert {result["metadata"]["category"] for result in answer["results"]} == {category}
    expect(guess).to_have_attribute("aria-pressed", "true")
    request, _ = results.sent(guess.click)
    assert sent_filter(request) is None


def test_filters_stay_for_a_new_photo_and_that_is_said(results, expect):
    results.sent(lambda: results.see("#facets .bound input").first.fill("12"))
    _, answer = results.sent(lambda: results.page.set_input_files("#file", results.photo))
    assert {result["metadata"]["price"] >= 12 for result in answer["results"]} == {True}
    expect(results.see("#carried")).to_have_text("Your filters still apply.")
    results.sent(results.see("#chosen button").click)
    expect(results.see("#carried")).to_be_hidden()


def test_filters_that_a_new_photo_cannot_meet_are_taken_away_and_that_is_said(results, expect):
    results.see("#facets .bound input").first.fill("9999")
    expect(results.see("#nothing")).to_be_visible()
    results.page.set_input_files("#file", results.photo)
    expect(results.see("#carried")).to_have_text(
        "Filters that don't fit this picture were taken away: Price."
    )
    results.found()
    expect(results.see("#chosen")).to_be_hidden()
    assert "filter=" not in results.page.url


def test_duplicates_are_shown_once_unless_asked_for_where_there_are_any(look, expect):
    screen = look()

    def with_duplicates(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "duplicates": 2})

    screen.page.route("**/v1/index", with_duplicates)
    request, _ = screen.open().sent(lambda: screen.page.set_input_files("#file", screen.photo))
    assert b'name="collapse_duplicates"\r\n\r\ntrue' in request.post_data_buffer
    request, _ = screen.sent(screen.see("#collapsing").click)
    assert "collapse_duplicates" not in json.loads(request.post_data)
    assert "duplicates=all" in screen.page.url


def test_an_address_that_asks_for_duplicates_shows_them(look):
    screen = look()
    for address, asked in (("/?item=skirt/8&duplicates=all", False), ("/?item=skirt/8", True)):
        request, _ = screen.sent(partial(screen.open, address), path="/similar")
        assert ("collapse_duplicates" in request.url) is asked


def test_without_duplicates_there_is_nothing_to_choose(results, expect):
    expect(results.see("#collapsing")).to_be_hidden()
