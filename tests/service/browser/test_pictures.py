"""Pictures of items on the page: thumbnails, as wide as they are shown."""

import hashlib
import re

import pytest


def asked(screen):
    """The widths of pictures of items that the page has asked for, and whether each address had a version."""
    found = screen.page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.name)"
        ".filter((name) => name.includes('/image'))"
    )
    return [re.search(r"width=(\d+)", name) for name in found], ["v=" in name for name in found]


@pytest.mark.parametrize(
    ("width", "density", "most"), [(360, 1, 160), (360, 2, 320), (360, 3, 320), (1280, 1, 320)]
)
def test_a_page_of_results_loads_thumbnails_and_no_originals(look, expect, width, density, most):
    screen = look(width=width, touch=width < 600, density=density).open().upload()
    expect(screen.see("#results img").first).to_have_js_property("complete", True)
    widths, versions = asked(screen)
    assert widths and all(widths) and all(versions)
    assert max(int(found[1]) for found in widths) == most


def test_the_garment_searched_from_is_shown_as_a_thumbnail_also_after_a_reload(screen, expect):
    screen.see("#example-list a").first.click()
    screen.found()
    image = screen.see("#query-image")
    address = image.get_attribute("src")
    item = screen.page.evaluate("new URLSearchParams(location.search).get('item')")
    picture = next(screen.shop.folder.glob(f"{item.split('/')[1]}.jpg"))
    version = hashlib.sha256(picture.read_bytes()).hexdigest()[:16]
    assert f"v={version}" in address and address.endswith("&width=640")
    screen.page.reload()
    screen.found()
    assert image.get_attribute("src") == address
    screen.open(f"/?item={item}").found()
    assert image.get_attribute("src").endswith("/image?width=640")
    expect(image).to_have_js_property("complete", True)


def test_a_picture_that_is_missing_has_a_placeholder(look, expect):
    screen = look()
    screen.page.clock.install()
    screen.page.route("**/image?*", lambda route: route.fulfill(status=404, body="{}"))
    screen.open().upload()
    screen.page.clock.run_for(2000)
    expect(screen.see("#results img.missing").first).to_be_hidden()
    assert screen.violations() == []
    assert "favicon.svg" in screen.see("#results .frame").first.evaluate(
        "frame => getComputedStyle(frame).backgroundImage"
    )


def test_a_picture_that_a_queue_has_refused_is_asked_for_again(look, expect):
    screen = look()
    refused = []

    def refuse(route):
        refused.append(route.request.url)
        if len(refused) < 3:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    screen.open()
    expect(screen.see("#examples img").last).not_to_have_js_property("naturalWidth", 0)
    screen.page.route("**/image?*", refuse)
    screen.upload()
    for image in screen.see("#results img").all():
        expect(image).not_to_have_js_property("naturalWidth", 0)
    assert len(refused) > len(set(refused))
