import numpy as np
import pytest

from training.alignment.edge_maps import edge_maps_of
from training.catalogue.drawn import draw
from training.model.edges import SobelEdges
from training.photo.garment import encoder_input, isolate


@pytest.fixture(scope="module")
def inputs():
    return encoder_input(np.stack([isolate(draw(number)[2]).cutout for number in range(3)]))


def test_the_maps_are_those_of_the_encoder_s_layer(inputs):
    layer = np.asarray(SobelEdges()(inputs))
    assert np.allclose(edge_maps_of(inputs), np.moveaxis(layer, -1, 1), atol=1e-5)


def test_one_garment_needs_no_batch(inputs):
    assert np.array_equal(edge_maps_of(inputs[1]), edge_maps_of(inputs)[1])


def test_a_plain_square_has_an_outline_and_no_lines():
    inputs = np.full((128, 128, 2), 90, np.uint8)
    outline, lines = edge_maps_of(inputs)
    assert outline.max() == lines.max() == 0
    inputs[:40, :, 1] = 0
    outline, lines = edge_maps_of(inputs)
    assert np.flatnonzero(outline.any(axis=1)).tolist() == [39, 40]
    assert lines.max() == 0
