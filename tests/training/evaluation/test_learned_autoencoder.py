"""The plain autoencoder: it sees the edges of the photograph, learns to draw them, and repeats itself."""

import numpy as np
import pytest

from training.evaluation.learned_baselines import plain_autoencoder, sobel_edges


def _bars(positions, *, light=220, dark=40):
    pictures = np.full((len(positions), 64, 64), dark, np.uint8)
    for picture, at in zip(pictures, positions, strict=True):
        picture[8:56, at : at + 12] = light
    return pictures


def test_edges_are_those_of_the_whole_photograph_and_the_same_in_negative():
    edges = sobel_edges(_bars([20]))
    assert (edges.shape, edges.dtype) == ((1, 64, 64, 1), np.float32)
    assert edges[0, 32, 20, 0] == 1
    assert edges[0, 32, 26, 0] == 0
    assert sobel_edges(_bars([20], light=40, dark=220)) == pytest.approx(edges)


def test_a_picture_finds_its_like_and_the_same_seed_gives_the_same_vectors():
    gallery, queries = _bars([*range(4, 44, 2)] * 2), _bars([7, 39])
    ranked, asked = plain_autoencoder(gallery, queries, epochs=3)
    assert (ranked.shape, ranked.dtype) == ((40, 128), np.float32)
    assert np.linalg.norm(asked, axis=1) == pytest.approx([1, 1], abs=1e-5)
    nearest = (asked @ ranked.T).argmax(axis=1) % 20
    assert abs(nearest - np.array([1.5, 17.5])).max() < 3
    assert np.array_equal(plain_autoencoder(gallery, queries, epochs=3)[1], asked)
