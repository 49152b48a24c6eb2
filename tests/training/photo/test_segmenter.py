import hashlib
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from training.errors import UnreadableEncoder
from training.photo.garment_types import TYPES
from training.photo.litert import LiteModel
from training.photo.preprocessing import SEGMENTER_SIDE as SIDE
from training.photo.segmenter import (
    HALF,
    PRETRAINED,
    Parse,
    Segmenter,
    closer_box,
    look_twice,
    looked_closer,
    other_view,
    read_output,
    shipped,
    squeeze,
)  # fmt: skip

parse = shipped().parse


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


def test_the_other_view_is_the_mirror_image_in_half_its_colours():
    photo = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    grey = photo @ np.array([0.2125, 0.7154, 0.0721])
    found = other_view(photo)
    assert found.dtype == np.uint8 and found.shape == photo.shape
    assert np.abs(found[:, ::-1] - (photo + grey[..., None]) / 2).max() <= 0.501
    white = np.full((2, 2, 3), 255, np.uint8)
    assert np.array_equal(other_view(white), white)


def test_groups_and_types_are_read_where_they_stand():
    output = np.zeros((24, HALF, HALF), np.float32)
    output[3 * 1 + 2, 10, 20] = np.log(8)  # garment, upper right of the two by two pixels
    output[3 * 2 + 1, 10, 20] = np.log(8)  # person, lower left
    output[12 + 3, 10, 20] = np.log(3)
    found = read_output(output)
    for there, place, of_other in ((found.garment, (20, 41), (21, 40)), (found.person, (21, 40), (20, 41))):
        expected = np.full((SIDE, SIDE), 1 / 3)
        expected[place], expected[of_other] = 0.8, 0.1
        assert there == pytest.approx(expected, abs=1e-6)
    shares = np.full((HALF, HALF, len(TYPES)), 1 / 8)
    shares[10, 20] = 0.1
    shares[10, 20, 3] = 0.3
    assert found.types == pytest.approx(shares, abs=1e-6)


@pytest.mark.parametrize("logit", [1e4, -1e4])
def test_logits_of_any_size_are_probabilities(logit):
    output = np.zeros((24, HALF, HALF), np.float32)
    output[[2, 12]] = logit
    found = read_output(output)
    assert all(np.isfinite(one).all() for one in found.maps)
    expected = pytest.approx(float(logit > 0), abs=1e-6)
    assert found.garment[0, 0] == expected and found.types[0, 0, 0] == expected


def test_a_network_of_the_first_version_tells_garments_alone():
    logits = np.full((SIDE, SIDE, 1), -4, np.float32)
    logits[5, 7] = 4
    found = read_output(logits)
    assert found.garment[5, 7] > 0.9 > 0.1 > found.garment[7, 5]
    assert found.person.max() < 1e-6 and found.turns == (1, 0, 0, 0)
    assert found.types.shape == (HALF, HALF, len(TYPES)) and (found.types == 1 / len(TYPES)).all()


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


def test_the_fingerprint_is_of_the_file():
    assert shipped().fingerprint == hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()


class Answering:
    """Stands in for a network: gives its outputs, float32 (24, 64, 64), in turn, and keeps what it saw."""

    def __init__(self, *outputs):
        self.outputs = [*outputs]
        self.seen = []

    def run(self, pictures):
        self.seen.extend(pictures)
        return self.outputs.pop(0)[None]


@pytest.fixture
def outputs():
    """Of two looks: logits, of the turns everywhere the same."""
    made = np.random.default_rng(1).normal(size=(2, 24, HALF, HALF)).astype(np.float32)
    made[:, 20:] = made[:, 20:, :1, :1]
    return made


def test_what_is_seen_is_the_mean_of_a_photograph_and_of_its_other_view(outputs):
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    network = Answering(*outputs)
    found = look_twice(network, photo, closer=False)
    assert np.array_equal(network.seen, [photo, other_view(photo)])
    first, other = map(read_output, outputs)
    for name in ("person", "garment", "types"):
        mean = (getattr(first, name) + getattr(other, name)[:, ::-1]) / 2
        assert getattr(found, name) == pytest.approx(mean, abs=1e-6)
    mirrored = [other.turns[0], *other.turns[:0:-1]]  # a quarter to the right is one to the left in a mirror
    mean = np.sqrt(np.multiply(first.turns, mirrored))
    assert found.turns == pytest.approx(mean / mean.sum(), rel=1e-5)


