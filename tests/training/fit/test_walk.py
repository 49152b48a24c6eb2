"""A photograph's walk through the encoder: each step's figure, and the page that shows them."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.catalogue.drawn import draw
from training.config import from_dict
from training.figures.part_sheet import FRAMES
from training.fit.dataset import prepare
from training.fit.walk import OF_GALLERY, OF_PHOTO, activations, draw_walk, walk
from training.model import bundle
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import isolate

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def data(read, drawn_cache):
    return prepare(read("drawn:24"), cache=drawn_cache, processes=1)


@pytest.fixture(scope="module")
def photo():
    return draw(3, seed=11)[2]


def test_a_photograph_alone_is_followed_to_the_bottleneck_and_back(photo, tmp_path):
    paths = draw_walk(PRETRAINED, photo, out=tmp_path)
    assert tuple(path.stem for path in paths) == OF_PHOTO
    for path in paths:
        with Image.open(path) as picture:
            assert np.asarray(picture.convert("L")).std() > 5


def test_with_a_gallery_its_neighbours_and_parts_are_drawn_too(photo, data):
    figures = walk(PRETRAINED, photo, gallery=data)
    assert tuple(figures) == OF_PHOTO + OF_GALLERY
    marks = {name: sum(len(axes.patches) > 2 for axes in figures[name].axes) for name in FRAMES}
    assert all(marks.values()), "each query and answer has a frame"


def test_where_nothing_is_found_the_whole_photograph_is_followed():
    grey = np.full((256, 200, 3), 128, np.uint8)
    assert tuple(walk(PRETRAINED, grey)) == OF_PHOTO


def test_each_layer_sees_as_far_as_its_kernels_reach(photo):
    """Kernels of 5 and 3 at steps of 1, 2, 4 and 8 pixels, each of which takes every second shift."""
    model = bundle.restore(PRETRAINED, from_dict(Encoder.load(PRETRAINED).description["config"]))
    edges = np.asarray(model.clean_edges(isolate(photo).cutout[None]))[0]
    layers = activations(model, edges)
    assert [layer.maps.shape[0] for layer in layers] == [64, 32, 16, 8]
    assert layers[0].sees == 5 and layers[1].sees == 5 + 2 * 2
    changed = edges.copy()
    changed[:20] = 1
    last = [layer.maps for layer in activations(model, changed)]
    reach = (layers[1].sees + 20) // 4 + 1  # rows of the second layer that what was changed can reach
    np.testing.assert_allclose(last[1][reach:], layers[1].maps[reach:], atol=1e-6)


def test_the_page_shows_each_picture_that_the_command_draws_and_each_is_small():
    page = (DOCS / "how_it_works.md").read_text()
    shown = re.findall(r"\]\(figures/(\w+)\.png\)", page)
    assert sorted(shown) == sorted(OF_PHOTO + OF_GALLERY)
    assert {path.stem for path in (DOCS / "figures").glob("*.png")} == set(shown)
    assert all((DOCS / "figures" / f"{name}.png").stat().st_size < 60_000 for name in shown)
