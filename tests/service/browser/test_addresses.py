"""Addresses that are pasted or dropped; pictures that can't be had; a service that isn't ready."""

import pytest

PICTURE = "https://pictures.example/dress.jpg"


def hand_over(screen, event, kind, text):
    screen.page.evaluate(
        """([event, kind, text]) => {
            const transfer = new DataTransfer();
            transfer.setData(kind, text);
            const options = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(event === "drop"
                ? new DragEvent("drop", { ...options, dataTransfer: transfer })
                : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
        }""",
        [event, kind, text],
    )


@pytest.mark.parametrize(("event", "kind"), [("paste", "text/plain"), ("drop", "text/uri-list")])
def test_an_address_is_explained_where_the_service_fetches_none(screen, expect, event, kind):
    hand_over(screen, event, kind, PICTURE)
    expect(screen.see("#failure-title")).to_have_text("Pictures aren't fetched from that address")
    expect(screen.see("#failure-text")).to_contain_text("Save the picture")
    expect(screen.see("#retry")).to_be_hidden()


def test_an_address_is_searched_with_where_the_service_allows_it(look, expect):
    screen = look()
    sent = []

    def allowing(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"addresses": false', '"addresses": true'))

    def fetching(route):
        sent.append(route.request.post_data_json)
        route.fulfill(response=route.fetch(post_data={**sent[-1], "image_url": None, "item_id": "skirt/8"}))

    screen.page.route(screen.shop.url + "/", allowing)
    screen.page.route("**/v1/search", fetching)
    screen.open()
    hand_over(screen, "paste", "text/plain", f"{PICTURE}\n")
    screen.found()
    assert sent[0]["image_url"] == PICTURE


def test_a_link_of_the_page_itself_is_gone_to(screen, expect):
    link = f"{screen.shop.url}/?item=skirt%2F8"
    screen.sent(lambda: hand_over(screen, "paste", "text/plain", link), path="/similar")
    expect(screen.see("#query-title")).to_have_text("This garment")
    assert screen.page.url == link


def test_the_start_page_says_that_there_is_no_catalogue_until_there_is_one(look, expect):
    screen = look()
    asked = []

    def answered(route):
        asked.append(route)
        if len(asked) == 1:
            route.fulfill(status=503, json={"code": "index_not_ready"}, headers={"Retry-After": "1"})

    screen.page.route("**/v1/index", answered)
    screen.open()
    expect(screen.see("#trouble")).to_contain_text("The catalogue is still being prepared")
    expect(screen.see("#examples")).to_be_hidden()
    while len(asked) == 1:
        screen.page.wait_for_timeout(100)
    asked[1].continue_()
    expect(screen.see("#trouble")).to_be_hidden()
    expect(screen.see("#example-list a")).to_have_count(8)
    expect(screen.see("#examples")).to_be_visible()


def test_the_start_page_says_that_the_catalogue_is_empty(look, expect):
    screen = look()

    def empty(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "items": 0, "examples": [], "filters": []})

    screen.page.route("**/v1/index", empty)
    screen.open()
    expect(screen.see("#trouble")).to_have_text("There is no garment in the catalogue yet.")
    expect(screen.see("#examples")).to_be_hidden()
