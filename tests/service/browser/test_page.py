"""Photographs in, results out; from item to item and back; addresses; errors in words."""

import contextlib
import re
from urllib.parse import quote

import pytest
from playwright import sync_api as playwright

LIMIT = 5


def test_an_uploaded_photo_is_shown_with_the_box_around_its_garment_and_the_nearest_garments(screen, expect):
    screen.upload()
    assert len(screen.items()) == LIMIT
    expect(screen.see("#query-image")).to_be_visible()
    expect(screen.see("#box")).to_be_visible()
    expect(screen.see("#guess")).to_be_visible()
    expect(screen.see("#results .near").first).to_have_text("Very close")
    expect(screen.see("#results .near").first).to_have_attribute("title", re.compile(r"Closer than 9\d\.\d"))


def test_the_first_match_of_a_photo_from_the_catalogue_is_itself(screen):
    screen.upload()
    assert screen.items()[0].endswith("/3")


def test_a_photo_can_be_dropped_anywhere(screen):
    screen.hand_over("drop")
    assert screen.found().items()[0].endswith("/3")


def test_a_photo_can_be_pasted(screen):
    screen.hand_over("paste")
    assert screen.found().items()[0].endswith("/3")


def test_what_is_no_picture_is_refused_in_words(look, expect, tmp_path):
    (tmp_path / "letter.jpg").write_text("Dear Sir or Madam")
    screen = look().open()
    screen.page.set_input_files("#file", tmp_path / "letter.jpg")
    expect(screen.see("#failure")).to_be_visible()
    expect(screen.see("#failure-title")).to_have_text("That isn't a picture we can read")
    expect(screen.see("#failure-text")).to_contain_text("JPEG")
    expect(screen.see("#retry")).to_be_hidden()
    expect(screen.see("#other")).to_be_visible()


def test_a_file_that_is_too_large_is_not_even_sent(screen, expect, tmp_path):
    (tmp_path / "large.jpg").write_bytes(bytes(11 * 2**20))
    screen.page.set_input_files("#file", tmp_path / "large.jpg")
    expect(screen.see("#failure-title")).to_be_visible()
    expect(screen.see("#failure-title")).to_have_text("That file is too large")
    assert screen.page.url.endswith("/")


def test_a_click_on_a_result_searches_from_it_and_back_returns(screen, expect):
    screen.upload()
    before = screen.items()
    screen.sent(screen.see("#results .card").nth(1).click, path="/similar")
    expect(screen.see("#query-title")).to_have_text("This garment")
    assert before[1] not in screen.items()
    screen.page.go_back()
    expect(screen.see("#query-title")).to_have_text("Your photo")
    expect(screen.see("#query-image")).to_be_visible()
    assert screen.items() == before


def test_back_to_the_beginning_shows_the_empty_page(screen, expect):
    screen.upload()
    screen.page.go_back()
    expect(screen.see("#drop")).to_be_visible()
    expect(screen.see(".search")).to_be_hidden()


def test_an_address_that_is_shared_shows_the_same_garments(screen, look):
    screen.upload()
    screen.sent(screen.see("#results .card").nth(1).click, path="/similar")
    other = look().open(screen.page.url.removeprefix(screen.shop.url)).found()
    assert other.items() == screen.items()


def test_more_results_are_shown_below_the_first_until_there_are_none(screen, expect):
    _, answer = screen.sent(lambda: screen.page.set_input_files("#file", screen.photo))
    total, first = answer["total"], screen.items()
    screen.see("#more").dispatch_event("click")
    expect(screen.see("#results .card")).to_have_count(2 * LIMIT)
    assert screen.items()[:LIMIT] == first
    expect(screen.see("#results .card").nth(LIMIT)).to_be_focused()
    screen.see("#more").dispatch_event("click")
    expect(screen.see("#results .card")).to_have_count(total)
    assert len(set(screen.items())) == total > 2 * LIMIT
    expect(screen.see("#more")).to_be_hidden()


