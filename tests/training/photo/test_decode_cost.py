import io

import numpy as np
import pytest
from PIL import Image

from training.errors import ImageTooLarge
from training.photo.images import decode


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
    with pytest.raises(ImageTooLarge) as refused:
        decode(photo, size=64, max_ms=most_ms)
    return str(refused.value)


def test_a_jpeg_that_repeats_its_scans_is_refused_before_it_is_decoded():
    bomb = with_scans(5000)
    assert len(bomb) < 500_000
    assert "JPEG of 1,000,000 pixels would take about 3.5 s" in refusal(bomb, most_ms=3000)


def test_a_catalogue_may_not_hold_one_either():
    with pytest.raises(ImageTooLarge, match=r"at most 30 s"):
        decode(with_scans(45_000))


def test_a_usual_progressive_jpeg_is_decoded():
    assert decode(picture("JPEG", side=4000, progressive=True), size=64, max_ms=3000).shape == (64, 64, 3)


def test_a_deep_png_counts_more_than_a_flat_one():
    for mode in ("RGB", "RGBA", "L", "P"):
        decode(picture(mode=mode), size=64, max_ms=50)
    assert "0.1 s" in refusal(picture(mode="I;16"), most_ms=50)
