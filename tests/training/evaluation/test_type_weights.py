"""The weight of types: what is searched for, and that types alone decide where shapes are all alike."""

import numpy as np
import pytest

from training.evaluation import type_weights as module
from training.evaluation.retrieval import row
from training.evaluation.type_weights import WEIGHTS, type_weights
from training.fit.dataset import held_out
from training.photo.segmenter import shipped


class _Alike:
    """Embeds all shapes alike."""

    segmenter = shipped()
    description = {"config": {"seed": 7}}

    def embed_cutouts(self, cutouts):
        return np.tile(np.float32([0.6, 0.8]), (len(cutouts), 1))


def test_where_shapes_are_alike_types_find_garments_of_their_category(read, drawn_photos, people):
    catalogue, (gallery, _) = read("drawn:60"), drawn_photos
    laid_out = type_weights(_Alike(), catalogue, gallery, processes=1)
    assert [cells[0] for cells in laid_out.rows] == [f"{weight:g}" for weight in WEIGHTS]
    assert laid_out.columns == ("weight", "laid out, P@10", "laid out, macro P@10", "laid out, mAP")
    scores = laid_out.column("laid out, mAP")
    assert scores["0"] < 0.5 < 0.8 < scores["0.1"] == pytest.approx(scores["0.6"], abs=0.02)
    both = type_weights(_Alike(), catalogue, gallery, parsed=people, processes=1)
    assert [cells[:4] for cells in both.rows] == [*laid_out.rows] and len(both.columns) == 7


def test_the_tenth_that_a_training_holds_out_is_searched_for_among_the_rest(read, drawn_photos, monkeypatch):
    gallery, seen = drawn_photos[0], []

    def scored(name, ranked, asked):
        seen.append((ranked.ids, asked.ids))
        return row(name, ranked, asked)

    monkeypatch.setattr(module, "row", scored)
    monkeypatch.setattr(module, "WEIGHTS", WEIGHTS[:1])
    type_weights(_Alike(), read("drawn:60"), gallery, processes=1)
    [(ranked, asked)] = seen
    assert asked == [gallery.ids[at] for at in held_out(60, seed=7)] and len(asked) == 6
    assert sorted([*ranked, *asked]) == sorted(gallery.ids)