def test_the_second_look_is_at_what_was_found_in_the_first(outputs):
    """A garment from a quarter to three quarters of the width, which then fills all but the margins."""
    photo = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    outputs[0, :12] = np.tile([9, 0, 0], 4)[:, None, None]
    outputs[0, :12, :, 16:48] = np.tile([0, 0, 9], 4)[:, None, None]
    outputs[1, :12] = np.tile([0, 0, 9], 4)[:, None, None]
    network = Answering(*outputs)
    found = look_twice(network, photo)
    box = (0.2, 0, 0.8, 1)
    assert np.array_equal(network.seen, [squeeze(photo), other_view(squeeze(photo, box=box))])
    expected = np.zeros(SIDE)
    expected[26:102] = 0.5  # of the second look alone
    expected[32:96] = 1
    assert found.garment == pytest.approx(np.broadcast_to(expected, (SIDE, SIDE)), abs=1e-3)


def standing(rows, columns):
    """A parse of a person, the upper third, in clothes."""
    person, garment = np.zeros((2, SIDE, SIDE), np.float32)
    third = rows.start + (rows.stop - rows.start) // 3
    person[rows.start : third, columns] = garment[third : rows.stop, columns] = 0.9
    return Parse(person, garment, np.full((HALF, HALF, len(TYPES)), 1 / len(TYPES), np.float32))


@pytest.mark.parametrize(
    ("rows", "columns", "box"),
    [
        (slice(32, 96), slice(60, 70), (58 / SIDE, 19.2 / SIDE, 72 / SIDE, 108.8 / SIDE)),
        (slice(0, 96), slice(0, 40), (0, 0, 48 / SIDE, 115.2 / SIDE)),
        (slice(0, SIDE), slice(0, 100), (0, 0, 120 / SIDE, 1)),
    ],
)
def test_a_person_is_looked_at_closer_with_a_margin(rows, columns, box):
    assert closer_box(standing(rows, columns)) == pytest.approx(box)


@pytest.mark.parametrize(
    ("parts", "box"),
    [
        ([(30, 90, 20, 60)], (16 / SIDE, 24 / SIDE, 64 / SIDE, 96 / SIDE)),
        ([(30, 90, 20, 60), (0, 5, 120, 125)], (16 / SIDE, 24 / SIDE, 64 / SIDE, 96 / SIDE)),  # a speck
        (
            [(30, 90, 20, 60), (30, 90, 80, 100)],
            (12 / SIDE, 24 / SIDE, 108 / SIDE, 96 / SIDE),
        ),  # both sleeves
        ([(0, 100, 0, 125)], (0, 0, 1, 110 / SIDE)),
        ([(60, 78, 60, 78)], (0, 0, 1, 1)),  # too small to be a garment
        ([], (0, 0, 1, 1)),
    ],
)
def test_what_is_laid_out_is_looked_at_closer_around_its_main_parts(parts, box):
    seen = standing(slice(0, 0), slice(0, 0))
    for top, bottom, left, right in parts:
        seen.garment[top:bottom, left:right] = 0.6
    assert closer_box(seen) == pytest.approx(box)


def test_where_there_is_no_garment_a_person_of_one_pixel_is_one():
    seen = standing(slice(0, 0), slice(0, 0))
    assert not seen.worn
    seen.person[5, 7] = 0.9
    assert seen.worn


