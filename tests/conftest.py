"""What several tests share: pictures made here, and a small encoder bundle that needs no training."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def shirt_photo(*, colour=(200, 30, 40), ground=(225, 225, 220), side=240):
    """A plain T-shaped garment on a plain ground: uint8 (side, side, 3)."""
    photo = np.full((side, side, 3), ground, np.uint8)
    body = slice(side // 4, side * 13 // 16), slice(side * 3 // 8, side * 5 // 8)
    arms = slice(side // 4, side * 3 // 8), slice(side // 5, side * 4 // 5)
    photo[body] = colour
    photo[arms] = colour
    return photo


def encoded(pixels, form="PNG", **options):
    """The bytes of a picture file."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def photo():
    return shirt_photo()


@pytest.fixture
def make_photo():
    return shirt_photo


@pytest.fixture
def encode_image():
    return encoded


@pytest.fixture(scope="session")
def clothing():
    """The clothing photographs' catalogue, where they are at hand."""
    catalogue = Path(__file__).parents[2] / "shared" / "clothing" / "catalogue.csv"
    if not catalogue.exists():
        pytest.skip("needs the clothing photographs, which are not part of the project")
    return catalogue
