"""Packed files: read as they are, and refused where they are traps or not whole."""

import gzip
from pathlib import Path

import pytest

from training.catalogue import packed
from training.catalogue.packed import open_plain, suffix_of
from training.catalogue.reader import read_catalogue
from training.errors import UnreadableCatalogue

TABLES = {
    "shop.csv": "item_id,path\n1,a.png\n2,a.png\n",
    "shop.jsonl": '{"item_id": "1", "path": "a.png"}\r\n{"item_id": "2", "path": "a.png"}\r\n',
}


@pytest.fixture
def write(tmp_path):
    (tmp_path / "a.png").touch()

    def run(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return run


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_packed_and_plain_whatever_they_are_called(write, name):
    text = TABLES[name].encode()
    for path in (
        write(name, text),
        write(f"{name}.gz", gzip.compress(text)),
        write(name, gzip.compress(text)),
    ):
        assert [item.item_id for item in read_catalogue(str(path)).items] == ["1", "2"]


def test_a_packed_file_at_an_address_is_read(picture_server, make_photo, encode_image, tmp_path):
    from training.addresses.fetching import Fetching

    text = TABLES["shop.csv"].encode()
    picture_server.routes = {"shop.csv.gz": gzip.compress(text), "a.png": encode_image(make_photo(side=32))}
    here = Fetching(("127.0.0.1",), attempts=1)
    catalogue = read_catalogue(picture_server.url("shop.csv.gz"), cache=tmp_path, fetching=here)
    assert [item.item_id for item in catalogue.items] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.CSV", ".csv"), ("a.csv.GZ", ".csv"), ("a.gz", ""), ("a", "")]
)
def test_the_suffix_is_that_of_the_format(name, suffix):
    assert suffix_of(Path(name)) == suffix


@pytest.mark.parametrize("name", ["shop.csv.gz", "shop.jsonl.gz", "feed.xml.gz", "products.json.gz"])
def test_what_unpacks_to_more_than_the_limit_is_refused_before_it_is_read_whole(write, monkeypatch, name):
    """64 MB in 64 kB, of which not much more than the limit is ever unpacked."""
    begins = {"feed.xml.gz": b"<rss><item><title>", "products.json.gz": b'{"products": ["'}
    begins |= {"shop.csv.gz": b"item_id,path\n", "shop.jsonl.gz": b'{"item_id": "'}
    bomb = write(name, gzip.compress(begins[name] + bytes([65]) * 64 * 2**20))
    monkeypatch.setattr(packed, "MAX_BYTES", 2**20)
    read = []
    monkeypatch.setattr(gzip.GzipFile, "read", counting(gzip.GzipFile.read, read))
    with pytest.raises(UnreadableCatalogue, match="unpacks to more than 1,048,576 bytes"):
        read_catalogue(str(bomb))
    assert sum(read) < 8 * 2**20


def counting(method, counts):
    def counted(self, size=-1):
        part = method(self, size)
        counts.append(len(part))
        return part

    return counted


@pytest.mark.parametrize("damage", [lambda data: data[:-12], lambda data: data[:40] + b"\0" * 9 + data[49:]])
def test_a_packed_file_that_is_damaged_or_ends_too_early_is_refused(write, damage):
    text = "<rss>" + "".join(f"<item><id>{number * 7919}</id></item>" for number in range(200)) + "</rss>"
    path = write("feed.xml.gz", damage(gzip.compress(text.encode())))
    with pytest.raises(UnreadableCatalogue, match="can't be unpacked"):
        read_catalogue(str(path))


def test_a_packed_file_is_closed(write):
    file = open_plain(write("a.gz", gzip.compress(b"text")))
    beneath = file.raw._packed
    assert file.read() == b"text"
    file.close()
    assert beneath.closed
