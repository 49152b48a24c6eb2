"""Random and damaged uploads: FUZZ_SECONDS is how long each kind is tried, more than a few rounds of it."""

import base64
import ctypes
import gc
import io
import json
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
STATUSES = {200, 201, 400, 403, 404, 408, 413, 415, 422}
FIELDS = [
    "file",
    "box",
    "limit",
    "offset",
    "min_score",
    "filter",
    "kind",
    "explain",
    "item_id",
    "query_id",
    "x",
]

rounds = settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def pictures():
    gradient = Image.linear_gradient("L").resize((48, 64))
    for form in ("JPEG", "PNG", "WEBP"):
        for mode in ("L", "RGB", *(() if form == "JPEG" else ("RGBA",))):
            buffer = io.BytesIO()
            gradient.convert(mode).save(buffer, form)
            yield buffer.getvalue()
    buffer = io.BytesIO()
    gradient.convert("RGB").save(
        buffer, "JPEG", progressive=True, exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00"
    )
    yield buffer.getvalue()


PICTURES = list(pictures())


@st.composite
def damaged(draw):
    """A picture with bytes changed, removed, repeated or put in between."""
    data = bytearray(draw(st.sampled_from(PICTURES)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["set", "insert", "cut", "end", "repeat"]))
        if how == "set":
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=30))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 50))]
        elif how == "end":
            del data[max(at, 16) :]
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 100))] * draw(st.integers(1, 20))
    return bytes(data)


files = damaged() | st.binary(max_size=200) | st.sampled_from(PICTURES)
texts = st.text(max_size=20) | st.sampled_from(
    ["0.1,0.2,0.9,0.95", "5", "-1", "NaN", "1e400", "null", '{"a": 1}']
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def multipart(draw):
    """A body in parts, now and then not put together as it should be."""
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(FIELDS) | st.text(max_size=8))
        file = f'; filename="{draw(st.text(max_size=12))}"' if draw(st.booleans()) else ""
        coding = draw(st.sampled_from(["utf-8", "latin-1", "utf-16"]))
        head = f'Content-Disposition: form-data; name="{name}"{file}'.encode(coding, "replace")
        content = draw(files) if file else draw(texts).encode("utf-8", "replace")
        lines += [b"--b", head, *draw(st.lists(st.binary(max_size=20), max_size=1)), b"", content]
    body = b"\r\n".join([*lines, b"--b--", b""])
    at = draw(st.integers(0, len(body)))
    return body if draw(st.booleans()) else body[:at] + draw(st.binary(max_size=10)) + body[at:]


@st.composite
def bodies(draw):
    """A body that is JSON, or nearly."""
    body = draw(st.dictionaries(st.sampled_from([*FIELDS, "image_base64", "image_url"]), values, max_size=4))
    if draw(st.booleans()):
        body["image_base64"] = base64.b64encode(draw(files)).decode()
    whole = json.dumps(body).encode()
    at = draw(st.integers(0, len(whole)))
    return whole if draw(st.booleans()) else whole[:at] + draw(st.binary(max_size=4)) + whole[at:]


def repeat(attempt):
    """Run a round of examples, then further ones until the time is over."""
    end = time.monotonic() + SECONDS
    attempt()
    while time.monotonic() < end:
        attempt()


def check(answer):
    """Fail unless the answer is one of those that an upload may get, and tells nothing of the inside."""
    assert answer.status_code in STATUSES, answer.text
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
        assert not any(word in answer.text for word in ("Traceback", 'File "', "site-packages", " at 0x"))


def held():
    """Bytes that this process holds now, once what is free was given back: its peak is that of one picture.

    0 where the system does not tell.
    """
    gc.collect()
    if sys.platform != "linux":
        return 0
    with suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.fixture(autouse=True)
def no_leak(client, post, live):
    """Fail where open files, kept photographs or memory have grown."""
    for picture in PICTURES:
        post(picture)
        form = {"file": (io.BytesIO(picture), "p")}
        live.client.put("/v1/items/fuzz", data=form, headers=live.headers)
    memory, opened = held(), len(os.listdir("/dev/fd"))
    yield
    assert held() - memory < 50_000_000
    assert len(os.listdir("/dev/fd")) <= opened + 2


def test_damaged_pictures_are_answered_or_refused(post):
    @rounds
    @given(files)
    def attempt(file):
        check(post(file))

    repeat(attempt)


def test_damaged_forms_are_answered_or_refused(client):
    @rounds
    @given(multipart(), st.sampled_from(["b", "c", "", '"b"']))
    def attempt(body, boundary):
        kind = f"multipart/form-data; boundary={boundary}"
        check(client.post("/v1/search", data=body, content_type=kind))

    repeat(attempt)


def test_damaged_items_are_stored_or_refused(live):
    @rounds
    @given(
        multipart() | bodies(), st.sampled_from(["multipart/form-data; boundary=b", "application/json", "x"])
    )
    def attempt(body, kind):
        answer = live.client.put("/v1/items/fuzz", data=body, content_type=kind, headers=live.headers)
        check(answer)

    repeat(attempt)


def test_damaged_json_of_each_endpoint_is_answered_or_refused(live):
    @rounds
    @given(
        bodies(),
        st.sampled_from(["/v1/search/batch", "/v1/index/activate", "/v1/items/bulk"]),
        st.sampled_from(["%s", '{"searches": [%s]}', '{"put": %s}\n{"patch": %s}\n{"delete": %s}']),
    )
    def attempt(body, address, form):
        body = form.encode().replace(b"%s", body)
        headers = {**live.headers, "Content-Encoding": "gzip"} if len(body) % 7 == 0 else live.headers
        kind = "application/x-ndjson" if address.endswith("bulk") else "application/json"
        check(live.client.post(address, data=body, content_type=kind, headers=headers))

    repeat(attempt)


def test_damaged_json_is_answered_or_refused(client):
    @rounds
    @given(bodies())
    def attempt(body):
        check(client.post("/v1/search", data=body, content_type="application/json"))

    repeat(attempt)
