"""WooCommerce's headings in other languages, as exports of shops have them."""

import csv

import pytest

from tests.import_graph import ROOT
from training.catalogue.woocommerce_headings import column_name

with (ROOT / "tests/data/woocommerce-headings.csv").open(encoding="utf-8", newline="") as _file:
    EXPORTS = {language: headings for language, *headings in csv.reader(_file)}


def names(headings: list[str]) -> list[str]:
    return [column_name(heading) for heading in headings]


@pytest.mark.parametrize("language", EXPORTS)
def test_a_whole_export_has_the_names_of_one_in_english(language):
    left_out = {"downloadlimit": "download_limit", "downloadlimiet": "download_limit"}  # by how they begin
    found = [left_out.get(name, name) for name in names(EXPORTS[language])]
    assert found == names(EXPORTS["English"])


def test_numbers_units_and_metadata_keep_what_tells_them_apart():
    found = names(["Attribut 12 Wert(e)", "Poids (g)", "Méta : _x", "Metadados: layout"])
    assert found == ["attribute_12_value_s", "weight_g", "meta__x", "meta_layout"]


def test_a_heading_that_is_not_known_stays():
    found = names(["Weight (lbs)", "Custom 1 thing 2", "Färg", "Check in"])
    assert found == ["weight_lbs", "custom_1_thing_2", "färg", "check_in"]