def test_an_answer_that_comes_after_another_search_has_begun_is_not_shown(screen, expect):
    late = screen.held("**/v1/search")
    with screen.page.expect_request("**/v1/search"):
        screen.page.set_input_files("#file", screen.photo)
    screen.see("#home").click()
    screen.sent(screen.see("#example-list a").first.click, path="/similar")
    shown = screen.items()
    screen.let_go(late)
    expect(screen.see("#query-title")).to_have_text("This garment")
    assert screen.items() == shown


def test_an_answer_that_comes_while_the_next_search_is_shown_is_not_shown(screen, expect):
    screen.upload()
    late = screen.held("**/similar?*")
    with screen.page.expect_request("**/similar?*"):
        screen.see("#results .card").nth(1).click()
    screen.sent(lambda: screen.page.set_input_files("#file", screen.photo))
    shown = screen.items()
    screen.let_go(late)
    expect(screen.see("#query-title")).to_have_text("Your photo")
    assert screen.items() == shown


def test_more_results_of_a_search_that_was_left_are_not_added_to_the_next(screen, expect):
    screen.upload()
    late = screen.held("**/v1/search")
    with screen.page.expect_request("**/v1/search"):
        screen.see("#more").click()
    screen.sent(screen.see("#results .card").nth(1).click, path="/similar")
    shown = screen.items()
    screen.let_go(late)
    expect(screen.see("#more")).to_be_enabled()
    assert screen.items() == shown and len(shown) == LIMIT


@pytest.mark.parametrize("code", ["overloaded", "too_many_requests", "index_not_ready"])
def test_a_busy_service_is_asked_again_by_the_page_itself(look, expect, code):
    screen = look().open()
    asked = screen.searches()

    def busy_once(route):
        if len(asked) > 1:
            route.continue_()
        else:
            body = {"code": code, "detail": "Retry."}
            route.fulfill(status=503, json=body, headers={"Retry-After": "1"})

    screen.page.route("**/v1/search", busy_once)
    screen.upload()
    assert len(asked) == 2


def test_a_busy_service_is_asked_again_when_it_has_said(look, expect):
    screen = look()
    screen.page.clock.install()
    screen.open()
    asked = []

    def busy(route):
        asked.append(route)
        body = {"code": "overloaded", "detail": "Retry."}
        route.fulfill(status=503, json=body, headers={"Retry-After": "60"})

    screen.page.route("**/v1/search", busy)
    screen.page.set_input_files("#file", screen.photo)
    expect(screen.see("#failure")).to_be_visible()
    screen.page.clock.run_for(55_000)
    assert len(asked) == 1
    with screen.page.expect_request("**/v1/search"):
        screen.page.clock.run_for(10_000)


def rewriting(screen, change):
    """Change the bodies of answers about an item's neighbours."""

    def answered(route):
        with contextlib.suppress(playwright.Error):  # the page has given it up
            answer = route.fetch()
            body = answer.json()
            change(body)
            route.fulfill(response=answer, json=body)

    screen.page.route("**/similar?*", answered)


def understood_as(screen, **query):
    """Open the search from an item, of whose picture the service understands something else."""

    def other(body):
        body["query"] |= query

    rewriting(screen, other)
    screen.open("/?item=skirt/8").found()


@pytest.mark.parametrize(("sure", "words"), [(0.95, "Looks like"), (0.8, "Looks like"), (0.79, "Perhaps")])
def test_a_guess_says_how_sure_it_is(screen, expect, sure, words):
    understood_as(screen, category="hat", category_confidence=sure)
    expect(screen.see("#looks")).to_have_text(words)
    expect(screen.see("#category")).to_have_text("Hat")


def test_a_warning_is_shown_and_gone_where_there_is_none(screen, expect):
    understood_as(screen, warnings=["garment_not_found"])
    expect(screen.see("#warning")).to_be_visible()
    expect(screen.see("#warning")).to_contain_text("No garment stood out")
    understood_as(screen, warnings=[])
    expect(screen.see("#warning")).to_be_hidden()


