import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from training.photo import segmenter
from training.photo.preprocessing import SEGMENTER_SIDE as SIDE
from training.photo.segmenter import HALF, MIRRORED, PRETRAINED, fingerprint, parse, read_output, squeeze


@pytest.mark.parametrize("size", [(240, 240), (300, 90), (1, 1), (128, 128)])
def test_a_photograph_of_any_proportions_is_squeezed_to_the_square(size):
    assert squeeze(np.zeros((*size, 3), np.uint8)).shape == (SIDE, SIDE, 3)


def test_squeezing_takes_the_mean_of_what_falls_together():
    photo = np.zeros((2 * SIDE, SIDE, 3), np.uint8)
    photo[::2] = 100
    squeezed = squeeze(photo)
    assert squeezed.dtype == np.uint8
    assert set(np.unique(squeezed)) == {50}


@pytest.mark.parametrize("size", [(240, 240), (320, 160), (20, 30)])
def test_probabilities_have_the_network_s_size_whatever_the_photograph_s(size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = parse(noise)
    for probability, side in ((found.person, SIDE), (found.garment, SIDE), (found.types, HALF)):
        assert probability.shape[:2] == (side, side) and probability.dtype == np.float32
        assert probability.min() >= 0 and probability.max() <= 1
    assert (found.person + found.garment).max() < 1.02
    assert found.types.sum(axis=-1) == pytest.approx(1, abs=0.02)  # in eight bits
    assert sum(found.turns) == pytest.approx(1)


def test_the_mirror_image_has_the_mirrored_masks_but_for_what_colour_tells():
    """Of a photograph without colours, both looks are at the same two pictures."""
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), np.uint8), 3, axis=-1)
    grey[20:100, 30:80] = 90
    found, mirrored = parse(grey), parse(grey[:, ::-1])
    assert np.array_equal(found.garment, mirrored.garment[:, ::-1])
    assert np.array_equal(found.types, mirrored.types[:, ::-1])
    assert found.turns == pytest.approx(np.array(mirrored.turns)[MIRRORED].tolist())


def test_groups_and_types_are_read_where_they_stand():
    output = np.zeros((HALF, HALF, 24), np.float32)
    output[10, 20, 3 * 1 + 2] = 1.0  # garment, upper right of the two by two pixels
    output[10, 20, 3 * 2 + 1] = 1.0  # person, lower left
    output[10, 20, 12 + 3] = 1.0
    found = read_output(output)
    assert [*map(tuple, np.argwhere(found.garment))] == [(20, 41)]
    assert [*map(tuple, np.argwhere(found.person))] == [(21, 40)]
    assert found.types[10, 20].argmax() == 3


def test_a_network_of_the_first_version_tells_garments_alone():
    logits = np.full((SIDE, SIDE, 1), -4, np.float32)
    logits[5, 7] = 4
    found = read_output(logits)
    assert found.garment[5, 7] > 0.9 > 0.1 > found.garment[7, 5]
    assert not found.person.any() and found.turns[0] == 1


@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 60, 160), (30, 30, 30)])
def test_a_plain_garment_is_separated_from_its_background(make_photo, colour):
    truth = squeeze(make_photo())[..., 0] < 210
    believed = parse(make_photo(colour=colour)).garment > 0.5
    assert (believed & truth).sum() / (believed | truth).sum() > 0.8


def test_where_a_garment_stands_is_in_proportion_to_the_photograph(photo):
    wide = np.full((240, 480, 3), (225, 225, 220), np.uint8)
    wide[:, 240:] = photo
    columns = np.flatnonzero((parse(wide).garment > 0.5).any(0))
    assert columns[0] == pytest.approx(0.6 * SIDE, abs=4)
    assert columns[-1] == pytest.approx(0.9 * SIDE, abs=4)


def test_the_input_is_not_modified(photo):
    before = photo.copy()
    parse(photo)
    assert np.array_equal(photo, before)


def test_threads_agree(make_photo):
    photos = [make_photo(colour=colour) for colour in [(200, 30, 40), (20, 60, 160), (30, 30, 30)]]
    alone = [parse(photo).garment for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda photo: parse(photo).garment, photos * 6))
    for n, result in enumerate(results):
        assert np.array_equal(result, alone[n % 3])


def test_the_fingerprint_is_of_the_file_that_ships():
    assert fingerprint() == hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()
    assert len(fingerprint()) == 64


def test_another_file_has_another_fingerprint(monkeypatch, tmp_path):
    other = tmp_path / "segmenter.tflite"
    other.write_bytes(PRETRAINED.read_bytes() + b"\0")
    monkeypatch.setattr(segmenter, "PRETRAINED", other)
    assert fingerprint.__wrapped__() == hashlib.sha256(other.read_bytes()).hexdigest() != fingerprint()
