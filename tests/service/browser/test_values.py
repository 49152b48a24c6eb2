"""The values of a field: counted in the answer that is shown, and found by typing where they are many."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

MANY = [{"value": f"Brand {number:02}", "items": 100 - number} for number in range(60)]


def test_chips_tell_how_many_garments_of_the_answer_have_a_value(screen, expect):
    _, answer = screen.sent(lambda: screen.page.set_input_files("#file", screen.photo))
    if "facets" not in answer:  # it came before the index
        expect(screen.see("#facets [data-count]").first).not_to_have_attribute("data-count", "")
    everyone = counts(screen)
    assert sum(everyone.values()) == 12 and len(everyone) > 2
    _, answer = screen.sent(lambda: screen.see("#facets .bound input").first.fill("17"))
    (facet,) = answer["facets"]
    counted = {value["value"].capitalize(): value["items"] for value in facet["values"]}
    assert counts(screen) == {name: counted.get(name, 0) for name in everyone}
    assert sum(counted.values()) == 5
    expect(screen.see("#counted")).to_be_hidden()

    name = next(name for name, count in counts(screen).items() if count)
    screen.sent(screen.see("#facets .pick").filter(has_text=name).first.click)
    assert {name: count for name, count in counts(screen).items() if count is not None} == {
        name: counted[name]
    }


def counts(screen):
    """The number at each chip, None where there is none."""
    chips = screen.see("#facets .pick span").evaluate_all(
        "all => all.map((one) => [one.textContent, one.dataset.count])"
    )
    return {name: int(count) if count else None for name, count in chips}


@pytest.fixture
def many(look, expect):
    """A page whose index offers sixty brands, and whose answers count some of them."""
    screen = look()

    def index(route):
        answer = route.fetch()
        route.fulfill(
            response=answer, json={**answer.json(), "filters": [{"field": "brand", "values": MANY}]}
        )

    def search(route):
        answer = route.fetch(url=re.sub("&filter=[^&]*", "", route.request.url))
        counted = [{"value": "Brand 41", "items": 1500}, {"value": "Brand 07", "items": 2}]
        facets = [{"field": "brand", "values": counted, "missing": 0}]
        route.fulfill(response=answer, json={**answer.json(), "facets": facets, "total": 1200})

    screen.page.route("**/v1/index", index)
    screen.page.route("**/similar?*", search)
    with screen.page.expect_response("**/v1/index"):
        screen.open("/?item=skirt/8")
    screen.found()
    expect(screen.see("#facets .pick [data-count]").first).to_have_attribute("data-count", "1,500")
    yield screen
    assert screen.complaints == []


def filter_of(screen):
    return json.loads(parse_qs(urlsplit(screen.page.url).query)["filter"][0])


def test_of_many_values_the_most_common_are_shown_and_others_found_by_typing(many, expect):
    expect(many.see("#facets .pick")).to_have_count(24)
    assert many.see("#facets .pick").all_text_contents()[:3] == ["Brand 41", "Brand 07", "Brand 00"]
    expect(many.see("#facets .facet .aside")).to_have_text("and 36 more")
    expect(many.see("#counted")).to_be_visible()
    box = many.see("#facets input[type=search]")
    box.fill("and 5")
    expect(many.see("#facets .pick")).to_have_text([f"Brand {number}" for number in range(50, 60)])
    expect(many.see("#facets .facet .aside")).to_be_hidden()
    box.fill("nothing")
    expect(many.see("#facets .facet .aside")).to_have_text("None is called so.")


def test_a_value_that_was_found_stays_when_one_types_on(many, expect):
    box = many.see("#facets input[type=search]")
    box.fill("brand 59")
    many.sent(many.see("#facets .pick").first.click, path="/similar")
    assert filter_of(many) == {"brand": ["Brand 59"]}
    expect(many.see("#facets .pick input").first).to_be_focused()
    box.fill("brand 3")
    expect(many.see("#facets .pick")).to_have_text(
        ["Brand 59", *(f"Brand {number}" for number in range(30, 40))]
    )
    many.sent(many.see("#facets .pick").last.click, path="/similar")
    assert filter_of(many) == {"brand": ["Brand 59", "Brand 39"]}
    many.page.go_back()
    many.found()
    expect(many.see("#facets .pick :checked")).to_have_count(1)


def test_a_value_of_an_address_that_the_index_does_not_list_can_be_taken_away(screen, expect):
    screen.open('/?item=skirt/8&filter={"category":["cape"]}')
    expect(screen.see("#nothing")).to_be_visible()
    screen.sent(screen.see("#facets .pick").filter(has_text="Cape").click, path="/similar")
    assert "filter=" not in screen.page.url


def test_values_that_become_known_while_an_answer_is_awaited_are_counted_after_it(look, expect):
    screen = look()
    late = screen.held(re.compile("/v1/(index|search)"))
    screen.open()
    with screen.page.expect_request("**/v1/search"):
        screen.page.set_input_files("#file", screen.photo)
    late.pop(0).continue_()
    expect(screen.see("#facets .pick").first).to_be_visible()
    screen.let_go(late)
    expect(screen.see("#facets .pick span").first).to_have_attribute("data-count", re.compile(r"\d"))
