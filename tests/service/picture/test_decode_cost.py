import io
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest
from PIL import Image

from service.picture import decode_cost as effort
from service.picture.decode_cost import bounded_decode_cost
from training.errors import ImageTooLarge


def picture(form="PNG", mode="RGB", side=1000, **options):
    buffer = io.BytesIO()
    image = (
        Image.fromarray(np.zeros((side, side), np.uint16))
        if mode == "I;16"
        else Image.new(mode, (side, side))
    )
    image.save(buffer, form, **options)
    return buffer.getvalue()


def with_scans(count):
    """A progressive JPEG whose last scan is repeated: each repetition costs its decoder a pass."""
    whole = picture("JPEG", side=1000, progressive=True)
    at, end = whole.rfind(b"\xff\xda"), whole.rfind(b"\xff\xd9")
    return whole[:end] + whole[at:end] * count + whole[end:]


def refusal(photo, *, most_ms):
    with pytest.raises(ImageTooLarge) as refused, bounded_decode_cost(photo, most_ms=most_ms):
        raise AssertionError("it would have been decoded")
    return refused.value


def test_a_jpeg_that_repeats_its_scans_is_refused_before_it_is_decoded():
    bomb = with_scans(5000)
    assert len(bomb) < 500_000
    assert "JPEG of 1,000,000 pixels would take about 3.5 s" in str(refusal(bomb, most_ms=3000))


def test_the_answer_to_such_a_picture_names_the_field_that_it_came_in(post):
    answer = post(with_scans(5000))
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (413, "image_too_large", "file")


def test_a_usual_progressive_jpeg_is_not():
    with bounded_decode_cost(picture("JPEG", side=4000, progressive=True), most_ms=3000):
        pass


def test_a_deep_png_counts_more_than_a_flat_one():
    for mode in ("RGB", "RGBA", "L", "P"):
        with bounded_decode_cost(picture(mode=mode), most_ms=50):
            pass
    assert "0.1 s" in str(refusal(picture(mode="I;16"), most_ms=50))


@pytest.mark.parametrize("photo", [b"", b"\xff\xd8", b"\xff\xda" * 1000, b"<svg/>", b"GIF89a"])
def test_what_is_no_picture_is_left_to_the_decoder_to_refuse(photo):
    with bounded_decode_cost(photo, most_ms=50):
        pass


def test_large_pictures_are_decoded_one_after_the_other_and_small_ones_meanwhile(monkeypatch):
    monkeypatch.setattr(effort, "LARGE_PIXELS", 100)
    large, small = picture(side=20), picture(side=10)

    def decode(photo):
        with bounded_decode_cost(photo, most_ms=1000):
            return True

    with ThreadPoolExecutor(2) as pool, bounded_decode_cost(large, most_ms=1000):
        assert pool.submit(decode, small).result(timeout=60)
        second = pool.submit(decode, large)
        assert not wait([second], timeout=0.05).done
    assert second.result(timeout=60)


def test_a_decoder_that_fails_lets_the_next_large_picture_in(monkeypatch):
    monkeypatch.setattr(effort, "LARGE_PIXELS", 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), bounded_decode_cost(picture(), most_ms=1000):
            _ = 1 / 0
