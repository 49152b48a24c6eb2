"""Re-ranking by alignment: its rows, what a weight does, and the cosines that it goes by."""

import numpy as np
import pytest

from training.alignment.registration import COARSE, Similarity, best_cosines, channels, smaller
from training.evaluation.reranking import HEAD, _Ranking, _Side, reranking
from training.photo.garment import encoder_input


@pytest.fixture(scope="module")
def maps(drawn_photos):
    return smaller(channels(encoder_input(drawn_photos[0].cutouts[:12])), COARSE)


def test_there_is_a_row_for_the_encoder_each_weight_and_alignment_alone(shipped, drawn_photos):
    table = reranking(shipped, *drawn_photos, processes=1)
    names = [f"{weight:g} of alignment" for weight in (0.05, 0.1, 0.2, 0.4)]
    assert [*table.column("P@10")] == ["encoder", *names, "alignment alone"]
    assert all(
        0 <= share <= 1 for name in ("P@10", "mAP", "twins R@1") for share in table.column(name).values()
    )
    assert table.column("twins R@1")["encoder"] > 0.8
    assert set(table.column("worn P@10").values()) == {None}
    assert "20 queries" in table.note


def test_a_garment_can_be_laid_on_itself_best(maps):
    cosines = np.stack([best_cosines(maps, each) for each in maps])
    assert np.allclose(np.diag(cosines), 1, atol=0.02)
    assert (cosines.argmax(axis=1) == np.arange(len(maps))).all()


def test_shift_and_scale_do_not_matter(drawn_photos):
    inputs = encoder_input(drawn_photos[0].cutouts[:4])
    moved = np.stack(
        [
            np.stack(
                [
                    Similarity(0.85, down=6, right=-5).of_picture(np.ascontiguousarray(each[..., c]))
                    for c in (0, 1)
                ],
                axis=-1,
            )
            for each in inputs
        ]
    )
    fixed, moving = (smaller(channels(each), COARSE) for each in (inputs, moved))
    assert [int(best_cosines(fixed, each).argmax()) for each in moving] == [0, 1, 2, 3]


def test_only_the_head_is_ordered_anew(maps):
    vectors = np.eye(12, dtype=np.float32)[:, ::-1] + np.arange(12, dtype=np.float32)[:, None] / 100
    side = _Side(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), maps)
    ranking = _Ranking(side, side)
    cosines = side.vectors @ side.vectors.T
    assert HEAD >= len(cosines)
    assert np.allclose(ranking.similarities(0.0), 2 + cosines)
    alone = ranking.similarities(None)
    assert np.allclose(alone[3], 2 + best_cosines(maps, maps[3]), atol=1e-6)
    assert np.allclose(ranking.similarities(0.4), 2 + cosines + 0.4 * (alone - 2), atol=1e-6)
