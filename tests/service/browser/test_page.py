"""Photographs in, results out; from item to item and back; addresses; errors in words."""

import re

LIMIT = 5


def test_an_uploaded_photo_is_shown_with_the_box_around_its_garment_and_the_nearest_garments(screen, expect):
    screen.upload()
    assert len(screen.items()) == LIMIT
    expect(screen.see("#query-image")).to_be_visible()
    expect(screen.see("#box")).to_be_visible()
    expect(screen.see("#guess")).to_be_visible()
    expect(screen.see("#results .near").first).to_have_text(re.compile(r"Closer than 9\d\.\d"))


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
    expect(screen.see("#failure-title")).to_have_text("That file is too large")
    assert screen.page.url.endswith("/")


def test_a_click_on_a_result_searches_from_it_and_back_returns(screen, expect):
    screen.upload()
    before = screen.items()
    screen.sent(screen.see("#results .card").nth(1).click, path="/similar")
    expect(screen.see("#query-title")).to_have_text("This garment")
    assert before[1] not in screen.items()
    screen.sent(screen.page.go_back)
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


def test_more_results_are_shown_below_the_first(screen, expect):
    screen.upload()
    first = screen.items()
    screen.see("#more").click()
    expect(screen.see("#results .card")).to_have_count(2 * LIMIT)
    assert screen.items()[:LIMIT] == first
    expect(screen.see("#results .card").nth(LIMIT)).to_be_focused()


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


def test_that_nothing_is_close_is_said(screen, expect):
    def distant(route):
        answer = route.fetch()
        body = answer.json()
        for result in body["results"]:
            result["percentile"] = 71.26
        route.fulfill(response=answer, json=body)

    screen.page.route("**/similar?*", distant)
    screen.open("/?item=skirt/8").found()
    expect(screen.see("#distant")).to_contain_text("closer than 71.2 % of pairs")
