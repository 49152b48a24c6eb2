import pytest

from service.forms import FormRequest

WHOLE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\nbytes\r\n--b--\r\n'


@pytest.fixture
def opened(monkeypatch):
    """All files that requests have opened."""
    streams = []
    open_stream = FormRequest._get_file_stream

    def note(self, *args, **options):
        streams.append(open_stream(self, *args, **options))
        return streams[-1]

    monkeypatch.setattr(FormRequest, "_get_file_stream", note)
    return streams


@pytest.mark.parametrize("body", [WHOLE, WHOLE[:-12], WHOLE[:-6] + b"\r\nX"])
def test_the_file_of_a_form_is_closed_also_where_the_form_breaks_off(client, opened, body):
    client.post("/v1/search", data=body, content_type="multipart/form-data; boundary=b")
    assert [stream.closed for stream in opened] == [True]


@pytest.mark.parametrize("part", ['filename="p"', "x=y"])
def test_a_part_without_a_name_is_refused_as_a_field_of_no_name(client, part):
    nameless = f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\nbytes\r\n".encode()
    answer = client.post("/v1/search", data=nameless + WHOLE, content_type="multipart/form-data; boundary=b")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (400, "invalid_parameter", "")
