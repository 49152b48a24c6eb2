import numpy as np
import pytest

from training.alignment.edge_maps import edge_maps_of
from training.alignment.registration import Similarity, register
from training.catalogue.drawn import draw
from training.photo.garment import encoder_input, isolate


@pytest.fixture(scope="module", params=range(4))
def inputs(request):
    """Luminance and mask of a drawn garment, uint8 (128, 128, 2), with room to grow."""
    return encoder_input(isolate(draw(request.param, seed=5)[2]).cutout)


def moved(inputs, transform):
    return np.stack([transform.of_picture(np.ascontiguousarray(inputs[..., c])) for c in (0, 1)], axis=-1)


def registered(inputs, transform):
    room = moved(inputs, Similarity(0.7))
    return register(edge_maps_of(moved(room, transform)), edge_maps_of(room))


def test_a_garment_lies_on_itself_as_it_is(inputs):
    found = registered(inputs, Similarity())
    assert found == Similarity()


@pytest.mark.parametrize("scale", [0.72, 0.85, 1.1, 1.35])
def test_a_scaled_copy_is_found_to_two_per_cent(inputs, scale):
    assert registered(inputs, Similarity(scale)).scale == pytest.approx(scale, rel=0.02)


@pytest.mark.parametrize("degrees", [-11.0, -3.7, 1.6, 9.3])
def test_a_rotated_copy_is_found_to_a_degree(inputs, degrees):
    assert registered(inputs, Similarity(degrees=degrees)).degrees == pytest.approx(degrees, abs=1)


@pytest.mark.parametrize(("down", "right"), [(6.0, -13.0), (-10.0, 4.0)])
def test_a_shifted_copy_is_found_to_the_pixel(inputs, down, right):
    found = registered(inputs, Similarity(1.08, -5, down, right))
    assert np.abs([found.down - down, found.right - right]).max() <= 1


def test_places_and_pictures_move_alike():
    picture = np.zeros((128, 128), np.uint8)
    picture[30:33, 80:83] = 255
    transform = Similarity(1.3, 10, 6, -13)
    (x, y) = transform.of_places(np.array([81.5, 31.5]), 128)
    seen = transform.of_picture(picture).astype(float)
    rows, columns = np.mgrid[:128, :128] + 0.5
    assert (seen * columns).sum() / seen.sum() == pytest.approx(x, abs=0.1)
    assert (seen * rows).sum() / seen.sum() == pytest.approx(y, abs=0.1)


def test_a_transform_scales_and_turns_clockwise_about_the_centre_then_shifts():
    found = Similarity(2, 90, 32, 64).of_places(np.array([[74.0, 64.0], [64.0, 64.0]]), 128)
    assert np.allclose(found, [[128, 116], [128, 96]])
