"""Photographs read once: rows that belong together, and what could not be read."""

from dataclasses import replace

import numpy as np
import pytest

from training.catalogue.reader import Catalogue, read_catalogue
from training.errors import TooFewImages
from training.evaluation import baselines
from training.evaluation.baselines import HOG_MASK
from training.evaluation.photos import GALLERY, read_photos, read_side
from training.photo.boxes import WHOLE
from training.photo.garment import Garment, read_garment

_ONE = Garment(np.zeros((128, 128, 3), np.uint8), np.zeros((128, 128), np.uint8), WHOLE, 1.0)


class _Encoder:
    segmenter = None

    def embed_garments(self, garments):
        return np.ones((len(garments), 1), np.float32)


@pytest.fixture
def folder(tmp_path, make_photo, encode_image):
    folder = tmp_path / "photos"
    (folder / "dress").mkdir(parents=True)
    (folder / "dress" / "a.png").write_bytes(encode_image(make_photo()))
    (folder / "dress" / "broken.jpg").write_text("text")
    (folder / "z.png").write_bytes(encode_image(make_photo(colour=(20, 60, 160))))
    return folder


def _read(folder, **options):
    return read_photos(read_catalogue(str(folder)), processes=1, **options)


def test_items_garments_descriptors_and_thumbnails_are_rows_of_the_readable_photographs(folder):
    photos = _read(folder, described=True)
    assert photos.ids == ["dress/a", "z"]
    for row, name in enumerate(("dress/a.png", "z.png")):
        assert np.array_equal(photos.cutouts[row], read_garment(folder / name).cutout)
    assert photos.descriptors[HOG_MASK].shape == (2, 1764)
    assert (photos.thumbnails.shape, photos.thumbnails.dtype) == ((2, 64, 64), np.uint8)


def test_an_unreadable_photograph_is_told_with_its_reason(folder):
    [bad] = _read(folder).bad
    assert bad.item_id == "dress/broken"
    assert "Supported: JPEG, PNG, WebP" in bad.reason


def test_descriptors_are_left_out_unless_asked_for(folder):
    assert _read(folder).descriptors == {}


def test_the_labelled_photographs_keep_their_rows(folder):
    photos = _read(folder, described=True)
    labelled = photos.labelled()
    assert (labelled.ids, labelled.categories) == (["dress/a"], ["dress"])
    assert np.array_equal(labelled.descriptors[HOG_MASK][0], photos.descriptors[HOG_MASK][0])
    assert np.array_equal(labelled.thumbnails[0], photos.thumbnails[0])
    assert labelled.bad == photos.bad


def test_rows_are_taken_from_all_that_a_photograph_has(folder):
    photos = _read(folder, described=True)
    last = photos.take([1])
    assert last.ids == ["z"]
    assert last.garments == photos.garments[1:]
    assert np.array_equal(last.descriptors[HOG_MASK], photos.descriptors[HOG_MASK][1:])
    assert np.array_equal(last.thumbnails, photos.thumbnails[1:])
    assert not np.array_equal(photos.thumbnails[0], photos.thumbnails[1])


def test_a_catalogue_of_unreadable_photographs_is_refused_with_the_reason(folder):
    broken = read_catalogue(str(folder)).items[1]
    with pytest.raises(TooFewImages, match="1 photographs of 'mine' can be read.*Supported: JPEG"):
        read_photos(Catalogue("mine", (broken,), ()), processes=1)


def test_an_indexed_photograph_is_cut_out_as_its_category_says_and_a_query_by_its_main_garment(
    folder, monkeypatch
):
    asked = []
    monkeypatch.setattr(baselines, "isolate", lambda photo, kind=None, **_: asked.append(kind) or _ONE)
    _read(folder, indexed=True)
    _read(folder)
    labelled = replace(read_catalogue(str(folder)), items=read_catalogue(str(folder)).items[:1])
    for name in (GALLERY, "queries"):
        read_side(_Encoder(), labelled, name=name, seed=1, baselines=False, processes=1)
    assert asked == ["dress", None, None, None, "dress", None]
