"""Search by a part: marked on the picture, sent in fractions of the garment, shown in each result."""

import json
import re

import pytest


def mark(screen, on, *, of=(0.3, 0.02, 0.7, 0.3)):
    """Begin to mark parts, and draw a frame in fractions of the picture."""
    screen.see("#part").click()
    picture = screen.see("#picture")
    return screen.sent(lambda: screen.drag(on(picture, *of[:2]), on(picture, *of[2:])))


def test_a_frame_on_the_picture_searches_by_that_part_of_the_garment(screen, expect, on):
    screen.upload()
    request, answer = mark(screen, on, of=(0.3, 0.2, 0.7, 0.5))
    asked, box = json.loads(request.post_data), answer["query"]["box"]
    left, top, right, bottom = asked["part"]
    assert "box" not in asked and "part=" in screen.page.url
    assert box[0] + left * (box[2] - box[0]) == pytest.approx(0.3, abs=0.02)
    assert box[1] + bottom * (box[3] - box[1]) == pytest.approx(0.5, abs=0.02)
    assert right > left and bottom > top
    expect(screen.see("#part")).to_have_attribute("aria-pressed", "true")
    expect(screen.see("#results .found-part")).to_have_count(len(answer["results"]))
    assert screen.violations() == []


def test_the_part_is_drawn_in_each_result_where_it_was_found(screen, on):
    screen.upload()
    _, answer = mark(screen, on)
    first = answer["results"][0]
    drawn = screen.see("#results .found-part").first
    drawn.wait_for()
    frame = screen.see("#results .frame").first.bounding_box()
    place = drawn.bounding_box()
    left, _, right, _ = first["part_box"]
    middle = (place["x"] + place["width"] / 2 - frame["x"]) / frame["width"]
    assert middle == pytest.approx((left + right) / 2, abs=0.12)  # the picture may be cropped, or have edges


def test_of_pictures_that_come_late_the_last_part_alone_is_drawn(screen, expect, on):
    late = screen.held(re.compile(r"/image\?"))
    screen.upload()
    mark(screen, on)
    picture = screen.see("#picture")
    screen.sent(lambda: screen.drag(on(picture, 0.3, 0.5), on(picture, 0.7, 0.9)))
    expect(screen.see("#results .found-part:visible")).to_have_count(0)
    screen.let_go(late)
    expect(screen.see("#results .found-part:visible")).to_have_count(len(screen.items()))
    assert screen.see("#results .found-part").count() == len(screen.items())


def test_how_alike_the_whole_is_is_not_said_of_answers_to_a_part(screen, expect, on):
    def unsure(route):
        answer = route.fetch()
        body = answer.json()
        body["query"]["warnings"] = ["nothing_close"]
        route.fulfill(response=answer, json=body)

    screen.upload()
    screen.page.route("**/v1/search*", unsure)
    mark(screen, on)
    expect(screen.see("#results .near").first).to_have_text("")
    expect(screen.see("#distant")).to_be_hidden()
    screen.sent(screen.see("#part").click)
    expect(screen.see("#results .near").first).to_have_text("Loosely alike")
    expect(screen.see("#distant")).to_be_visible()


def test_without_the_part_the_whole_is_searched_again(screen, expect, on):
    screen.upload()
    before = screen.items()
    mark(screen, on)
    request, _ = screen.sent(screen.see("#part").click)
    assert "part" not in json.loads(request.post_data)
    assert screen.items() == before
    expect(screen.see("#results .found-part")).to_have_count(0)
    expect(screen.see("#part")).to_have_attribute("aria-pressed", "false")


def test_a_part_outlives_going_back_and_forward(screen, expect, on):
    screen.upload()
    mark(screen, on)
    shown = screen.items()
    screen.page.go_back()
    expect(screen.see("#results .found-part")).to_have_count(0)
    screen.page.go_forward()
    expect(screen.see("#results .found-part")).to_have_count(len(shown))
    assert screen.items() == shown


def test_a_part_of_an_item_is_searched_by_without_the_item_itself(screen, on):
    screen.upload()
    screen.sent(screen.see("#results .card").first.click, path="/similar")
    request, _ = mark(screen, on)
    asked = json.loads(request.post_data)
    assert len(asked["part"]) == 4 and asked["item_id"] not in screen.items()


def test_a_frame_beside_the_garment_searches_nothing(screen, on):
    screen.upload()
    screen.see("#part").click()
    asked = screen.searches()
    picture = screen.see("#picture")
    screen.drag(on(picture, 0.001, 0.9), on(picture, 0.06, 0.999))
    assert asked == []
