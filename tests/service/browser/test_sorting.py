"""The sort menu: by price where there is one, else by other numbers."""

import json

import pytest


@pytest.fixture
def results(screen, expect):
    screen.upload()
    expect(screen.see("#sorting")).to_be_visible()
    return screen


def priced(screen, expect, wanted):
    """Wait until the results have these prices, in this order."""
    expect(screen.see("#results .price")).to_have_text([f"{price}.00" for price in wanted])


def test_results_are_sorted_by_price_either_way_and_nearest_first_again(results, expect):
    before = results.items()
    request, _ = results.sent(lambda: results.see("#sort").select_option(label="Price, lowest first"))
    assert json.loads(request.post_data)["sort"] == {"field": "price", "order": "asc"}
    priced(results, expect, [10, 11, 12, 13, 14])
    expect(results.see("#summary")).to_have_text("12 garments · Price, lowest first")
    results.sent(lambda: results.see("#sort").select_option(label="Price, highest first"))
    priced(results, expect, [21, 20, 19, 18, 17])
    results.sent(lambda: results.see("#more").dispatch_event("click"), further=True)
    expect(results.see("#results .price")).to_have_count(10)
    priced(results, expect, list(range(21, 11, -1)))
    results.sent(lambda: results.see("#sort").select_option(label="Nearest first"))
    assert results.items() == before and "sort=" not in results.page.url


def test_a_sort_stays_in_the_address_with_filters_and_from_item_to_item(results, expect):
    results.sent(lambda: results.see("#sort").select_option(label="Price, highest first"))
    results.page.reload()
    results.found()
    expect(results.see("#sort")).to_have_value('{"field":"price","order":"desc"}')
    priced(results, expect, [21, 20, 19, 18, 17])
    results.sent(lambda: results.see("#facets .bound input").last.fill("15"))
    priced(results, expect, [15, 14, 13, 12, 11])
    request, _ = results.sent(results.see("#results .card").first.click, path="/similar")
    assert "sort=" in request.url
    priced(results, expect, [14, 13, 12, 11, 10])


def test_a_sort_in_an_address_that_is_not_valid_is_left_out(screen):
    screen.open("/?item=skirt/8&sort=" + '{"field":"price","order":"up"}').found()
    assert screen.see("#sort").input_value() == ""


@pytest.mark.parametrize(
    ("filters", "offered"),
    [
        ([], None),
        (
            [{"field": "heel_height", "lowest": 1, "highest": 9}],
            ["Heel height, lowest first", "Heel height, highest first"],
        ),
        (
            [{"field": "age", "lowest": 1, "highest": 9}, {"field": "price", "lowest": 1, "highest": 9}],
            ["Price, lowest first", "Price, highest first"],
        ),
    ],
)
def test_other_numbers_are_offered_where_there_is_no_price(look, expect, filters, offered):
    screen = look()

    def with_filters(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "filters": filters})

    screen.page.route("**/v1/index", with_filters)
    with screen.page.expect_response("**/v1/index"):
        screen.open()
    screen.upload()
    if offered is None:
        expect(screen.see("#sorting")).to_be_hidden()
    else:
        expect(screen.see("#sort option")).to_have_text(["Nearest first", *offered])
