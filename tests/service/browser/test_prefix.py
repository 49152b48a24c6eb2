"""The page below a path prefix: a search, a result, back to the beginning."""

import pytest

PREFIX = "/of/the-shop"


@pytest.fixture(scope="module")
def shop(serve):
    return serve(workers=1, default_limit=5, prefix=PREFIX)


def test_the_page_below_a_prefix_searches_shows_pictures_and_keeps_its_address(look, expect):
    screen = look()
    answers = []
    screen.page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    screen.open(f"{PREFIX}/").upload()
    assert screen.items()[0].endswith("/3")
    screen.sent(screen.see("#results .card").nth(1).click, path="/similar")
    assert f"{PREFIX}/?item=" in screen.page.url
    screen.page.reload()
    screen.found()
    screen.see("#home").click()
    expect(screen.see("#drop")).to_be_visible()
    assert screen.page.url == f"{screen.shop.url}{PREFIX}/"
    assert screen.complaints == []
    sent = [(url, status) for url, status in answers if url.startswith(screen.shop.url)]
    assert all(url.startswith(screen.shop.url + PREFIX) and status < 400 for url, status in sent)