@pytest.mark.parametrize(
    "box",
    [
        (0.25, 0.5, 0.75, 1.0),
        (0.1, 0.2, 0.43, 0.71),
        (0, 0, 1, 1),
        (0.5, 0.5, 0.503, 0.503),  # no pixel's centre is in it
        (0.2, 0.5, 0.8, 0.503),
    ],
)
def test_a_closer_look_counts_half_where_it_was_taken(box):
    """What it saw was a ramp from left to right in one map, from top to bottom in the other."""
    nothing = standing(slice(0, 0), slice(0, 0))
    ramp = np.broadcast_to((np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE, (SIDE, SIDE))
    types = np.zeros((HALF, HALF, len(TYPES)), np.float32)
    types[..., 3] = 1
    found = looked_closer(nothing, Parse(ramp.T, ramp, types), box)
    left, top, right, bottom = box
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    for map_, at, low, high in ((found.garment, x, left, right), (found.person, y, top, bottom)):
        assert map_.dtype == np.float32
        assert map_ == pytest.approx(np.where(inside, (at - low) / (high - low) / 2, 0), abs=0.002)
    assert found.types.sum(axis=-1) == pytest.approx(1, abs=1e-6)
    halves = (np.mgrid[:HALF, :HALF] + 0.5) / HALF
    seen = (halves >= np.array([top, left])[:, None, None]) & (
        halves < np.array([bottom, right])[:, None, None]
    )
    assert np.array_equal(found.types[..., 3] > 0.5, seen.all(axis=0))


def test_a_segmenter_takes_the_closer_look_at_a_person():
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[32:96, 60:70] = 200
    boxes = []

    class Network:
        def run(self, pictures):
            boxes.append((pictures[0] > 100).any(axis=-1))
            output = np.zeros((len(pictures), 24, HALF, HALF), np.float32)
            for one, seen in zip(output, pictures, strict=True):
                there = (seen > 100).any(axis=-1)[::2, ::2]
                one[:12] = np.tile([9, 0, 0], 4)[:, None, None]
                one[:12, there] = np.tile([0, 8.7, 9], 4)[:, None]
                one[:12, 16:24][:, there[16:24]] = np.tile([0, 9, 0], 4)[:, None]
            return output

    segmenter = Segmenter(shipped().exported)
    segmenter.model = Network()
    found = segmenter.parse(picture)
    assert [seen.mean() > 0.4 for seen in boxes] == [False, True]
    assert np.array_equal((found.garment + found.person) > 0.9, (picture > 100).any(axis=-1))


def test_two_segmenters_live_side_by_side(other_segmenter, photo):
    assert other_segmenter.fingerprint != shipped().fingerprint
    assert other_segmenter.preprocessing != shipped().preprocessing and other_segmenter != shipped()
    garments = [one.parse(photo).garment for one in (shipped(), other_segmenter, shipped())]
    assert np.array_equal(garments[0], garments[2]) and np.abs(garments[0] - garments[1]).max() > 0.2


def test_a_file_is_loaded_once_a_process_wherever_it_lies(tmp_path, other_segmenter):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "segmenter.tflite").write_bytes(other_segmenter.exported)
    first, second = Segmenter.load(tmp_path / "one"), Segmenter.of_bundle(tmp_path / "two")
    assert (
        first is second is Segmenter.load(tmp_path / "one" / "segmenter.tflite") and first == other_segmenter
    )
    assert pickle.loads(pickle.dumps(first)) is first


def test_it_travels_to_another_process_as_its_file_alone(other_segmenter, photo):
    data = pickle.dumps(other_segmenter)
    assert len(data) < len(other_segmenter.exported) + 500
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(other_segmenter.parse, photo).result()
    assert np.array_equal(there.garment, other_segmenter.parse(photo).garment)


def test_a_bundle_without_a_segmenter_has_the_one_that_ships(tmp_path):
    assert Segmenter.of_bundle(tmp_path) is shipped()
    with pytest.raises(UnreadableEncoder, match=r"Name a segmenter\.tflite, or a folder with one"):
        Segmenter.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no network", PRETRAINED.read_bytes()[:50_000]])
def test_a_damaged_file_is_refused_with_its_name(tmp_path, content):
    (tmp_path / "segmenter.tflite").write_bytes(content)
    with pytest.raises(UnreadableEncoder, match=str(tmp_path / "segmenter.tflite")):
        Segmenter.of_bundle(tmp_path)


def test_a_segmenter_of_an_earlier_version_which_gave_probabilities_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(LiteModel, "run", lambda *_: np.full((1, HALF, HALF, 24), 0.25, np.float32))
    (tmp_path / "segmenter.tflite").write_bytes(PRETRAINED.read_bytes())
    with pytest.raises(
        UnreadableEncoder,
        match=r"of an earlier version.* train it again from the weights beside it: .* --init '.*'\.",
    ):
        Segmenter.load(tmp_path)
