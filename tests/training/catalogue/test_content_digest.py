"""Whether a catalogue has changed, told without its photographs."""

import pytest

from training.addresses.fetching import Fetching
from training.catalogue.content_digest import content_digest
from training.errors import UnreadableCatalogue

HERE = Fetching(("127.0.0.1",), attempts=1)
TABLE = "item_id,path\n1,a.png\n"
FEED = (
    "<rss><channel><lastBuildDate>{written}</lastBuildDate>"
    "<item><id>1</id><image_link>https://shop.example/1.jpg</image_link><price>{price}</price></item>"
    "</channel></rss>"
)


@pytest.fixture
def digest(tmp_path):
    def run(spec):
        return content_digest(str(spec), cache=tmp_path / "cache", fetching=HERE)

    return run


def test_a_file_is_told_by_its_content_and_its_filters(digest, tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text(TABLE)
    before = digest(path)
    path.write_text(TABLE)
    assert digest(path) == before != digest(f"{path}?category=hat")
    path.write_text(TABLE.replace("1", "2"))
    assert digest(path) != before


def test_a_feed_is_told_by_its_products_and_not_by_when_it_was_written(digest, tmp_path):
    path = tmp_path / "feed.xml"

    def of(**texts):
        path.write_text(FEED.format(**texts))
        return digest(path)

    before = of(written="Thu, 26 Nov 2026 02:00:00 GMT", price="20 EUR")
    assert of(written="Fri, 27 Nov 2026 02:00:00 GMT", price="20 EUR") == before
    assert of(written="Thu, 26 Nov 2026 02:00:00 GMT", price="19 EUR") != before


def test_a_feed_that_is_cut_off_has_no_digest(digest, tmp_path):
    path = tmp_path / "feed.xml"
    path.write_text(FEED.partition("</channel>")[0])
    with pytest.raises(UnreadableCatalogue, match="not valid XML"):
        digest(path)


def test_a_folder_is_told_by_its_files(digest, tmp_path):
    folder = tmp_path / "photos" / "hat"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"one")
    before = digest(tmp_path / "photos")
    (folder / ".DS_Store").touch()
    assert digest(tmp_path / "photos") == before
    (folder / "a.png").rename(folder / "b.png")
    renamed = digest(tmp_path / "photos")
    (folder / "b.png").write_bytes(b"other")
    assert len({before, renamed, digest(tmp_path / "photos")}) == 3


def test_a_feed_at_an_address_is_asked_for_and_none_of_its_photographs(digest, picture_server):
    picture_server.routes = {"shop/items.csv": TABLE.encode()}
    picture_server.asked.clear()
    address = picture_server.url("shop/items.csv")
    before = digest(address)
    assert digest(address) == before
    assert picture_server.sent.count("shop/items.csv") == 1
    picture_server.routes["shop/items.csv"] = TABLE.replace("a.png", "b.png").encode()
    assert digest(address) != before
    assert set(picture_server.asked) == {"shop/items.csv"}
    del picture_server.routes["shop/items.csv"]
    with pytest.raises(UnreadableCatalogue, match="404"):
        digest(address)


def test_what_is_drawn_is_told_by_its_name(digest):
    assert digest("drawn:20") == digest("drawn:20") != digest("drawn:20:1")
