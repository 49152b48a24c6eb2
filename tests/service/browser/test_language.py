"""The page in German, for browsers that prefer it."""

import re


def test_a_browser_that_prefers_german_has_a_page_in_german(look, expect):
    screen = look(locale="de-AT").open()
    expect(screen.see("html")).to_have_attribute("lang", "de")
    expect(screen.see("#promise")).to_have_text("Der gleiche Schnitt, in jeder Farbe.")
    screen.upload()
    expect(screen.see("#query-title")).to_have_text("Dein Foto")
    expect(screen.see("#summary")).to_have_text("12 Stücke · Die nächsten zuerst")
    near = screen.see("#results .near").first
    expect(near).to_have_text("Sehr nah")
    expect(near).to_have_attribute("title", re.compile(r"^Näher als 99,9\+ % "))
    expect(screen.see("#facets legend").last).to_have_text("Preis")
    screen.see("#results .why").first.click()
    expect(screen.see(".said").first).to_contain_text("Gleicher Umriss")
    words = screen.page.evaluate("document.body.innerText")
    assert re.findall(r"\b(the|your|garments?|search|close|filters)\b", words, re.IGNORECASE) == []


def test_a_failure_is_told_in_german_too(look, expect):
    screen = look(locale="de").open("/?query=q_0000000000000000")
    expect(screen.see("#failure-title")).to_have_text("Dieses Bild wird nicht mehr aufbewahrt")
