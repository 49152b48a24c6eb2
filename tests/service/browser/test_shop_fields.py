"""What a shop's item has beside its picture: its price and its page in the shop."""

import pytest

SOLD = {"price": 1299.0, "sale_price": 89.9, "currency": "EUR", "link": "https://shop.example/p/1"}


@pytest.fixture
def sell(screen):
    """Let the results have further metadata, in their order, and search."""

    def search(*fields):
        screen.page.evaluate(
            """(fields) => {
                const real = window.fetch;
                window.fetch = async (address, options) => {
                    const answer = await real(address, options);
                    if (!String(address).includes("/v1/search") || !answer.ok) return answer;
                    const found = await answer.json();
                    fields.forEach((further, place) => Object.assign(found.results[place].metadata, further));
                    return new Response(JSON.stringify(found), answer);
                };
            }""",
            fields,
        )
        return screen.upload()

    return search


def test_a_result_shows_its_price_and_what_it_was_before(screen, sell, expect):
    sell(
        SOLD,
        {"price": 5.5},
        {"price": 20, "sale_price": 25, "currency": "SEK"},
        {"price": "free"},
        {"price": None},
    )
    prices = screen.see("#results .price")
    expect(prices).to_have_text(["€89.90 €1,299.00", "5.50", "SEK\u00a020.00"])
    expect(prices.locator("s")).to_have_text(["€1,299.00"])
    label = screen.see("#results .card").first.get_attribute("aria-label")
    assert "€89.90" in label


def test_a_result_leads_to_its_page_in_the_shop(screen, sell, expect):
    sell(SOLD, {"link": "javascript:alert(1)"}, {"link": 7}, {"link": "/products/1"}, {})
    links = screen.see("#results .shop")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://shop.example/p/1")
    expect(links).to_have_attribute("rel", "noopener noreferrer")
    assert links.evaluate("link => link.closest('li') === document.querySelector('#results > li')")
