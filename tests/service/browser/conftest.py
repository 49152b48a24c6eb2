"""A real service over twelve drawn garments, and the system's Chromium to use its page with."""

import base64
import contextlib
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright import sync_api as playwright

from benchmarks import browser

PATIENCE = 60_000  # milliseconds; on a busy machine a page takes its time
LIMIT = 5
HEAD = "[data-view=search]"
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
            window.shifts.push([value, ...sources.map(({ node }) => node?.id || node?.className)]);
        }
    }).observe({ type: "layout-shift", buffered: true });
"""
playwright.expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def chromium():
    if browser.program() is None:
        pytest.skip("needs Chromium, such as Debian's package chromium-headless-shell")
    with browser.chromium() as started:
        yield started


@pytest.fixture(scope="package")
def shop(serve):
    """The service: `shop.url`, and `shop.folder / "photograph.jpg"` to search with."""
    return serve(workers=1, default_limit=LIMIT)


def adds_to_an_answer(request):
    """Whether a request is for further results, or for the counts of an answer that came before the index."""
    sent = request.post_data_buffer or request.url.encode()
    return any(sign in sent for sign in (b'"offset":', b"offset=", b'"limit":1,', b"limit=1&"))


class Screen:
    """A page of the shop, and what a person does with it; what the browser complains of is kept."""

    def __init__(self, page, shop):
        self.page = page
        self.shop = shop
        self.photo = shop.folder / "photograph.jpg"
        self.complaints = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: line.type == "error" and self.complaints.append(line.text))

    def open(self, address="/"):
        self.page.goto(self.shop.url + address)
        return self

    def see(self, selector):
        return self.page.locator(selector)

    def upload(self, path=None):
        """Search with a file; wait for its answer, since the cards before it are there until it comes."""
        self.sent(lambda: self.page.set_input_files("#file", path or self.photo))
        return self

    def hand_over(self, event, content=None):
        """Drop or paste a file, as the browser hands it to the page."""
        content = self.photo.read_bytes() if content is None else content
        self.page.evaluate(
            """([kind, text]) => {
                const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
                const options = { bubbles: true, cancelable: true };
                document.body.dispatchEvent(kind === "drop"
                    ? new DragEvent("drop", { ...options, dataTransfer: transfer })
                    : new ClipboardEvent("paste", { ...options, clipboardData: transfer }));
            }""",
            [event, base64.b64encode(content).decode()],
        )

    def learned(self):
        """Wait until the page knows the index: its examples are there then, if only behind results."""
        playwright.expect(self.see("#example-list a").first).to_be_attached()
        return self

    def answered(self):
        """Wait until results are shown and none are awaited."""
        playwright.expect(self.see("body.busy")).to_have_count(0)
        playwright.expect(self.see(f"{HEAD} #results .card").first).to_be_visible()
        return self

    def found(self):
        """Wait until results are shown, none are awaited, and the page knows the index."""
        return self.answered().learned()

    def searches(self):
        """Return a list that grows by what is sent from now on to search, and not to add to an answer."""
        sent = []

        def note(request):
            if re.search("/v1/search|/similar", request.url) and not adds_to_an_answer(request):
                sent.append(request)

        self.page.on("request", note)
        return sent

    def names(self):
        return self.see("#results .name").all_text_contents()

    def items(self):
        return self.see("#results .card").evaluate_all("cards => cards.map((card) => card.dataset.item)")

    def sent(self, action, path="/v1/search", *, further=False):
        """Do something that searches, or asks for `further` results; return what was sent and answered."""

        def is_meant(answer):
            return path in answer.url and adds_to_an_answer(answer.request) is further

        with self.page.expect_response(is_meant, timeout=PATIENCE) as awaited:
            action()
        answer = awaited.value
        self.found()
        return answer.request, answer.json()

    def held(self, pattern):
        """Hold back the answers to a pattern of addresses; return their routes, to be let go."""
        routes = []
        self.page.route(pattern, lambda route: routes.append(route))
        return routes

    def let_go(self, routes):
        """Answer what was held back, and wait until the page has had the time to show it."""
        self.page.unroute_all()
        for route in routes:
            with contextlib.suppress(playwright.Error):  # the page has given it up
                if "multipart" in route.request.headers.get("content-type", ""):
                    route.continue_()  # Playwright can't fetch what has a file
                else:
                    route.fulfill(response=route.fetch())
        for _ in range(3):
            self.page.evaluate(
                "async () => { await fetch('/healthz'); await new Promise(requestAnimationFrame); }"
            )

    def violations(self):
        """Return what axe finds: rules, and where."""
        found = Axe().run(self.page).response["violations"]
        return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]

    def count_shifts(self):
        """Note from the next address on what moves without a reason, as `shifts` returns it."""
        self.page.add_init_script(SHIFTS)
        return self

    def shifts(self):
        """Return what has moved by the time that the pictures are there: how far, and which elements."""
        self.wait_until("[...document.images].every((image) => image.complete || image.loading === 'lazy')")
        for _ in range(2):
            self.page.evaluate("new Promise(requestAnimationFrame)")
        return self.page.evaluate("window.shifts")

    def tab_to(self, selector):
        """Press Tab until an element of a selector is focused."""
        for _ in range(80):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return self
        pytest.fail(f"no key leads to {selector}")

    def wait_until(self, condition):
        """Wait until JavaScript says that something is so; the page forbids `wait_for_function`."""
        for _ in range(300):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"never: {condition}")

    def drag(self, start, *points, steps=6):
        """Press the mouse at a point, go along others, let go."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for point in points:
            self.page.mouse.move(*point, steps=steps)
        self.page.mouse.up()


def point_on(locator, x, y):
    """The point at fractions of an element, in pixels of the window."""
    playwright.expect(locator).to_be_visible()
    place = locator.bounding_box()
    return place["x"] + x * place["width"], place["y"] + y * place["height"]


@pytest.fixture
def on():
    return point_on


@pytest.fixture
def expect():
    return playwright.expect


@pytest.fixture
def look(chromium, shop):
    """Open a window: `look(width=1280, height=800, dark=False, touch=False, density=1, locale="en")`."""
    contexts = []

    def open_window(*, width=1280, height=800, dark=False, touch=False, density=1, locale="en"):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=density,
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            is_mobile=touch,
            reduced_motion="reduce",
            locale=locale,
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        return Screen(context.new_page(), shop)

    yield open_window
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # of what a test didn't wait for
        context.close()


@pytest.fixture
def screen(look):
    """A window on a desktop; the test fails where the browser had an error to report."""
    screen = look()
    yield screen.open().learned()
    assert screen.complaints == []
