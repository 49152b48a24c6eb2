"""Catalogues as they come: without metadata, a shop's feed, of one item, of none, and of 2,000."""

import pytest

from index.build import BuildOptions, build_index
from service.http.keys import add_key
from silhouette_client import Client
from training.addresses.fetching import Fetching
from training.catalogue.reader import Catalogue, Item, read_catalogue
from training.photo.encoder import PRETRAINED, Encoder

MANY = 2000
PRODUCT = """<item>
  <g:id>{number}</g:id><title>Relaxed shirt {number}</title><link>https://shop.example/p/{number}</link>
  <g:image_link>{image}</g:image_link><g:brand>Nordlicht</g:brand>
  <g:product_type>Women &gt; Tops &gt; Shirts</g:product_type><g:price>89.90 EUR</g:price>
  <g:sale_price>49.50 EUR</g:sale_price><g:availability>{stock}</g:availability>
</item>"""


@pytest.fixture(scope="module")
def shop(serve):
    """A service whose index the tests replace."""
    return serve(workers=1, default_limit=100)


@pytest.fixture(scope="module")
def stock(shop):
    """Publish a catalogue, or items with these metadata: "2000/8" is the ninth of 2,000."""
    encoder = Encoder.load(PRETRAINED)
    options = BuildOptions("flat", processes=1, cache=shop.folder / "cache", new_catalogue=True)

    def publish(catalogue):
        if not isinstance(catalogue, Catalogue):
            pictures = [shop.folder / f"{number}.jpg" for number in range(12)]
            count = len(catalogue)
            items = (Item(f"{count}/{n}", pictures[n % 12], each) for n, each in enumerate(catalogue))
            catalogue = Catalogue(f"of {count}", tuple(items), ())
        build_index(catalogue, encoder, indexes=shop.folder / "indexes", options=options)

    return publish


PHONE = {"width": 360, "height": 740, "touch": True, "dark": True}


@pytest.mark.parametrize("window", [{}, PHONE])
def test_without_metadata_cards_are_pictures_and_there_is_nothing_to_filter_or_sort_by(
    look, stock, expect, window
):
    stock([{}] * 12)
    screen = look(**window).count_shifts().open()
    expect(screen.see("#example-list a")).to_have_count(8)
    screen.upload()
    expect(screen.see("#results .card")).to_have_count(12)
    expect(screen.see("#results .card > :not(.frame, .near)")).to_have_count(0)
    for choice in ("#filters", "#to-filters", "#sorting", "#chosen", "#guess"):
        expect(screen.see(choice)).to_be_hidden()
    label = screen.see("#results .card").first.get_attribute("aria-label")
    assert label.startswith("1. Garment. Very close.")
    assert screen.shifts() == screen.violations() == screen.complaints == []


def test_a_feed_of_a_shop_becomes_products_with_their_pages(
    look, shop, stock, expect, picture_server, tmp_path
):
    pictures = {f"{number}.jpg": (shop.folder / f"{number}.jpg").read_bytes() for number in range(12)}
    picture_server.routes = pictures
    products = [
        PRODUCT.format(number=number, image=picture_server.url(name), stock=stock_state)
        for number, (name, stock_state) in enumerate(
            zip(pictures, ["in_stock", "in_stock", "in_stock", "out of stock"] * 3, strict=True), start=1
        )
    ]
    feed = tmp_path / "feed.xml"
    feed.write_text(f"<rss xmlns:g='http://base.google.com/ns/1.0'>{''.join(products)}</rss>")
    fetching = Fetching(allowed_hosts=("127.0.0.1",))
    stock(read_catalogue(str(feed), cache=tmp_path / "cache", fetching=fetching))
    screen = look(**PHONE).count_shifts().open()
    expect(screen.see("#example-list a")).to_have_count(8)
    entry = screen.upload().see("#results > li").first
    shown = [text.replace("\xa0", " ") for text in entry.locator(".card > :not(.frame)").all_text_contents()]
    assert shown == ["Nordlicht", "Relaxed shirt 4", "Sold out", "€49.50 €89.90", "Very close"]
    expect(entry.locator(".shop")).to_have_attribute("href", "https://shop.example/p/4")
    expect(screen.see("#results .sold-out")).to_have_count(3)
    assert screen.shifts() == []
    screen.see("#filters summary").tap()
    assert screen.violations() == screen.complaints == []


def test_a_catalogue_of_one_item_and_of_none_are_told_as_such(look, shop, stock, expect):
    stock([{"category": "dress"}])
    screen = look().open()
    expect(screen.see("#example-list a")).to_have_count(1)
    screen.upload()
    expect(screen.see("#results .card")).to_have_count(1)
    expect(screen.see("#end")).to_have_text("That's the one garment.")
    expect(screen.see("#distant")).to_have_text("Not sure: The nearest garment may have another shape.")
    assert screen.violations() == []
    with Client(shop.url, key=add_key(shop.folder / "keys.json", "tests")) as api:
        api.delete_item("1/0")
    screen.open()
    expect(screen.see("#trouble")).to_have_text("There is no garment in the catalogue yet.")
    expect(screen.see("#examples")).to_be_hidden()
    screen.page.set_input_files("#file", screen.photo)
    expect(screen.see("#nothing-text")).to_have_text("There is no garment to compare with yet.")
    assert screen.violations() == screen.complaints == []


def test_2000_results_are_scrolled_through_to_their_end_and_back_returns_to_the_place(look, stock, expect):
    stock([{"price": number} for number in range(MANY)])
    screen = look().open("/?item=2000/8&duplicates=all").found()
    cards = screen.see("#results .card")
    screen.page.mouse.move(640, 400)
    for page in range(2, MANY // 100 + 1):
        screen.page.mouse.wheel(0, 10**6)
        screen.wait_until(f"document.getElementById('results').childElementCount > {100 * page - 2}")
    expect(cards).to_have_count(MANY - 1)
    expect(screen.see("#end")).to_have_text("That's all 1,999 garments.")
    items = screen.items()
    assert len(set(items)) == MANY - 1
    screen.page.evaluate("scrollTo(0, 60000)")
    screen.wait_until("history.state.scroll === 60000")
    shown = cards.evaluate_all("cards => cards.findIndex((card) => card.getBoundingClientRect().top > 0)")
    screen.sent(lambda: cards.nth(shown).dispatch_event("click"), path="/similar")
    assert screen.page.evaluate("scrollY") == 0
    screen.page.go_back()
    screen.wait_until("scrollY === 60000")
    assert screen.items() == items
    expect(cards.nth(shown).locator("img").last).not_to_have_js_property("naturalWidth", 0)
