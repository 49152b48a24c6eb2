import pytest

from training.catalogue import merchant
from training.catalogue.merchant import read_xml
from training.errors import UnreadableCatalogue

RSS = '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>{}</channel></rss>'
ITEM = "<item><g:id>{}</g:id><title>{}</title></item>"


@pytest.fixture
def read(tmp_path):
    def read_text(text: str, encoding: str = "utf-8") -> list[dict]:
        path = tmp_path / "feed.xml"
        path.write_bytes(text.encode(encoding))
        return list(read_xml(path))

    return read_text


def test_an_atom_feed_is_read_like_rss(read):
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>'
        '<link rel="self" href="https://shop.example/feed"/><entry><g:id>7</g:id><title>Kilt</title>'
        '<link rel="enclosure" href="https://shop.example/7.pdf"/><link href="https://shop.example/7"/>'
        "<g:image_link>https://shop.example/7.jpg</g:image_link></entry></feed>"
    )
    assert read(feed) == [
        {
            "item_id": "7",
            "path": ["https://shop.example/7.jpg"],
            "title": "Kilt",
            "link": "https://shop.example/7",
        }
    ]


def test_prefixes_case_and_markup_do_not_matter(read):
    (row,) = read(
        "<RSS><Item><ID> 1 </ID><g:Title><![CDATA[Skirt & top]]></g:Title><c:fit>slim</c:fit></Item></RSS>"
    )
    assert row == {"item_id": "1", "title": "Skirt & top", "fit": "slim"}


def test_of_a_title_that_comes_twice_the_first_counts_and_other_fields_become_lists(read):
    (row,) = read(
        RSS.format(
            ITEM.format(1, "A").replace(
                "</item>",
                "<g:title>B</g:title><g:material>wool</g:material><g:material>silk</g:material></item>",
            )
        )
    )
    assert (row["title"], row["material"]) == ("A", ["wool", "silk"])


def test_nested_fields_are_objects(read):
    shipping = "<g:shipping>\n <g:country>{}</g:country>\n <g:price>{}</g:price></g:shipping>"
    (row,) = read(
        f"<rss><item><id>1</id>{shipping.format('SE', '4 EUR')}{shipping.format('NO', '9 EUR')}</item></rss>"
    )
    assert row["shipping"] == [{"country": "SE", "price": "4 EUR"}, {"country": "NO", "price": "9 EUR"}]
    (deep,) = read(f"<rss><item><id>1</id>{'<a>' * 16}b{'</a>' * 16}</item></rss>")
    assert str(deep).count("'a'") == 16


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_xml_is_read_in_the_encoding_that_it_declares(read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>{RSS.format(ITEM.format("é", "Ärmelloses Kleid"))}'
    assert read(text, encoding)[0] == {"item_id": "é", "title": "Ärmelloses Kleid"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (RSS.format("\n\n<item><id>1</idd></item>"), "line 3 is not valid XML: mismatched tag"),
        ("<rss>\n<item><id>1</id></item>", "line 2 is not valid XML: no element found"),
        (RSS.format("<item><title>a&nbsp;b</title></item>"), "line 1 is not valid XML: undefined entity"),
        ("<rss>\x01</rss>", "line 1 is not valid XML: not well-formed"),
        ('<?xml version="1.0" encoding="klingon"?><rss/>', "line 1 is not valid XML: unknown encoding"),
        ('<?xml version="1.0" encoding="shift_jis"?><rss/>', "is not valid XML: multi-byte"),
        ("\n<html><body>Not found</body></html>", "line 2 begins with <html>, which is no feed"),
        ("<rss><item>" + "<a>" * 17, "nests elements more than 16 deep"),
    ],
)
def test_what_is_no_feed_is_refused_with_its_line(read, text, reason):
    with pytest.raises(UnreadableCatalogue, match=reason):
        read(text)


def test_a_feed_that_is_not_of_its_encoding_is_refused(tmp_path):
    path = tmp_path / "feed.xml"
    path.write_bytes(RSS.format(ITEM.format(1, "Kleid für Größe M")).encode("latin-1"))
    with pytest.raises(UnreadableCatalogue, match="not well-formed"):
        list(read_xml(path))


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY passwords SYSTEM "file:///etc/passwd">',
        '<!ENTITY % more SYSTEM "http://127.0.0.1/more.dtd"> %more;',
    ],
)
def test_a_feed_that_declares_entities_is_refused(read, entities):
    with pytest.raises(UnreadableCatalogue, match="line 1 declares the entity"):
        read(f"<!DOCTYPE rss [{entities}]>{RSS.format(ITEM.format(1, 'x'))}")


def test_a_doctype_alone_does_no_harm(read):
    assert read(f'<!DOCTYPE rss SYSTEM "http://example.org/rss.dtd">{RSS.format(ITEM.format(1, "x"))}')


def test_of_a_product_without_end_the_beginning_is_kept(read, monkeypatch):
    monkeypatch.setattr(merchant, "LONGEST_PRODUCT", 1000)
    long, short = read(RSS.format(ITEM.format(1, "x " * 50_000) + ITEM.format(2, "Sock")))
    assert long["title"] == ("x " * 500)[:-1]  # the id is the first of the characters
    assert short == {"item_id": "2", "title": "Sock"}
