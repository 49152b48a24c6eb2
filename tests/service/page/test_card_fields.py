"""Which metadata are title, price and so on: common names, or what the settings say."""

from service.page.card_fields import NAMES, ROLES, card_fields, plain


def test_how_a_name_is_written_does_not_count():
    assert {plain(name) for name in ("product_name", "Product-Name", "productName")} == {"productname"}
    assert plain("Verfügbarkeit") == "verfügbarkeit"


def test_no_common_name_has_two_roles():
    names = [plain(name) for role in ROLES for name in NAMES[role]]
    assert len(names) == len(set(names))


def test_a_field_that_is_set_stands_alone_and_the_others_keep_their_names():
    fields = card_fields((("title", "Artikel Name"), ("link", "Ziel")))
    assert (fields["title"], fields["link"]) == (["artikelname"], ["ziel"])
    assert fields["price"] == card_fields(())["price"] and "preis" in fields["price"]
