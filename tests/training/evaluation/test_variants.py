"""What each variant of the ablation leaves out, and the segmenters that look otherwise."""

import pickle
from dataclasses import asdict, fields

import numpy as np
import pytest

from training.config import CATEGORY, Config
from training.evaluation.variants import (
    ABLATION_PARTS,
    FULL,
    NEW_PARTS,
    VARIANTS,
    NoLook,
    NotCloser,
    OneLook,
    choose,
)
from training.photo.garment import isolate
from training.photo.segmenter import Segmenter, look_twice, read_output, shipped, squeeze


def test_every_variant_but_the_first_leaves_out_one_thing_that_the_recipe_has():
    full, names = asdict(FULL), {field.name for field in fields(Config)}
    for variant in VARIANTS[1:]:
        left_out = {key for key, value in asdict(variant).items() if value != full[key]} - {"name"}
        assert len(left_out) == 1
        assert variant.changes.keys() <= names and len(variant.changes) <= 1
        assert all(getattr(CATEGORY, name) != value for name, value in variant.changes.items())
    assert len(set(ABLATION_PARTS)) == len(VARIANTS) - 1
    assert set(NEW_PARTS) <= set(ABLATION_PARTS)


@pytest.mark.parametrize(
    ("parsed", "beside", "missing"),
    [
        (True, True, set()),
        (False, True, {"worn-photographs"}),
        (True, False, {"segmenter"}),
    ],
)
def test_what_is_not_there_is_not_left_out(parsed, beside, missing):
    found = choose((), parsed=parsed, beside=beside)
    assert found[0] is FULL
    assert {variant.part for variant in found[1:]} == set(NEW_PARTS) - missing


def test_parts_that_are_named_are_left_out_in_their_order_and_no_others():
    found = choose(("outline", "mirror-image"), parsed=True, beside=True)
    assert [variant.name for variant in found] == ["nothing", "mirror image", "outline"]


def test_one_look_is_at_the_photograph_alone(make_photo):
    photo, once = make_photo(ground=(40, 120, 30))[:, 20:], OneLook(shipped().exported)
    expected = read_output(shipped().model.run(squeeze(photo)[None])[0])
    assert np.array_equal(once.parse(photo).garment, expected.garment)
    assert not np.array_equal(shipped().parse(photo).garment, expected.garment)


def test_not_closer_is_two_looks_at_the_whole_photograph(make_photo):
    photo, far = make_photo(), NotCloser(shipped().exported)
    expected = look_twice(shipped().model, photo, closer=False)
    for found, seen in zip(far.parse(photo).maps, expected.maps, strict=True):
        assert np.array_equal(found, seen)


def test_without_a_look_the_whole_photograph_is_cut_out(photo):
    garment = isolate(photo, segmenter=NoLook(shipped().exported))
    assert not garment.found and garment.box == (0, 0, 1, 1)
    assert garment.mask[20:108, 20:108].min() == 255


@pytest.mark.parametrize("look", [NotCloser, OneLook, NoLook])
def test_another_look_stays_so_in_other_processes_and_has_cut_outs_of_its_own(look):
    found = look(shipped().exported)
    again = pickle.loads(pickle.dumps(found))
    assert type(again) is look and again == found
    versions = {each(shipped().exported).preprocessing for each in (Segmenter, NotCloser, OneLook, NoLook)}
    assert len(versions) == 4
