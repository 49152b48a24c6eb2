"""Hand-made descriptors: what they see, and what they must not see."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.errors import UnreadableImage
from training.evaluation.baselines import (
    HOG_CUTOUT,
    HOG_MASK,
    HOG_PHOTO,
    SOBEL_PHOTO,
    Reading,
    chance,
    describe,
    read_all,
)
from training.photo.garment import SIDE, Garment, isolate


def _photo(*, colour=(180, 40, 60), ground=(230, 225, 215), tall=True):
    """A plain garment, an upright or a lying rectangle, in the middle of a plain ground."""
    photo = np.full((160, 160, 3), ground, dtype=np.uint8)
    rows, columns = (slice(20, 140), slice(50, 110)) if tall else (slice(50, 110), slice(20, 140))
    photo[rows, columns] = colour
    return photo


def _describe(**options):
    photo = _photo(**options)
    return describe(photo, isolate(photo))


def _save(folder, name, photo):
    path = folder / name
    Image.fromarray(photo).save(path)
    return path


def test_every_descriptor_is_a_float32_unit_vector():
    descriptors = _describe()
    assert {name: vector.shape for name, vector in descriptors.items()} == {
        SOBEL_PHOTO: (32 * 32,),
        HOG_PHOTO: (7 * 7 * 2 * 2 * 9,),
        HOG_CUTOUT: (7 * 7 * 2 * 2 * 9,),
        HOG_MASK: (7 * 7 * 2 * 2 * 9,),
    }
    assert {vector.dtype for vector in descriptors.values()} == {np.dtype(np.float32)}
    assert [np.linalg.norm(vector) for vector in descriptors.values()] == pytest.approx([1.0] * 4, abs=1e-6)


def test_the_sobel_pixels_of_two_halves_are_the_line_between_them():
    photo = np.zeros((64, 64, 3), dtype=np.uint8)
    photo[32:] = 255
    pixels = describe(photo, isolate(_photo()))[SOBEL_PHOTO].reshape(32, 32)
    assert pixels[15].min() > 0.1
    assert pixels[16].min() > 0.1
    assert np.delete(pixels, range(14, 18), axis=0).max() == pytest.approx(0.0, abs=1e-6)


def test_a_featureless_photograph_is_described_by_zeros_and_not_by_nan():
    flat = np.full((64, 64, 3), 128, dtype=np.uint8)
    descriptors = describe(flat, isolate(_photo()))
    assert not descriptors[SOBEL_PHOTO].any()
    assert not descriptors[HOG_PHOTO].any()


def test_a_photograph_is_padded_and_not_squeezed_for_hog():
    square, garment = _photo(), isolate(_photo())
    narrow = square[:, 40:120]
    squeezed = np.asarray(Image.fromarray(narrow).resize((160, 160)))
    expected, got, other = (describe(photo, garment)[HOG_PHOTO] for photo in (square, narrow, squeezed))
    assert np.array_equal(got, expected)
    assert other @ expected < 0.9


def test_the_mask_is_described_by_its_shape_and_not_by_its_colour():
    tall, recoloured, wide = (
        options[HOG_MASK] for options in (_describe(), _describe(colour=(20, 60, 160)), _describe(tall=False))
    )
    assert tall @ recoloured > 0.9
    assert tall @ wide < 0.8


def test_the_cut_out_is_described_without_what_lies_around_the_garment():
    rgb = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    rgb[30:98, 40:88] = 200
    mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[30:98, 40:88] = 255
    clutter = rgb.copy()
    clutter[:20] = np.random.default_rng(0).integers(0, 255, (20, SIDE, 3))
    clean, cluttered = (
        describe(_photo(), Garment(rgb=pixels, mask=mask, box=(0, 0, 1, 1), confidence=1.0))[HOG_CUTOUT]
        for pixels in (rgb, clutter)
    )
    assert np.array_equal(clean, cluttered)


def test_photographs_are_read_in_order_and_an_unreadable_one_yields_its_error(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    paths = [
        _save(tmp_path, "tall.png", _photo()),
        tmp_path / "text.jpg",
        _save(tmp_path, "wide.png", _photo(tall=False)),
        Path(tmp_path / "missing.jpg"),
    ]
    tall, text, wide, missing = read_all(paths, processes=1)
    assert isinstance(text, UnreadableImage)
    assert isinstance(missing, UnreadableImage)
    assert isinstance(tall, Reading)
    assert isinstance(wide, Reading)
    assert np.array_equal(tall.descriptors[HOG_PHOTO], _describe()[HOG_PHOTO])
    assert np.array_equal(wide.garment.mask, isolate(_photo(tall=False)).mask)


def test_two_processes_read_the_same_as_one(tmp_path):
    paths = [_save(tmp_path, f"{n}.png", _photo(colour=(n * 40, 20, 90))) for n in range(4)]
    alone, together = (list(read_all(paths, processes=processes)) for processes in (1, 2))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.garment.cutout, other.garment.cutout)
        assert np.array_equal(one.descriptors[HOG_CUTOUT], other.descriptors[HOG_CUTOUT])


def test_descriptors_are_left_out_where_nobody_asks_for_them(tmp_path):
    [reading] = read_all([_save(tmp_path, "a.png", _photo())], described=False, processes=1)
    assert reading.descriptors == {}


def test_chance_knows_nothing_and_repeats_itself():
    one, other = chance(2000, seed=1), chance(2000, seed=2)
    assert np.linalg.norm(one, axis=1) == pytest.approx(np.ones(2000), abs=1e-6)
    assert np.array_equal(one, chance(2000, seed=1))
    assert abs(np.mean(np.sum(one * other, axis=1))) < 0.02
