"""Principal components of edge maps: what an edge map shows, and what the components keep."""

import numpy as np
import pytest

from training.evaluation.learned_baselines import EDGE_SIDE, edge_map, principal_edges
from training.photo.garment import SIDE, Garment


def _garment(width, height, *, value=120):
    """An upright rectangle in the middle of the cut-out, plain unless `value` is an array."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[64 - height // 2 : 64 + height // 2, 64 - width // 2 : 64 + width // 2] = 255
    rgb = np.broadcast_to(np.asarray(value, np.uint8), (SIDE, SIDE, 3))
    return Garment(rgb=rgb, mask=mask, box=(0, 0, 1, 1), confidence=1.0)


def test_a_plain_garment_has_an_outline_and_no_inner_lines():
    outline, lines = edge_map(_garment(40, 80)).reshape(2, EDGE_SIDE, EDGE_SIDE)
    assert outline[32, 22] > 0.3
    assert outline[32, 32] == 0
    assert not lines.any()


def test_lines_outside_the_garment_are_not_seen():
    striped = np.zeros((SIDE, SIDE, 3))
    striped[::8] = 255
    lines = edge_map(_garment(40, 80, value=striped)).reshape(2, EDGE_SIDE, EDGE_SIDE)[1]
    assert lines[28:36, 22:42].max() > 0
    assert not lines[:, :20].any()


def test_the_vectors_are_unit_rows_that_tell_shapes_apart_and_repeat():
    sizes = [(width, height) for width in range(20, 80, 4) for height in (60, 100)]
    gallery = [_garment(*size) for size in sizes]
    queries = [_garment(22, 60), _garment(74, 100)]
    ranked, asked = principal_edges(gallery, queries, components=6)
    assert (ranked.shape, ranked.dtype) == ((30, 6), np.float32)
    norms = np.linalg.norm(np.concatenate([ranked, asked]), axis=1)
    assert norms == pytest.approx(np.ones(32), abs=1e-5)
    nearest = np.array([sizes[row] for row in (asked @ ranked.T).argmax(axis=1)])
    assert np.abs(nearest - [(22, 60), (74, 100)]).max() <= 2
    again, _ = principal_edges(gallery, queries, components=6)
    assert np.array_equal(again, ranked)


def test_a_gallery_of_few_has_fewer_components():
    assert principal_edges([_garment(w, 60) for w in (20, 40, 60)], [_garment(30, 60)])[0].shape == (3, 2)
