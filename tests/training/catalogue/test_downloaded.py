"""Catalogue files by address, from a server of this machine."""

import json

import pytest

from tests.import_graph import ROOT
from tests.picture_server import drop, in_turn, status
from training.addresses.fetching import Fetching
from training.catalogue import downloaded
from training.catalogue.downloaded import FOLDER, download
from training.catalogue.reader import read_catalogue
from training.errors import UnreadableCatalogue

HERE = Fetching(("127.0.0.1",), attempts=2, backoff=0.001)
TABLE = b"item_id,path,category\n1,a.png,hat\n2,/b.png,coat\n"


@pytest.fixture
def server(picture_server, encode_image, make_photo):
    photo = encode_image(make_photo(side=32))
    picture_server.routes = {"shop/a.png": photo, "b.png": photo}
    picture_server.asked.clear()
    picture_server.sent.clear()
    return picture_server


@pytest.fixture
def read(tmp_path):
    def run(address: str, **options):
        return read_catalogue(address, cache=tmp_path / "cache", fetching=HERE, **options)

    return run


def test_a_catalogue_at_an_address_names_its_photographs_from_there(read, server, tmp_path):
    server.routes["shop/items.csv"] = TABLE
    catalogue = read(server.url("shop/items.csv"))
    assert [item.item_id for item in catalogue.items] == ["1", "2"]
    assert catalogue.root == tmp_path / "cache" / FOLDER
    assert sorted(server.sent) == ["b.png", "shop/a.png", "shop/items.csv"]


def test_no_file_of_this_machine_is_taken_for_a_photograph(read, server, tmp_path):
    secret = tmp_path / "secret.png"
    secret.touch()
    server.routes["items.csv"] = (
        f"item_id,path\n1,{secret}\n2,../../{secret}\n3,file://{secret}\n4,b.png".encode()
    )
    catalogue = read(server.url("items.csv"))
    assert [item.item_id for item in catalogue.items] == ["4"]


def test_what_has_not_changed_is_not_sent_again(read, server):
    server.routes["shop/items.csv"] = TABLE
    read(server.url("shop/items.csv"))
    server.sent.clear()
    assert len(read(server.url("shop/items.csv")).items) == 2
    assert server.sent == []
    server.routes["shop/items.csv"] = TABLE.splitlines(keepends=True)[0] + b"7,a.png,hat\n"
    assert [item.item_id for item in read(server.url("shop/items.csv")).items] == ["7"]
    assert server.sent == ["shop/items.csv"]


def test_a_file_that_has_gone_from_the_cache_is_sent_again(server, tmp_path):
    server.routes["items.csv"] = TABLE
    for _ in range(2):
        (path,) = download(server.url("items.csv"), cache=tmp_path, fetching=HERE)
        assert path.read_bytes() == TABLE
        path.unlink()


def test_a_file_that_is_larger_than_the_guide_says_is_refused(server, tmp_path, monkeypatch):
    guide = (ROOT / "docs/catalogues.md").read_text()
    assert f"up to {downloaded.MAX_BYTES / 2**30:g} GiB in half an hour" in guide
    assert downloaded.SECONDS == 30 * 60
    server.routes["items.csv"] = TABLE
    monkeypatch.setattr(downloaded, "MAX_BYTES", len(TABLE) - 1)
    with pytest.raises(UnreadableCatalogue, match="could not be read: The file has more than"):
        download(server.url("items.csv"), cache=tmp_path, fetching=HERE)
    assert list(tmp_path.rglob("*.csv")) == []
    monkeypatch.setattr(downloaded, "MAX_BYTES", len(TABLE))
    assert len(download(server.url("items.csv"), cache=tmp_path, fetching=HERE)) == 1


def test_its_question_mark_belongs_to_the_address_and_its_filters_follow_a_hash(read, server):
    server.routes["shop/items.csv?key=a%26b"] = TABLE
    address = server.url("shop/items.csv?key=a%26b")
    assert [item.item_id for item in read(f"{address}#category=coat").items] == ["2"]
    assert len(read(address).items) == 2


def test_a_server_in_trouble_is_asked_again(read, server):
    server.routes["shop/items.csv"] = in_turn(status(503), TABLE)
    assert len(read(server.url("shop/items.csv")).items) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "could not be read: The address answers with the status 404"),
        (status(503), "could not be read: The address answers with the status 503"),
        (status(503, Retry_After=3600), "could not be read: The address answers with the status 503"),
        (drop, "could not be read: The connection failed"),
        (b"<html>Log in</html>", "was downloaded, but .* begins with <html>"),
        (b"a,b\n1,2\n", "was downloaded, but .* has no column item_id"),
    ],
)
def test_an_address_without_a_catalogue_is_refused(read, server, answer, reason):
    server.routes["items.csv"] = answer
    with pytest.raises(UnreadableCatalogue, match=reason):
        read(server.url("items.csv"))


def test_a_feed_that_fails_once_leaves_the_one_that_is_there(read, server, tmp_path):
    server.routes["items.csv"] = TABLE
    (path,) = download(server.url("items.csv"), cache=tmp_path, fetching=HERE)
    server.routes["items.csv"] = status(500)
    with pytest.raises(UnreadableCatalogue):
        download(server.url("items.csv"), cache=tmp_path, fetching=HERE)
    assert path.read_bytes() == TABLE


def test_a_private_host_is_asked_only_where_it_is_allowed(server, tmp_path):
    with pytest.raises(UnreadableCatalogue, match="not on the public internet"):
        download(server.url("items.csv"), cache=tmp_path, fetching=Fetching())
    assert server.asked == []


def page(*handles: str) -> bytes:
    products = [
        {"handle": handle, "title": handle, "images": [{"src": "/b.png"}], "variants": [{"price": "5.00"}]}
        for handle in handles
    ]
    return json.dumps({"products": products}).encode()


def test_the_pages_of_a_shop_are_read_until_one_is_empty(read, server):
    pages = [page("a", "b"), page("c"), page()]
    for number, content in enumerate(pages, start=1):
        server.routes[f"products.json?limit=250&page={number}"] = content
    catalogue = read(server.url("products.json"))
    assert {item.item_id: item.metadata["link"] for item in catalogue.items} == {
        handle: server.url(f"products/{handle}") for handle in "abc"
    }
    assert read(server.url("products.json#title=c")).items == catalogue.items[2:]


def test_a_server_that_knows_no_pages_is_asked_twice(read, server):
    server.routes["products.json?limit=250&page=1"] = server.routes["products.json?limit=250&page=2"] = page(
        "a"
    )
    assert len(read(server.url("products.json")).items) == 1
    assert server.asked[:2] == [f"products.json?limit=250&page={number}" for number in (1, 2)]


def test_only_so_many_pages_are_read_and_one_that_is_asked_for_alone(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloaded, "MOST_PAGES", 3)
    for number in range(1, 6):
        server.routes[f"products.json?limit=250&page={number}"] = page(str(number))
    assert len(download(server.url("products.json"), cache=tmp_path, fetching=HERE)) == 3
    server.asked.clear()
    download(server.url("products.json?limit=250&page=5"), cache=tmp_path, fetching=HERE)
    assert server.asked == ["products.json?limit=250&page=5"]


def test_an_empty_shop_is_refused(read, server):
    server.routes["products.json?limit=250&page=1"] = page()
    with pytest.raises(UnreadableCatalogue, match="has no products"):
        read(server.url("products.json"))
