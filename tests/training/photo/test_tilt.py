"""A shirt of which the tilt is known: how it is told, cut out straight, and laid back where it was."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage

from training.photo.garment import cut_out, mask_in_photo
from training.photo.regions import Region
from training.photo.sketch import read_sketch
from training.photo.tilt import SIDE, Frame, around, laid_back, square, straight, tilt_of

SHIRT = ((-60, -50), (60, -50), (60, -20), (30, -20), (30, 60), (-30, 60), (-30, -20), (-60, -20))


def shirt(degrees=0.0, *, width=300, height=240, outline=SHIRT):
    """A mask, bool (height, width), of a shirt whose collar leans to the right by some degrees."""
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    image = Image.new("L", (width, height))
    middle = (width / 2, height / 2)
    ImageDraw.Draw(image).polygon([tuple(middle + matrix @ point) for point in outline], fill=255)
    return np.asarray(image) > 127


def cut(mask):
    picture, matte = Image.new("RGB", mask.shape[::-1], (9, 9, 9)), Image.fromarray(mask)
    return straight(picture, matte.convert("L"), mask)


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("degrees", [-22, -11, -6, 0, 5, 9, 17, 23])
def test_what_leans_is_stood_straight(degrees):
    _, upright, _ = cut(shirt())
    _, mask, frame = cut(shirt(degrees))
    assert frame.tilt == pytest.approx(-degrees, abs=1.5)
    assert overlap(mask > 127, upright > 127) > 0.93


def test_a_tilt_is_told_in_the_proportions_of_the_photograph_whatever_the_mask_s():
    """The mask of the segmenter is a square, however wide the photograph."""
    mask = shirt(15, width=480, height=240)
    small = np.asarray(Image.fromarray(mask).resize((128, 128), Image.Resampling.BOX))
    _, _, frame = straight(Image.new("RGB", (480, 240)), Image.fromarray(mask).convert("L"), small)
    assert frame.tilt == pytest.approx(-15, abs=2)


@pytest.mark.parametrize("degrees", [1, -1.5])
def test_a_tilt_that_makes_little_difference_is_left(degrees):
    assert cut(shirt(degrees, outline=((-50, -40), (50, -40), (55, 60), (-55, 60))))[2].tilt == 0


def test_what_is_as_symmetric_any_way_stays_as_it_is():
    y, x = np.mgrid[:128, :128] - 63.5
    assert tilt_of(np.where(x**2 + y**2 < 50**2, 255, 0).astype(np.uint8)) == 0
    assert tilt_of(np.full((128, 128), 255, np.uint8)) == 0
    assert tilt_of(np.zeros((128, 128), np.uint8)) == 0


def test_more_than_a_slant_is_not_undone_as_one():
    """A shirt on its side is symmetric a quarter turn away, which the whole photograph has to tell."""
    assert abs(cut(shirt(90))[2].tilt) < 10


@pytest.mark.parametrize("tilt", [0.0, -20.0, 12.0])
def test_a_frame_has_its_margin_on_each_side_of_the_longer_one(tilt):
    mask = shirt(-tilt)
    frame = around(mask, 300, 240, tilt)
    seen = square(Image.fromarray(mask).convert("L"), frame)
    rows, columns = (np.flatnonzero((seen > 127).any(axis)) for axis in (1, 0))
    edge = 0.06 / 1.12 * SIDE
    assert columns[0] == pytest.approx(edge, abs=1.5) and SIDE - 1 - columns[-1] == pytest.approx(
        edge, abs=1.5
    )
    assert rows[0] == pytest.approx(SIDE - 1 - rows[-1], abs=1.5) and frame.tilt == tilt


@pytest.mark.parametrize(
    ("box", "frame"),
    [
        ((50, 50, 150, 100), Frame(0.5, 0.375, 0.56)),
        ((0, 100, 100, 200), Frame(0.25, 0.75, 0.56)),
    ],
)
def test_each_pixel_of_a_square_comes_from_where_it_is_in_the_picture(box, frame):
    """Of a picture of 200 by 200 pixels whose colours say where they are; black beyond it."""
    across = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    mask = np.zeros((200, 200), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    found = around(mask, 200, 200)
    assert (found.x, found.y, found.side) == pytest.approx((frame.x, frame.y, frame.side))
    picture = Image.fromarray(np.dstack([across, across.T, np.full_like(across, 255)]))
    rgb, matte = square(picture, frame), square(Image.fromarray(across), frame)
    side = frame.side * 200
    x, y = 200 * frame.x - side / 2, 200 * frame.y - side / 2
    at = (np.arange(SIDE) + 0.5) * side / SIDE
    inside = np.outer((y + at > 1) & (y + at < 199), (x + at > 1) & (x + at < 199))
    assert np.abs(rgb[..., 0] - (x + at - 0.5))[inside].max() <= 1
    assert np.abs(rgb[..., 1] - (y + at - 0.5)[:, None])[inside].max() <= 1
    assert np.array_equal(matte[inside], rgb[..., 0][inside])
    assert not rgb[np.outer((y + at < -1) | (y + at > 201), np.ones(SIDE, bool))].any()


@pytest.mark.parametrize("degrees", [0, 14, -21])
def test_a_mask_is_laid_back_where_it_was_cut_from(degrees):
    mask = shirt(degrees)
    _, seen, frame = cut(mask)
    assert overlap(laid_back(seen, frame, 300, 240) > 127, mask) > 0.95


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_tilt_and_quarter_turns_are_undone_together(turned):
    """The photograph lies, and in it the shirt is askew."""
    lying = np.rot90(shirt(10), turned // 90)
    photo = np.where(lying[..., None], (200, 30, 40), (225, 225, 220)).astype(np.uint8)
    garment = cut_out(photo, Region("upper", lying, 0.9, False), turned)
    assert garment.frame.tilt == pytest.approx(-10, abs=1.5)
    assert (garment.rgb[garment.mask > 250] == (200, 30, 40)).all(axis=-1).mean() > 0.99
    back = mask_in_photo(garment, height=lying.shape[0], width=lying.shape[1])
    assert back.shape == lying.shape and overlap(back > 0.5, lying) > 0.95


def test_a_sketch_that_leans_is_stood_straight():
    garments = []
    for degrees in (0, 13):
        inside = shirt(degrees, width=256, height=256)
        lines = inside & ~ndimage.binary_erosion(inside, iterations=3)
        garments.append(read_sketch(np.where(lines[..., None], 20, 250).astype(np.uint8).repeat(3, axis=-1)))
    first, second = garments
    assert second.frame.tilt == pytest.approx(-13, abs=2)
    assert overlap(first.mask > 127, second.mask > 127) > 0.9
