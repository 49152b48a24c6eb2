"""All baselines on the same photographs, and that the encoder stays ahead of them."""

from training.evaluation.baselines import CHANCE, HOG_MASK, HOG_PHOTO, SOBEL_PHOTO
from training.evaluation.learned_baselines import ORDER, PCA, PLAIN, comparison
from training.evaluation.photos import ENCODER


def test_every_baseline_has_a_row_and_the_encoder_the_last(shipped, drawn_photos):
    table = comparison(shipped, *drawn_photos)
    assert tuple(row[0] for row in table.rows) == ORDER
    assert ORDER[-1] == ENCODER
    scores = table.column("mAP")
    assert scores[CHANCE] < min(scores[name] for name in ORDER[2:])
    assert scores[PCA] > scores[PLAIN]


def test_the_encoder_is_ahead_of_every_baseline_on_photographs(shipped, real_photos):
    scores = comparison(shipped, *real_photos).column("P@10")
    best = max(scores[name] for name in ORDER if name != ENCODER)
    assert scores[ENCODER] > best + 0.12  # measured: 0.654 and 0.466
    assert scores[HOG_MASK] > scores[HOG_PHOTO] > scores[CHANCE]
    assert scores[HOG_MASK] > scores[SOBEL_PHOTO] > scores[CHANCE]
