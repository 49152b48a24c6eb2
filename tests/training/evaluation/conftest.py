"""A small slice of the photographs, and of drawn garments, read once for all tests of the evaluation."""

from dataclasses import replace

import pytest

from training.catalogue.reader import read_catalogue
from training.evaluation.photos import read_photos
from training.photo.encoder import PRETRAINED, Encoder


@pytest.fixture(scope="session")
def shipped():
    return Encoder.load(PRETRAINED)


@pytest.fixture(scope="session")
def drawn_photos(read):
    """Gallery and queries, 60 and 20 drawn garments."""
    return tuple(read_photos(read(spec), described=True, processes=1) for spec in ("drawn:60", "drawn:20:5"))


def _slice(spec, *, step):
    catalogue = read_catalogue(spec)
    labelled = [item for item in catalogue.items if item.category is not None]
    return read_photos(replace(catalogue, items=tuple(labelled[::step])), described=True, processes=1)


@pytest.fixture(scope="session")
def real_photos(clothing):
    """Gallery and queries, 261 and 61 photographs by different people."""
    return _slice(f"{clothing}?split=train", step=12), _slice(f"{clothing}?split=validation", step=8)
