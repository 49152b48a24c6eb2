"""A small slice of the photographs, and of drawn garments, read once for all tests of the evaluation."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from training.catalogue.parsed import is_held_out
from training.catalogue.reader import Item, read_catalogue
from training.evaluation.photos import read_photos
from training.photo.encoder import PRETRAINED, Encoder

NAMES = ("background", "skin", "jeans", "skirt", "scarf")


@pytest.fixture(scope="session")
def shipped():
    return Encoder.load(PRETRAINED)


def _read_once(once, name, *catalogues):
    """Read catalogues once for all processes of a run."""

    def make(file):
        read = tuple(read_photos(catalogue, described=True, processes=1) for catalogue in catalogues)
        file.write_bytes(pickle.dumps(read))

    return pickle.loads(once(name, make).read_bytes())


@pytest.fixture(scope="session")
def drawn_photos(read, once):
    """Gallery and queries, 60 and 20 drawn garments."""
    return _read_once(once, "drawn-photos", read("drawn:60"), read("drawn:20:5"))


def _slice(spec, *, step):
    catalogue = read_catalogue(spec)
    labelled = [item for item in catalogue.items if item.category is not None]
    return replace(catalogue, items=tuple(labelled[::step]))


@pytest.fixture(scope="session")
def real_photos(clothing, once):
    """Gallery and queries, 261 and 61 photographs by different people."""
    slices = _slice(f"{clothing}?split=train", step=12), _slice(f"{clothing}?split=validation", step=8)
    return _read_once(once, "real-photos", *slices)


@pytest.fixture
def people(tmp_path, make_photo, parsed_catalogue):
    """Parsed photographs, held out, of four people in jeans and four in skirts, which are wider."""
    names = [name for name in map(str, range(200)) if is_held_out(Item(name, tmp_path))][:8]
    pictures = {}
    for number, name in enumerate(names):
        labels = np.zeros((100, 100), np.uint8)
        width = 8 if number % 2 else 30
        labels[20:80, 50 - width : 50 + width] = 2 if number % 2 else 3
        pictures[name] = (make_photo(), labels)
    return read_catalogue(str(parsed_catalogue(tmp_path, pictures, NAMES)))
