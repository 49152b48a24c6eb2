"""Sketches as queries: who takes part, the rows, and the encoder that ships."""

from dataclasses import replace

import pytest

from training.errors import TooFewImages
from training.evaluation.photos import read_photos
from training.evaluation.sketch_search import sketch
from training.photo.encoder import PRETRAINED, Encoder


@pytest.fixture(scope="module")
def gallery(read):
    return read_photos(read("drawn:120"), processes=1)


@pytest.fixture(scope="module")
def queries(read):
    return read_photos(read("drawn:24:5"), processes=1)


@pytest.fixture(scope="module")
def table(gallery, queries):
    return sketch(Encoder.load(PRETRAINED), gallery, queries, processes=1, seed=0)


def test_there_is_a_row_for_each_way_to_search(table):
    assert [*table.column("P@10")] == [
        "sketch, HOG of the cut-out's mask",
        "sketch taken for a photograph, encoder",
        "sketch, encoder",
        "its photograph, encoder",
    ]


def test_a_sketch_finds_what_its_photograph_finds_almost_as_often(table):
    shares = table.column("P@10")
    assert shares["sketch, encoder"] >= 0.8 * shares["its photograph, encoder"]
    assert shares["sketch, encoder"] >= 0.9 * shares["sketch taken for a photograph, encoder"]


def test_the_encoder_that_ships_reaches_what_was_measured_on_drawn_garments(table):
    assert table.column("P@10")["sketch, encoder"] >= 0.64  # 0.696 was measured


def test_queries_without_a_category_or_a_garment_are_left_out_and_counted(gallery, queries):
    few = queries.take([0, 1, 2])
    nameless = replace(few.items[0], metadata={})
    lost = replace(few.garments[1], confidence=0.0)
    few = replace(
        few,
        items=(nameless, *few.items[1:]),
        garments=(few.garments[0], lost, few.garments[2]),
    )
    note = sketch(Encoder.load(PRETRAINED), gallery, few, processes=1).note
    assert note.startswith("1 sketches")
    assert "left out: 2 queries" in note


def test_queries_of_which_none_can_be_drawn_are_refused_with_what_to_do(gallery, queries):
    one = queries.take([0])
    lost = replace(one, garments=(replace(one.garments[0], confidence=0.0),))
    with pytest.raises(TooFewImages, match="None of the 1 queries .* Name a catalogue"):
        sketch(Encoder.load(PRETRAINED), gallery, lost, processes=1)


def test_the_same_seed_gives_the_same_table(gallery, queries):
    first, second = (
        sketch(Encoder.load(PRETRAINED), gallery, queries.take(range(4)), processes=1, seed=2)
        for _ in range(2)
    )
    assert first == second
