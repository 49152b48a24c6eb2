"""The table of texts: the same keys in each language, and each of them in use."""

import re
from pathlib import Path

import pytest
from werkzeug.datastructures import LanguageAccept

import service
from service.page.texts import STATUS_TABLES, TABLES, language_of
from service.picture.explanation import _LEADS, _PLACES, _WORDS
from training.photo.garment_types import TYPES

SERVICE = Path(service.__file__).parent
SCRIPTS = set((SERVICE / "static").glob("*.js"))
OF_STATUS = {path for path in SCRIPTS if path.stem.startswith(("status", "charts"))}
SAME = {"outline_tshirt", "sort_option", "summary", "filters", "page", "side", "builds"}
"""Texts that are the same in both languages."""


def entries(table, above=()):
    """Each text with the keys that lead to it, and the names of the values that it takes."""
    for key, text in table.items():
        if isinstance(text, dict):
            yield from entries(text, (*above, key))
        else:
            yield (*above, key), sorted(set(re.findall(r"\{(\w+)\}", "".join(text))))


@pytest.mark.parametrize("tables", [TABLES, STATUS_TABLES])
def test_each_language_has_the_same_texts_with_the_same_values(tables):
    assert set(tables) == {"de", "en"}
    assert list(entries(tables["de"])) == list(entries(tables["en"]))


@pytest.mark.parametrize("tables", [TABLES, STATUS_TABLES])
def test_no_text_is_empty_or_the_same_in_both_languages_by_oversight(tables):
    english, german = (str(tables[language]) for language in ("en", "de"))
    assert "''" not in english.replace("'': [", "") + german.replace("'': [", "")
    alike = {key for key in tables["en"] if tables["en"][key] == tables["de"][key]}
    assert alike <= SAME


@pytest.mark.parametrize(
    ("template", "scripts", "table", "told"),
    [
        ("index.html", SCRIPTS - OF_STATUS, TABLES["en"], {"from", "to", "yours", "theirs", "alike"}),
        ("status.html", OF_STATUS, STATUS_TABLES["en"], {"before", "after"}),
    ],
)
def test_a_page_asks_for_texts_that_are_there_and_all_of_them(template, scripts, table, told):
    page = (SERVICE / "templates" / template).read_text()
    script = "".join(path.read_text() for path in scripts)
    asked = set(re.findall(r"\bt\.(\w+)|\bTEXTS\.(\w+)", page + script))
    asked = {name for pair in asked for name in pair if name}
    of_script = {
        name for call in re.findall(r"\bt\(([^()]*)", script) for name in re.findall(r'"(\w+)"', call)
    }
    asked |= of_script & set(table)
    outlines = {key for key in table if key.startswith("outline_")}
    assert asked | outlines | told == set(table)  # what is told by its name in a list stands in `told`


def test_what_an_explanation_says_and_every_type_of_garment_has_a_text():
    phrases = [lead for _, lead in _LEADS] + list(_WORDS.values())
    phrases += [f"differs most {place}" for place in _PLACES.values()]
    phrases += ["inner lines agree", "inner lines differ"]
    for table in TABLES.values():
        assert set(table["phrases"]) == set(phrases)
        assert list(table["types"]) == list(TYPES)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ([("de-AT", 1), ("en", 0.5)], "de"),
        ([("fr", 1), ("de", 0.7), ("en", 0.5)], "de"),
        ([("en-GB", 1), ("de", 0.9)], "en"),
        ([("fr", 1)], "en"),
        ([], "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_prefers(accepted, language):
    assert language_of(LanguageAccept(accepted)) == language
