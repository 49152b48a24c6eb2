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


def test_a_result_shows_its_title_and_brand_and_never_an_id(screen, sell, expect):
    sell(
        {"Product-Name": "Relaxed shirt", "vendor": "Nordlicht"},
        {"title": "d689b01b-8d53-40d3-a6f1-2f1c2a0e9f11"},
        {"title": "IMG_2041.jpg"},
        {"title": "4006381333931"},
        {"title": "", "category": None},
    )
    cards = screen.see("#results .card")
    expect(cards.nth(0).locator(".name")).to_have_text("Relaxed shirt")
    expect(cards.nth(0).locator(".maker")).to_have_text("Nordlicht")
    categories = [item.split("/")[0].capitalize() for item in screen.items()]
    for place in (1, 2, 3):
        expect(cards.nth(place).locator(".name")).to_have_text(categories[place])
    expect(cards.nth(4).locator(".name")).to_have_count(0)
    assert "5. Garment. " in cards.nth(4).get_attribute("aria-label")


def test_what_is_sold_out_says_so(screen, sell, expect):
    sell(
        {"availability": "out_of_stock"},
        {"in_stock": False},
        {"Availability": "https://schema.org/SoldOut"},
        {"stock": 0},
        {"availability": "in_stock"},
    )
    expect(screen.see("#results .sold-out .gone")).to_have_text(["Sold out"] * 4)
    assert "Sold out" in screen.see("#results .card").first.get_attribute("aria-label")


def test_a_picture_that_is_wide_or_high_is_shown_whole(screen, expect):
    screen.upload()
    image = screen.see("#results img:not(.backdrop)").first
    for width, height, fit in ((400, 100, "contain"), (100, 400, "contain"), (300, 400, "cover")):
        shape = f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'/>"
        image.evaluate(
            """(image, source) => new Promise((loaded) => {
                image.addEventListener("load", loaded, { once: true });
                image.removeAttribute("srcset");
                image.src = source;
            })""",
            f"data:image/svg+xml,{shape}",
        )
        expect(image).to_have_css("object-fit", fit)
    expect(screen.see("#results .backdrop")).to_have_count(1)


def test_a_result_leads_to_its_page_in_the_shop(screen, sell, expect):
    sell(SOLD, {"link": "javascript:alert(1)"}, {"link": 7}, {"link": "/products/1"}, {})
    links = screen.see("#results .shop")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://shop.example/p/1")
    expect(links).to_have_attribute("rel", "noopener noreferrer")
    assert links.evaluate("link => link.closest('li') === document.querySelector('#results > li')")
