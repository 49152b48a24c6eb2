"""Disturbed photographs and their twins: the mask in the photograph, the table, the encoder that ships."""

from dataclasses import replace

import numpy as np
import pytest

from training.evaluation.disturbances import DISTURBANCES
from training.evaluation.invariance import invariance, mask_in_photo
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import isolate
from training.photo.images import decode
from training.photo.segmenter import Segmenter, look_twice, shipped

NOT_TONAL = ("blur", "noise", "zoomed out", "shifted", "turned", "logo", "all-over", "another")
PHOTOMETRIC = [each.name for each in DISTURBANCES if not each.name.startswith(NOT_TONAL)]


class _Alike:
    """Stands in for an encoder to which all garments are one."""

    segmenter = shipped()

    def embed_garments(self, garments):
        return np.ones((len(garments), 1), np.float32)


class _Mask:
    """Stands in for an encoder that knows a garment by its mask and cannot tell left from right."""

    segmenter = shipped()

    def embed_garments(self, garments):
        masks = np.stack([garment.mask for garment in garments]) / 255.0
        pooled = (masks + masks[:, :, ::-1]).reshape(len(masks), 16, 8, 16, 8).mean(axis=(2, 4))
        vectors = pooled.reshape(len(masks), -1)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def gallery(drawn_photos):
    return drawn_photos[0]


@pytest.fixture(scope="module")
def queries(drawn_photos):
    return drawn_photos[1].take(range(8))


@pytest.fixture(scope="module")
def table(gallery, queries):
    return invariance(Encoder.load(PRETRAINED), gallery, queries, processes=1, seed=0)


def test_the_mask_lies_in_the_photograph_where_it_was_cut_from(make_photo):
    photo = make_photo(side=240)
    mask = mask_in_photo(isolate(photo), height=240, width=240)
    truth = (photo == (200, 30, 40)).all(axis=2)
    assert (mask[truth] > 0.5).mean() > 0.97
    assert (mask[~truth] > 0.5).mean() < 0.03


def test_a_mask_of_an_oblong_photograph_has_its_form(make_photo):
    photo = np.pad(make_photo(side=200), ((0, 0), (0, 56), (0, 0)), mode="edge")
    mask = mask_in_photo(isolate(photo), height=200, width=256)
    assert mask.shape == (200, 256)
    assert mask[:, 200:].max() < 0.1
    rows, columns = (mask > 0.5).nonzero()
    assert columns.mean() == pytest.approx((photo == (200, 30, 40)).all(axis=2).nonzero()[1].mean(), abs=2)


def test_there_is_a_row_for_each_disturbance_their_mean_and_each_quarter_turn(table):
    shares = table.column("R@1")
    names = [kind.name for kind in DISTURBANCES]
    assert [*shares] == [*names, "mean", "turned 90°", "turned 180°", "turned 270°"]
    assert shares["mean"] == pytest.approx(np.mean([shares[name] for name in names]))
    assert "8 queries" in table.note


def test_the_share_is_of_queries_whose_nearest_is_their_twin(gallery, queries):
    shares = invariance(_Mask(), gallery, queries.take([0, 1, 2, 3]), processes=1).column("R@1")
    assert shares["mirrored"] >= 0.75  # it looks as before
    assert shares["zoomed out to 0.8"] in (0.0, 0.25, 0.5, 0.75, 1.0)


def _told_by_an_edge(segmenter, photo):
    """Parse as ever, but tell from a blue edge what is up."""
    edges = [edge.astype(int) for edge in (photo[0], photo[:, 0], photo[-1], photo[:, -1])]
    blue = [(edge[:, 2] - edge[:, 0]).mean() for edge in edges]
    turns = tuple(0.9996 * (np.array(blue) == max(blue)) + 1e-4)
    return replace(look_twice(segmenter.model, photo), turns=turns)


def _edged(path, size, row=0):
    photo = decode(path, size=size).copy()
    photo[row] = (0, 0, 255)
    return photo


def test_a_turned_twin_is_found_where_the_turn_is_told_and_upright_ones_that_are_turned_are_counted(
    gallery, queries, monkeypatch
):
    few = queries.take([0, 1, 2])
    rows = {item.path: row for item, row in zip(few.items, (0, -1, 0), strict=True)}
    photos = {path: _edged(path, 256, row) for path, row in rows.items()}
    monkeypatch.setattr("training.evaluation.invariance.decode", lambda path, size: photos[path])
    monkeypatch.setattr(Segmenter, "parse", _told_by_an_edge)
    few = replace(few, garments=tuple(isolate(photos[item.path]) for item in few.items))
    table = invariance(Encoder.load(PRETRAINED), gallery, few, processes=1)
    assert [table.column("R@1")[f"turned {degrees}°"] for degrees in (90, 180, 270)] == [1.0] * 3
    assert "33.3% are taken for turned, and 33.3% are searched several ways" in table.note


def test_where_the_parse_does_not_tell_the_turn_the_nearest_does(gallery, queries, monkeypatch):
    def unsure(segmenter, photo):
        return replace(look_twice(segmenter.model, photo), turns=(0.25,) * 4)

    monkeypatch.setattr(Segmenter, "parse", unsure)
    few = queries.take([0, 1])
    few = replace(few, garments=tuple(isolate(decode(item.path, size=256)) for item in few.items))
    table = invariance(Encoder.load(PRETRAINED), gallery, few, processes=1)
    assert [table.column("R@1")[f"turned {degrees}°"] for degrees in (90, 180, 270)] == [1.0] * 3
    assert "100.0% are searched several ways" in table.note


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_the_mask_of_a_turned_photograph_lies_where_the_garment_is_in_it(make_photo, monkeypatch, degrees):
    photo = np.pad(make_photo(side=200), ((0, 0), (0, 56), (0, 0)), mode="edge")
    photo[0] = (0, 0, 255)
    lying = np.ascontiguousarray(np.rot90(photo, degrees // 90))
    monkeypatch.setattr(Segmenter, "parse", _told_by_an_edge)
    garment = isolate(lying)
    mask = mask_in_photo(garment, height=lying.shape[0], width=lying.shape[1])
    truth = (lying == (200, 30, 40)).all(axis=2)
    assert garment.turned == degrees
    assert (mask[truth] > 0.5).mean() > 0.9 and (mask[~truth] > 0.5).mean() < 0.05


def test_a_twin_counts_as_found_where_others_are_as_near(gallery, queries):
    shares = invariance(_Alike(), gallery, queries.take([0]), processes=1).column("R@1")
    assert shares["mean"] == 1.0


def test_the_encoder_that_ships_finds_most_twins_of_drawn_garments(table):
    shares = table.column("R@1")
    assert np.mean([shares[name] for name in PHOTOMETRIC]) >= 0.78  # 0.839 was measured
    assert shares["mean"] >= 0.75  # 0.813


def test_the_same_seed_gives_the_same_table(gallery, queries):
    few = queries.take([0])
    first, second = (
        invariance(Encoder.load(PRETRAINED), gallery, few, processes=1, seed=3) for _ in range(2)
    )
    assert first == second
