"""Further results by scrolling; back and reload, which return to what was loaded; links that are shared."""

import pytest

LIMIT = 5
SCROLLED = "history.state?.scroll === scrollY && scrollY > 0"


@pytest.fixture
def low(look):
    """A window in which five results are more than a screen."""
    return look(width=1280, height=420)


def scroll_to_the_end(screen, expect):
    """Scroll until no more results come; return how many there are."""
    while screen.see("#more").is_visible():
        before = len(screen.items())
        screen.page.mouse.wheel(0, 4000)
        expect(screen.see(f"#results > li:nth-child({before + 1})")).to_be_attached()
    return len(screen.items())


def test_scrolling_loads_results_until_there_are_none_and_says_so(low, expect):
    low.open().upload()
    assert len(low.items()) == LIMIT
    expect(low.see("#end")).to_be_hidden()
    total = scroll_to_the_end(low, expect)
    assert len(set(low.items())) == total == 12
    expect(low.see("#end")).to_have_text("That's all 12 garments.")


@pytest.mark.parametrize("way", ["back", "reload"])
def test_back_and_reload_return_to_the_results_that_were_loaded_and_to_where_they_were(low, expect, way):
    low.open().upload()
    low.page.mouse.move(640, 200)
    scroll_to_the_end(low, expect)
    low.page.evaluate("scrollTo(0, 700)")
    items = low.items()
    low.wait_until(SCROLLED)
    place = low.page.evaluate("scrollY")
    if way == "back":
        second = low.see("#results .card").nth(1)
        low.sent(lambda: second.dispatch_event("click"), path="/similar")
        asked = low.searches()
        low.page.go_back()
        expect(low.see("#query-title")).to_have_text("Your photo")
        assert asked == []
    else:
        low.page.reload()
        low.found()
        expect(low.see("#results .card")).to_have_count(len(items))
    low.wait_until(f"scrollY === {place}")
    assert low.items() == items


def test_results_that_could_not_be_had_by_scrolling_are_had_by_the_button(low, expect):
    low.open().upload()
    low.page.route("**/v1/search", lambda route: route.abort())
    low.page.mouse.move(640, 200)
    low.page.mouse.wheel(0, 4000)
    expect(low.see("#end")).to_contain_text("Check the connection")
    assert len(low.items()) == LIMIT
    low.page.unroute_all()
    low.see("#more").click()
    expect(low.see("#results .card")).to_have_count(2 * LIMIT)
    low.complaints.clear()


def test_a_new_search_shows_the_head_of_the_side_panel(low):
    low.open().upload()
    low.see("#side").evaluate("side => side.scrollTo(0, 200)")
    assert low.see("#side").evaluate("side => side.scrollTop") > 0
    low.sent(low.see("#results .card").nth(1).click, path="/similar")
    assert low.see("#side").evaluate("side => side.scrollTop") == 0


def test_a_link_to_an_upload_shows_its_picture_while_it_lives_and_says_when_it_no_longer_does(look, expect):
    first = look().open().upload()
    address = first.page.url.removeprefix(first.shop.url)
    other = look().open(address).found()
    expect(other.see("#query-image")).to_be_visible()
    other.wait_until("document.getElementById('query-image').naturalWidth > 0")
    expect(other.see("#box")).to_be_visible()
    query = other.page.evaluate("new URLSearchParams(location.search).get('query')")
    assert other.page.request.delete(f"{other.shop.url}/v1/queries/{query}").status == 204
    late = look().open(address)
    expect(late.see("#failure-title")).to_have_text("That picture is no longer kept")
    expect(late.see("#failure-text")).to_contain_text("last for 15 minutes")
    expect(late.see("#other")).to_be_visible()


def test_a_link_to_a_sketch_shows_it(look, expect):
    first = look().open("/?kind=sketch")
    first.sent(first.see("#starts button").nth(2).click)
    other = look().open(first.page.url.removeprefix(first.shop.url)).found()
    expect(other.see("#query-title")).to_have_text("Your sketch")
    expect(other.see("#query-image")).to_be_visible()
