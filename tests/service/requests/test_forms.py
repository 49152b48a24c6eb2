import gzip
import io
import json
import re
import tempfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.sansio.multipart import MultipartDecoder
from werkzeug.test import EnvironBuilder

from service.requests.forms import Delimiters, FormRequest
from service.run.app import FORM_BYTES

WHOLE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\nbytes\r\n--b--\r\n'
PIECE = 64 * 1024  # that Werkzeug's parser takes at a time


def request_with(photo, boundary="b" * 60):
    """A request with a photo as browsers send it."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n'
    body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    request = FormRequest(EnvironBuilder(method="POST", data=body, content_type=kind).get_environ())
    request.max_form_memory_size = FORM_BYTES
    return request


@pytest.mark.parametrize("size", [0, PIECE - 1, PIECE, 3 * PIECE, 3_000_000])
@pytest.mark.parametrize("filling", [b"\r", b"\n", b"\r\n--", None])
def test_a_photo_of_any_size_and_content_arrives_whole(size, filling):
    photo = np.random.default_rng(size).bytes(size) if filling is None else (filling * size)[:size]
    assert request_with(photo).files["file"].read() == photo


def found(expression, data, position):
    match = expression.search(data, position)
    return match and (match.start(), match.end(), match.group(1))


@given(
    pieces=st.lists(
        st.sampled_from([b"\r", b"\n", b"-", b"--", b"b", b"--b-", b"\n--b-\n", b" ", b"\t\v", b"\f"])
    ),
    boundary=st.sampled_from([b"b", b"-", b"b-", b"-b", b"--", b"b b"]),
    position=st.integers(0, 9),
)
@example(pieces=[b"\r", b"\n--b-\n"], boundary=b"b-", position=1)
def test_delimiters_lie_where_the_expressions_of_werkzeug_find_them(pieces, boundary, position):
    data, theirs = bytearray(b"".join(pieces)), MultipartDecoder(boundary)
    for expression, after_break in ((theirs.preamble_re, False), (theirs.boundary_re, True)):
        ours = Delimiters(boundary, after_break=after_break)
        assert found(ours, data, position) == found(expression, data, position)


def test_a_large_photo_is_not_put_on_the_disk(monkeypatch):
    monkeypatch.setattr(tempfile, "_TemporaryFileWrapper", None)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "__init__", None)
    assert len(request_with(bytes(3_000_000)).files["file"].read()) == 3_000_000


@pytest.mark.parametrize("part", ['filename="p"', "x=y"])
def test_a_part_without_a_name_is_refused_as_a_field_of_no_name(client, part):
    nameless = f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\nbytes\r\n".encode()
    answer = client.post("/v1/search", data=nameless + WHOLE, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (400, "invalid_parameter", "")


@pytest.mark.parametrize("name", [b"r\xe9sum\xe9.jpg", b"\xff\xfe", b"\x93\xfa\x96\x7b.jpg", b""])
def test_the_name_of_a_file_needs_no_encoding(client, photo, name):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    kind = "multipart/form-data; boundary=b"
    answer = client.post("/v1/search", data=head + photo + b"\r\n--b--\r\n", content_type=kind)
    assert answer.status_code == (200 if name else 400), answer.text


FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("multipart/form-data", WHOLE, "names no boundary"),
        ("multipart/form-data; boundary=", WHOLE, "names no boundary"),
        ('multipart/form-data; boundary="\xfc"', WHOLE, "other signs than ASCII"),
        ("multipart/form-data; boundary=c", WHOLE, "boundary 'c' that its Content-Type names does not occur"),
        (FORM, b"", "the body is empty"),
        (FORM, WHOLE[:-8], "without its last boundary, '--b--'"),
        (FORM, WHOLE.replace(b"--b--", b"--B--"), "without its last boundary"),
        (FORM, WHOLE[:30], "in the head of a part"),
        (FORM, b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", "no Content-Disposition"),
        (
            FORM,
            b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\n\xff\r\n--b--\r\n',
            "not utf-8 text",
        ),
    ],
)
def test_each_cause_of_an_unreadable_form_has_its_words(client, kind, body, said):
    stream = {"input_stream": io.BytesIO(body), "content_length": len(body)}
    answer = client.post("/v1/search", content_type=kind, **stream)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter"), answer.text
    assert said in answer.json["detail"]


@pytest.mark.parametrize(
    ("kind", "body", "status", "said"),
    [
        (FORM, b"--b--\r\n", 400, "The form holds no file"),
        ("application/json", b"", 400, "The body is empty"),
        ("text/csv", b"a,b", 415, "The body is text/csv"),
        ("", b"a,b", 415, "The body has no Content-Type"),
        ("", b"", 400, "The request has no body"),
    ],
)
def test_a_body_that_is_none_is_named_as_what_it_is(client, kind, body, status, said):
    answer = client.post("/v1/search", data=body, content_type=kind)
    assert answer.status_code == status and said in answer.json["detail"], answer.text


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZip, br"])
@pytest.mark.parametrize(("kind", "body"), [(FORM, WHOLE), ("application/json", b'{"item_id": "hat/1"}')])
def test_a_compressed_body_is_named_as_such(client, coding, kind, body):
    headers = {"Content-Encoding": coding}
    answer = client.post("/v1/search", data=gzip.compress(body), content_type=kind, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")
    assert coding.lower() in answer.json["detail"] and "without Content-Encoding" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ('{"item_id": "hat/1", "limit": 3, "limit": 4}', "limit"),
        ('{"item_id": "hat/1", "filter": {"price": {"gte": 1, "gte": 2}}}', "gte"),
        ('{"item_id": "hat/1", "filter": {"or": [{"a": 1, "a": 1}]}}', "a"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_however_deep(client, body, key):
    answer = client.post("/v1/search", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["param"]) == (400, key)
    assert "is given twice" in answer.json["detail"]
    found = json.dumps(json.loads(body)["filter"]) if "filter" in body else '{"a": 1}'
    assert client.get("/v1/items/hat/1/similar", query_string={"filter": found}).status_code == 200
    address = {"filter": '{"category": "hat", "category": "dress"}'}
    refused = client.get("/v1/items/hat/1/similar", query_string=address)
    assert (refused.status_code, refused.json["param"]) == (400, "category")


@pytest.mark.parametrize(
    ("kind", "said"), [("text/csv", "The body is text/csv."), ("", "There is no Content-Type.")]
)
def test_a_batch_that_is_not_json_is_told_what_was_received(client, kind, said):
    answer = client.post("/v1/search/batch", data=b'{"searches": []}', content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")
    assert answer.json["detail"] == f"{said} Send one object in application/json."


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_without_a_length_that_reaches_the_limit_is_too_large(app, client, more):
    app.config["MAX_CONTENT_LENGTH"] = 50
    body = b'{"item_id": "hat/1"}'.ljust(49 + more)
    stream = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
    answer = client.post("/v1/search", content_type="application/json", environ_overrides=stream)
    assert answer.status_code == (413 if more else 200)


def field(content, charset=""):
    head = b'--b\r\nContent-Disposition: form-data; name="limit"\r\n'
    kind = f"Content-Type: text/plain; charset={charset}\r\n".encode() if charset else b""
    return head + kind + b"\r\n" + content + b"\r\n" + WHOLE


@pytest.mark.parametrize(("charset", "named"), [("", "utf-8"), ("us-ascii", "us-ascii")])
def test_a_field_that_is_not_text_in_its_charset_is_refused_by_name(client, charset, named):
    answer = client.post("/v1/search", data=field(b"\xe9", charset), content_type=FORM)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_parameter")
    assert f"the field 'limit' is not {named} text" in answer.json["detail"]


def test_a_field_longer_than_all_texts_may_be_is_too_large_and_a_file_of_that_size_is_not(client):
    long = client.post("/v1/search", data=field(b"1" * (FORM_BYTES + 1)), content_type=FORM)
    assert (long.status_code, long.json["code"]) == (413, "upload_too_large")
    file = WHOLE.replace(b"bytes", b"x" * (FORM_BYTES + 1))
    assert client.post("/v1/search", data=file, content_type=FORM).status_code == 415


def test_what_is_quoted_of_a_request_is_cut(client):
    """60 characters of a name, and 80 of a boundary."""
    long = "z" * 200
    form = f"multipart/form-data; boundary={long}"
    told = [
        client.post("/v1/search", data=WHOLE, content_type=form),
        client.post("/v1/search", data=WHOLE, content_type=FORM, headers={"Content-Encoding": long}),
        client.post("/v1/search", data=field(b"\xff").replace(b"limit", long.encode()), content_type=FORM),
        client.post("/v1/search", data=WHOLE.replace(b'"file"', f'"{long}"'.encode()), content_type=FORM),
        client.post("/v1/search", data=b"x", content_type=f"text/{long}"),
        client.post("/v1/search/batch", data=b"x", content_type=f"text/{long}"),
    ]
    lengths = [len(re.search("(?:text/)?z+", answer.json["detail"])[0]) for answer in told]
    assert lengths == [80, 60, 60, 60, 60, 60] and told[3].json["param"] == "z" * 60
    assert all(400 <= answer.status_code < 500 for answer in told)


def test_a_form_whose_end_is_cut_off_quotes_80_characters_of_its_boundary(client):
    boundary = "z" * 200
    body = WHOLE[:-8].replace(b"--b", f"--{boundary}".encode())
    answer = client.post("/v1/search", data=body, content_type=f"multipart/form-data; boundary={boundary}")
    assert f"last boundary, '--{'z' * 80}--'; send" in answer.json["detail"]


def test_files_and_fields_keep_their_order_and_their_type():
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="' + name + b"\r\n\r\n" + content + b"\r\n"
        for name, content in [
            (b'x"', b"1"),
            (b'f"; filename="p"', b"one"),
            (b'x"', b"2"),
            (b'f"; filename="q"', b""),
        ]
    )
    environ = EnvironBuilder(method="POST", data=parts + b"--b--\r\n", content_type=FORM).get_environ()
    request = FormRequest(environ)
    assert request.form.to_dict(flat=False) == {"x": ["1", "2"]}
    files = request.files.getlist("f")
    assert [(file.filename, file.read()) for file in files] == [("p", b"one"), ("q", b"")]
    assert request.stream.read() == b""
