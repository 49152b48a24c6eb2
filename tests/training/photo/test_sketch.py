"""Sketches read as garments: closed and open outlines, either polarity, lines within, nothing at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw
from scipy import ndimage

from training.photo.garment import SIDE
from training.photo.sketch import read_sketch

SHIRT = ((90, 80), (210, 80), (260, 150), (230, 170), (205, 140), (205, 330), (95, 330), (95, 140),
         (70, 170), (40, 150), (90, 80))  # fmt: skip
POCKET = (160, 170, 190, 200)
HEIGHT, WIDTH = 400, 300


def _draw(*, ink="black", paper="white", width=4, gap=0, inner=False, solid=False):
    """A shirt's outline with a gap in its hem: uint8 (400, 300, 3)."""
    image = Image.new("RGB", (WIDTH, HEIGHT), paper)
    pen = ImageDraw.Draw(image)
    if solid:
        pen.polygon(SHIRT, fill=ink)
    pen.line(SHIRT, fill=ink, width=width, joint="curve")
    if gap:
        pen.rectangle((150 - gap / 2, 320, 150 + gap / 2, 340), fill=paper)
    if inner:
        pen.rectangle(POCKET, outline=ink, width=width)
    return np.asarray(image)


def _truth():
    image = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(image).polygon(SHIRT, fill=255)
    return np.asarray(image) > 0


def _cut(area, box):
    """Cut the truth as the garment was cut: its longer side, and 6 % of it as a margin on either side."""
    left, top, right, bottom = np.array(box) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
    half = max(right - left, bottom - top) * 0.56
    x, y = (left + right) / 2, (top + bottom) / 2
    image = Image.fromarray((area * 255).astype(np.uint8))
    extent = (x - half, y - half, x + half, y + half)
    return np.asarray(image.transform((SIDE, SIDE), Image.Transform.EXTENT, extent)) > 127


def _overlap(garment):
    mask, truth = garment.mask > 127, _cut(_truth(), garment.box)
    return (mask & truth).sum() / (mask | truth).sum()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": 1, "ink": "#777", "paper": "#eee"},
        {"width": 7},
        {"ink": "white", "paper": "black"},
        {"gap": 8},
        {"gap": 30},
        {"gap": 12, "inner": True},
        {"solid": True, "ink": "navy"},
    ],
    ids=str,
)
def test_an_outline_becomes_the_area_within(options):
    garment = read_sketch(_draw(**options))
    assert garment.found
    assert garment.mask.shape == (SIDE, SIDE)
    assert _overlap(garment) > 0.9


def test_the_box_is_that_of_the_outline():
    np.testing.assert_allclose(
        read_sketch(_draw()).box, (40 / 300, 80 / 400, 260 / 300, 330 / 400), atol=0.015
    )


def test_a_wide_gap_leaves_the_hull_of_the_strokes():
    garment = read_sketch(_draw(gap=105))
    hull = _cut(_truth(), garment.box)
    assert (garment.mask > 127)[hull].mean() > 0.95


def test_uneven_light_on_the_paper_is_no_stroke():
    light = np.linspace(1, 0.4, WIDTH)[None, :, None]
    assert _overlap(read_sketch((_draw(ink="#666") * light).astype(np.uint8))) > 0.9


def test_specks_are_no_strokes():
    sketch = _draw().copy()
    sketch[10:12, 280:282] = 0
    sketch[380:382, 10:12] = 0
    assert _overlap(read_sketch(sketch)) > 0.9


def test_lines_within_stay_and_the_outline_goes():
    dark = (read_sketch(_draw(inner=True)).rgb < 128).all(axis=2)
    rows, columns = dark.nonzero()
    half, x, y = 250 * 0.56, 150, 205
    scale = SIDE / (2 * half)
    left, top, right, bottom = POCKET
    expected = ((left - x + half) * scale, (right - x + half) * scale)
    assert (columns.min(), columns.max()) == pytest.approx(expected, abs=3)
    expected = ((top - y + half) * scale, (bottom - y + half) * scale)
    assert (rows.min(), rows.max()) == pytest.approx(expected, abs=3)
    assert ndimage.label(dark, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("options", [{}, {"solid": True, "ink": "navy"}], ids=str)
def test_an_outline_without_lines_within_leaves_even_paper(options):
    assert np.ptp(read_sketch(_draw(**options)).rgb[30:100, 55:75]) == 0


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_on_empty_paper_no_garment_is_found(shade):
    garment = read_sketch(np.full((200, 150, 3), shade, np.uint8))
    assert not garment.found
    assert garment.confidence == 0
    assert garment.box == (0, 0, 1, 1)


def test_the_drawing_is_not_changed():
    sketch = _draw(inner=True)
    before = sketch.copy()
    read_sketch(sketch)
    np.testing.assert_array_equal(sketch, before)


@pytest.mark.parametrize("tones", [(0, 255), (10, 250), (255, 0), (90, 140)])
@pytest.mark.parametrize("cell", [1, 2, 7, 32])
def test_a_picture_without_paper_holds_no_garment(tones, cell):
    y, x = np.mgrid[:64, :64] // cell
    board = np.array(tones, np.uint8)[(y + x) % 2]
    garment = read_sketch(np.repeat(board[..., None], 3, axis=2))
    assert garment.mask.shape == (SIDE, SIDE) and garment.confidence in (0.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(16, 40), st.integers(16, 40)),
        elements=st.sampled_from([0, 3, 250, 255]),
    )
)
def test_no_pattern_of_a_few_tones_is_too_odd_to_be_read(tones):
    garment = read_sketch(np.repeat(tones[..., None], 3, axis=2))
    assert garment.mask.shape == (SIDE, SIDE)
