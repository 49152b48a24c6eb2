"""A shop that has a feed: its products are a catalogue, and a second reading fetches no picture."""

import threading
from collections import Counter
from urllib.request import urlopen

import pytest

from benchmarks.feed_shop import MOST, counts, make_shop, server_of
from training.addresses.fetching import Fetching
from training.catalogue.reader import read_catalogue


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The feed of a shop of drawn garments that is being served, and the folder of the cache."""
    folder = tmp_path_factory.mktemp("shop")
    with server_of(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://localhost:{server.server_port}"
        try:
            yield make_shop(folder, address, products=6, catalogue=None, cache=folder / "cache")
        finally:
            server.shutdown()
            thread.join()


def test_products_have_between_one_and_five_photographs():
    assert set(counts(300)) == {*range(1, MOST + 1)}
    assert counts(300)[:20] == counts(20)


def test_a_shop_s_feed_is_a_catalogue_whose_second_reading_fetches_nothing(shop, tmp_path, capfd):
    def read():
        catalogue = read_catalogue(str(shop), cache=tmp_path, fetching=Fetching(("localhost",)))
        return catalogue, Counter(line.split()[8] for line in capfd.readouterr().err.splitlines())

    catalogue, answered = read()
    assert [len(item.photographs) for item in catalogue.items] == counts(6) and catalogue.bad == ()
    assert answered == {"200": sum(counts(6))}
    first = catalogue.items[0].metadata
    assert first["price"] > 0 and first["currency"] == "EUR" and first["category"]
    with urlopen(first["link"]) as page:
        assert page.status == 200
    capfd.readouterr()
    again, answered = read()
    assert again.items == catalogue.items and answered == {"304": sum(counts(6))}


def test_photographs_of_one_category_make_a_product(tmp_path, encode_image, make_photo):
    for number in range(11):
        path = tmp_path / "photos" / ("hat" if number % 3 else "coat") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_image(make_photo(colour=(20 * number, 9, 9), side=24)))
    feed = make_shop(
        tmp_path / "shop", "http://localhost", products=9, catalogue=str(tmp_path / "photos"), cache=tmp_path
    )
    pictures = [path.read_bytes() for path in (tmp_path / "shop" / "pictures").iterdir()]
    assert len(set(pictures)) == 11
    assert feed.read_text().count("image_link>http") == 11
