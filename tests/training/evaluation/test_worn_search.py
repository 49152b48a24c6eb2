from dataclasses import replace

import numpy as np
import pytest

from training.catalogue.reader import Catalogue
from training.errors import TooFewImages
from training.evaluation import worn_search as module
from training.evaluation.photos import read_photos
from training.evaluation.worn_search import DESCRIPTORS, ENCODER_OWN, ENCODER_TRUE, worn_search
from training.photo.boxes import WHOLE
from training.photo.garment import Garment
from training.photo.segmenter import shipped


class _Areas:
    """Embeds a garment by how much of its cut-out it fills."""

    segmenter = shipped()

    def embed_garments(self, garments):
        angle = np.array([(garment.mask > 127).mean() for garment in garments])
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def gallery(read):
    drawn = read("drawn:60")
    some = [item for item in drawn.items if item.category in ("pants", "skirt")]
    return read_photos(Catalogue("drawn", tuple(some), ()), processes=1)


def test_worn_garments_are_searched_among_laid_out_ones_and_among_each_other(people, gallery, monkeypatch):
    """Where the segmenter finds nothing, both masks are the true one."""
    monkeypatch.setattr("training.fit.garment_views.locate", lambda *_: ([], 0))
    laid_out, worn = worn_search(_Areas(), gallery, people, processes=1)
    assert [table.key for table in (laid_out, worn)] == ["worn", "worn-worn"]
    for table in (laid_out, worn):
        assert set(table.column("P@10")) == set(DESCRIPTORS)
    assert worn.column("P@1")[ENCODER_TRUE] == worn.column("P@1")[ENCODER_OWN] == 1.0
    assert "8 queries" in laid_out.note and "8 gallery items" in worn.note


def test_what_the_segmenter_gets_wrong_costs_the_own_masks_alone(
    people, gallery, other_segmenter, monkeypatch
):
    encoder = _Areas()
    encoder.segmenter = other_segmenter

    def views(item, number, root, count, *, segmenter):
        assert segmenter is encoder.segmenter
        masks = np.zeros((2, 128, 128), np.uint8)
        masks[0, :, : 30 * number] = 255
        masks[1, :, : int(item.item_id.split()[0]) % 120] = 255
        return [Garment(np.zeros((128, 128, 3), np.uint8), mask, WHOLE, 1.0) for mask in masks]

    monkeypatch.setattr(module, "worn_views", views)
    _, worn = worn_search(encoder, gallery, people, processes=1)
    assert worn.column("mAP")[ENCODER_TRUE] == 1.0 > worn.column("mAP")[ENCODER_OWN]


def test_without_garments_of_the_gallerys_categories_there_is_nothing_to_search_for(people, gallery):
    items = tuple(replace(item, metadata={"category": "hat"}) for item in gallery.items)
    with pytest.raises(TooFewImages, match="has a category of the gallery"):
        worn_search(_Areas(), replace(gallery, items=items), people, processes=1)