@pytest.mark.parametrize("warning", ["garment_not_found", "cutout_uncertain", "nothing_close"])
def test_an_uncertain_photo_is_asked_about(screen, expect, warning):
    screen.page.evaluate(
        """(warning) => {
            const real = window.fetch;
            window.warnings = [warning];
            window.fetch = async (...asked) => {
                const answer = await real(...asked);
                if (!String(asked[0]).includes("/v1/search")) return answer;
                const found = await answer.json();
                found.query.warnings = window.warnings;
                return new Response(JSON.stringify(found), answer);
            };
        }""",
        warning,
    )
    screen.upload()
    expect(screen.see("#warning")).to_contain_text("Is this the garment? Drag the box.")
    assert screen.violations() == []
    screen.page.evaluate("window.warnings = []")
    screen.upload()
    expect(screen.see("#warning")).to_be_hidden()


def test_back_returns_to_where_the_page_was_scrolled_to(look, expect):
    screen = look(height=300).open()
    screen.upload()
    screen.page.evaluate("scrollTo(0, 210)")
    screen.wait_until("history.state?.scroll === 210")
    second = screen.see("#results .card").nth(1)
    screen.sent(lambda: second.dispatch_event("click"), path="/similar")
    assert screen.page.evaluate("scrollY") == 0
    screen.page.go_back()
    screen.wait_until("scrollY === 210")


def test_a_click_that_asks_for_a_tab_of_its_own_gets_one(screen, expect):
    screen.upload()
    second, address = screen.items()[1], screen.page.url
    similar = f"/v1/items/{second}/similar?limit={LIMIT}&"
    # The tab is seen by what it asks for: it has no frames in the background, and Playwright may wait.
    with screen.page.context.expect_event("response", lambda answer: similar in answer.url) as searched:
        screen.see("#results .card").nth(1).click(modifiers=["Control"])
    assert searched.value.request.headers["referer"] == f"{screen.shop.url}/?item={quote(second, safe='')}"
    expect(screen.see("#query-title")).to_have_text("Your photo")
    assert screen.page.url == address


def test_an_example_starts_a_search(screen, expect):
    expect(screen.see("#example-list a")).to_have_count(8)
    _, answer = screen.sent(screen.see("#example-list a").first.click, path="/similar")
    assert screen.items() == [result["item_id"] for result in answer["results"]]


def test_a_photo_that_is_kept_no_longer_is_an_error_with_a_way_on(look, expect):
    screen = look().open("/?query=q_0000000000000000")
    expect(screen.see("#failure-title")).to_have_text("That picture is no longer kept")
    expect(screen.see("#other")).to_be_visible()


def test_a_service_that_does_not_answer_is_an_error_that_can_be_tried_again(look, expect):
    screen = look().open()
    screen.page.context.set_offline(True)
    screen.page.set_input_files("#file", screen.photo)
    expect(screen.see("#failure-title")).to_have_text("The service can't be reached")
    screen.page.context.set_offline(False)
    screen.see("#retry").click()
    screen.found()


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, "Nothing in the catalogue is really close in shape"),
        ({"confidence": 0.41}, "Not sure: 2 of the 5 nearest garments can be expected"),
        ({"confidence": 0.03}, "Not sure: none of the 5 nearest garments can be expected"),
    ],
)
def test_that_nothing_is_close_is_said_where_the_answer_warns_of_it(screen, expect, found, words):
    warnings = ["nothing_close"]

    def distant(body):
        body["query"].pop("confidence", None)
        body["query"] |= {"warnings": warnings, **found}
        for result in body["results"]:
            result["percentile"] = 99.26

    rewriting(screen, distant)
    screen.open("/?item=skirt/8").found()
    expect(screen.see("#distant")).to_be_visible()
    expect(screen.see("#distant")).to_contain_text(words)
    expect(screen.see("#results .near").first).to_have_text("Loosely alike")
    assert screen.violations() == []
    warnings.clear()
    screen.open("/?item=skirt/8").found()
    expect(screen.see("#distant")).to_be_hidden()
