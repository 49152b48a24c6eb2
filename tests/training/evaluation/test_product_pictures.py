"""Fashion-MNIST: how many take part, what is said where it is absent, and a guard where it is there."""

import struct

import numpy as np
import pytest

from training.evaluation.photos import ENCODER
from training.evaluation.product_pictures import FOLDER, KEY, product_pictures
from training.photo.encoder import PRETRAINED, Encoder


@pytest.fixture(scope="module")
def encoder():
    return Encoder.load(PRETRAINED)


def _write(folder, name, magic, values):
    head = struct.pack(f">{1 + values.ndim}I", magic, *values.shape)
    (folder / name).write_bytes(head + values.astype(np.uint8).tobytes())


def _pictures(labels):
    """A bar for label 0, upright, and for label 1, lying."""
    pictures = np.zeros((len(labels), 28, 28))
    for picture, label in zip(pictures, labels, strict=True):
        picture[(slice(2, 26), slice(9, 19)) if label == 0 else (slice(9, 19), slice(2, 26))] = 200
    return pictures


@pytest.fixture
def folder(tmp_path):
    for prefix, labels in (("train", np.arange(24) % 2), ("t10k", np.array([0, 1, 1, 1, 1]))):
        _write(tmp_path, f"{prefix}-images-idx3-ubyte", 2051, _pictures(labels))
        _write(tmp_path, f"{prefix}-labels-idx1-ubyte", 2049, labels)
    return tmp_path


def test_pictures_of_one_shape_are_found(encoder, folder):
    table = product_pictures(encoder, folder=folder, processes=1)
    assert table.column("P@10")[ENCODER] == 1.0
    assert table.column("10-NN accuracy")[ENCODER] == 1.0
    assert table.note.startswith("5 queries (the test split), 24 gallery pictures")


def test_a_limit_takes_the_first_of_the_gallery_and_a_sixth_as_many_queries(encoder, folder):
    table = product_pictures(encoder, folder=folder, limit=12, processes=1)
    assert table.note.startswith("2 queries (the test split), 12 gallery pictures")


def test_where_the_files_are_missing_the_table_says_so_and_what_is_needed(encoder, tmp_path):
    table = product_pictures(encoder, folder=tmp_path, processes=1)
    assert (table.key, table.rows) == (KEY, ())
    assert table.note.startswith("Not evaluated: Fashion-MNIST's train-images-idx3-ubyte is not in")


@pytest.mark.skipif(not FOLDER.exists(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_encoder_that_ships_tells_fashion_mnists_categories_apart(encoder):
    table = product_pictures(encoder, limit=240, processes=1)
    assert table.column("10-NN accuracy")[ENCODER] > 0.5  # measured: 0.575
    assert table.column("P@10")[ENCODER] > 0.45  # measured: 0.525
