"""The box around the garment: dragged, drawn anew, moved by keys, reset; each time is searched again."""

import json

import pytest


def box_of(request):
    return json.loads(request.post_data)["box"]


def test_a_corner_that_is_dragged_searches_with_the_new_box(screen, expect, on):
    screen.upload()
    picture = screen.see("#picture")
    corner = on(screen.see("#box-se"), 0.8, 0.8)
    target = on(picture, 0.6, 0.5)
    request, answer = screen.sent(lambda: screen.drag(corner, target))
    left, top, right, bottom = box_of(request)
    assert (left, top) != (0, 0)
    assert right == pytest.approx(0.6, abs=0.06)
    assert bottom == pytest.approx(0.5, abs=0.06)
    assert "query_id" in json.loads(request.post_data)
    assert answer["query"]["box"][2] <= right + 1e-3
    expect(screen.see("#reset")).to_be_visible()
    assert "box=" in screen.page.url


def test_a_new_box_can_be_drawn_beside_the_old_one(screen, on):
    screen.upload()
    picture = screen.see("#picture")
    corner = on(picture, 0.02, 0.02)
    request, _ = screen.sent(lambda: screen.drag(corner, on(picture, 0.5, 0.4)))
    assert box_of(request) == pytest.approx([0.02, 0.02, 0.5, 0.4], abs=0.02)


def test_the_arrow_keys_move_a_corner_and_its_label_says_where_it_is(screen, expect):
    screen.upload()
    corner = screen.see("#box-nw")
    before = corner.get_attribute("aria-label")
    corner.focus()
    request, answer = screen.sent(lambda: screen.page.keyboard.press("ArrowRight"))
    found = box_of(request)
    request, _ = screen.sent(lambda: screen.page.keyboard.press("Shift+ArrowDown"))
    left, top, *_ = box_of(request)
    assert (left, top) == pytest.approx((found[0], found[1] + 0.1), abs=1e-3)
    after = f"Upper left corner of the box, at {round(left * 100)} %, {round(top * 100)} %"
    expect(corner).to_have_attribute("aria-label", after)
    assert after != before
    expect(corner).to_be_focused()


def test_resetting_the_box_looks_for_the_garment_again(screen, on):
    screen.upload()
    before = screen.items()
    picture = screen.see("#picture")
    screen.sent(lambda: screen.drag(on(picture, 0.02, 0.02), on(picture, 0.6, 0.4)))
    request, _ = screen.sent(screen.see("#reset").click)
    assert "box" not in json.loads(request.post_data)
    assert screen.items() == before


def test_a_part_of_an_item_can_be_searched_with(screen, on):
    screen.upload()
    screen.sent(screen.see("#results .card").first.click, path="/similar")
    picture = screen.see("#picture")
    request, _ = screen.sent(lambda: screen.drag(on(screen.see("#box-se"), 0.8, 0.8), on(picture, 0.9, 0.6)))
    item = json.loads(request.post_data)["item_id"]
    assert item.endswith("/3")
    assert item not in screen.items()


def test_on_a_phone_the_picture_is_enlarged_before_its_box_is_changed(look, expect):
    screen = look(width=360, height=740, touch=True).open().upload()
    expect(screen.see("#box-se")).to_be_hidden()
    narrow = screen.see("#picture").bounding_box()["width"]
    screen.see("#adjust").tap()
    expect(screen.see("#box-se")).to_be_visible()
    assert screen.see("#picture").bounding_box()["width"] > 1.5 * narrow
