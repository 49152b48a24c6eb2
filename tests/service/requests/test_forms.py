import tempfile

import numpy as np
import pytest
from werkzeug.test import EnvironBuilder

from service.requests.reading import FormRequest
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


def test_a_large_photo_is_not_put_on_the_disk(monkeypatch):
    monkeypatch.setattr(tempfile, "_TemporaryFileWrapper", None)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "__init__", None)
    assert len(request_with(bytes(3_000_000)).files["file"].read()) == 3_000_000


@pytest.mark.parametrize("part", ['filename="p"', "x=y"])
def test_a_part_without_a_name_is_refused_as_a_field_of_no_name(client, part):
    nameless = f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\nbytes\r\n".encode()
    answer = client.post("/v1/search", data=nameless + WHOLE, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (400, "invalid_parameter", "")
