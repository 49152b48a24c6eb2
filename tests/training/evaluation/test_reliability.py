"""The confidence of answers, scored: what can be worked out by hand, and a run from photographs to tables."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from training.evaluation.reliability import Judged, auroc, bins, calibration_error, judge, risk, tables
from training.evaluation.suite import PARTS, RISK_FILE, Settings, evaluate_parts
from training.photo.confidence import FIRST, Calibration
from training.photo.encoder import PRETRAINED, Encoder

EVEN = {"bias": 0.0, "nearness": 1.0}
CALIBRATION = Calibration(
    0.7,
    (
        EVEN,
        EVEN | {"agreement": 0.5},
        EVEN | {"agreement": 0.5, "type_match": 0.5},
    ),
)


@pytest.fixture
def calibrated():
    """The encoder that ships, with a calibration that is easy to follow."""
    encoder = Encoder.load(PRETRAINED)
    encoder.calibration = CALIBRATION
    return encoder


def test_the_area_under_the_roc_is_how_often_a_good_one_scores_above_a_poor_one():
    scores, good = np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False])
    assert auroc(scores, good) == pytest.approx((1 + 1 + 0.5 + 1) / 4)  # a tie counts half
    assert auroc(-scores, good) == pytest.approx(0.5 / 4)
    assert auroc(scores, np.ones(4, bool)) is auroc(scores, np.zeros(4, bool)) is None


def test_risk_is_the_share_of_wrong_items_in_the_most_confident_answers():
    confidence, right = np.array([0.2, 0.9, 0.5, 0.7]), np.array([0, 8, 4, 6])
    assert risk(confidence, right, 1.0) == pytest.approx(1 - 18 / 32)
    assert risk(confidence, right, 0.5) == pytest.approx(1 - 14 / 16)
    assert risk(confidence, right, 0.51) == pytest.approx(1 - 18 / 24)  # three answers
    assert risk(confidence, right, 0.01) == 0.0


def test_every_answer_lies_in_one_of_five_bins():
    confidence = np.array([0.0, 0.1999, 0.2, 0.59, 0.6, 1.0])
    found = [np.flatnonzero(inside).tolist() for inside in bins(confidence)]
    assert found == [[0, 1], [2], [3], [4], [5]]


def test_the_calibration_error_is_the_mean_distance_of_expected_and_right_by_bins():
    confidence, right = np.array([0.9, 0.9, 0.9, 0.3]), np.array([8, 8, 4, 4])
    assert calibration_error(confidence, right) == pytest.approx(
        (3 * abs(0.9 - 20 / 24) + abs(0.3 - 0.5)) / 4
    )


def test_the_tables_say_how_many_poor_and_good_answers_warn():
    judged = Judged(
        "mine",
        np.array([0.95, 0.9, 0.4, 0.85, 0.1]),
        np.array([8, 7, 3, 0, 5]),
        np.array([False, True, True, False, True]),
    )
    scores, parts = tables([judged])
    row = dict(zip(scores.columns, scores.rows[0], strict=True))
    assert (row["poor"], row["good"]) == (2, 2)
    assert (row["poor, warned"], row["good, warned"], row["AUROC"]) == (0.5, 0.5, 1.0)
    assert row["right"] == pytest.approx(23 / 40)
    assert parts.column("answers") == {
        "mine, 0.0 to 0.2": 1,
        "mine, 0.2 to 0.4": 0,
        "mine, 0.4 to 0.6": 1,
        "mine, 0.6 to 0.8": 0,
        "mine, 0.8 to 1.0": 3,
    }
    assert parts.column("right")["mine, 0.8 to 1.0"] == pytest.approx(15 / 24)
    assert parts.column("right")["mine, 0.2 to 0.4"] is None


def test_in_a_shop_of_one_category_all_its_own_are_right_and_no_others(calibrated, drawn_photos):
    gallery, queries = drawn_photos
    whole, shops = judge(calibrated, gallery, queries, people=None, processes=1)
    counts = {name: gallery.categories.count(name) for name in set(gallery.categories)}
    large = sorted(name for name, count in counts.items() if count > FIRST)
    assert large and len(large) < len(counts)
    own = np.concatenate([np.array(queries.categories) == name for name in large])
    assert (shops.right == np.where(own, FIRST, 0)).all()
    assert len(whole.right) == len(queries.items)
    assert ((whole.confidence > 0.5) & (whole.confidence < 0.9)).all()


def test_an_answer_warns_below_the_threshold_and_where_the_cut_out_is_in_doubt(calibrated, drawn_photos):
    gallery, queries = drawn_photos
    garments = [replace(garment, confidence=0.95) for garment in queries.garments]
    garments[1] = replace(garments[1], confidence=0.6)
    doubted = replace(queries, garments=tuple(garments))
    calibrated.calibration = replace(CALIBRATION, unsure_below=0.0)
    found = judge(calibrated, gallery, doubted, people=None, processes=1)[0]
    assert np.flatnonzero(found.warned).tolist() == [1]
    calibrated.calibration = replace(CALIBRATION, unsure_below=1.0)
    assert judge(calibrated, gallery, doubted, people=None, processes=1)[0].warned.all()


def test_answers_to_garments_that_are_worn_are_judged_by_their_own_calibration(calibrated, drawn_photos):
    gallery, queries = drawn_photos
    is_worn = [row % 3 == 0 for row in range(len(queries.garments))]
    garments = [
        replace(one, confidence=0.95, worn=worn) for one, worn in zip(queries.garments, is_worn, strict=True)
    ]
    never = Calibration(1.0, ({"bias": -99.0, "nearness": 0, "agreement": 0, "type_match": 0},))
    calibrated.calibration = replace(CALIBRATION, unsure_below=0.0, worn=never)
    mixed = replace(queries, garments=tuple(garments))
    found = judge(calibrated, gallery, mixed, people=None, processes=1)[0]
    assert found.warned.tolist() == (found.confidence < 1e-9).tolist() == is_worn


def test_worn_garments_that_are_held_out_are_searched_with_each_by_its_own_cut_out(
    calibrated, drawn_photos, dressed
):
    gallery, queries = drawn_photos
    items = [
        replace(item, metadata={"category": "trousers" if row % 2 else "jumper"})
        for row, item in enumerate(gallery.items)
    ]
    gallery = replace(gallery, items=tuple(items))
    calibrated.embed_garments = lambda garments: np.array(
        [[1.0, 0.0] if _is_top(garment) else [0.0, 1.0] for garment in garments], np.float32
    )
    vectors = np.eye(2, dtype=np.float32)[[row % 2 for row in range(len(items))]]
    original = calibrated.embed_garments
    calibrated.embed_garments = lambda garments: (
        vectors if len(garments) == len(items) else original(garments)
    )
    worn = judge(calibrated, gallery, queries, people=dressed, processes=1)[-1]
    assert worn.name == "worn" and worn.right.tolist() == [FIRST, FIRST]


def _is_top(garment):
    return garment.type == "upper"


def test_the_part_draws_the_curve_of_risk_where_there_is_a_folder_for_it(calibrated, read, tmp_path):
    settings = Settings(("confidence",), processes=1, out=tmp_path)
    found = list(evaluate_parts(calibrated, read("drawn:60"), read("drawn:20:5"), settings=settings))
    assert [table.key for table in found] == ["confidence", "confidence-reliability"]
    assert [row[0] for row in found[0].rows] == ["laid out", "shops of one category"]
    with Image.open(tmp_path / RISK_FILE) as picture:
        assert picture.size[0] > 500


def test_an_encoder_without_a_calibration_is_not_evaluated_and_the_table_says_so(calibrated):
    calibrated.calibration = None
    subject = SimpleNamespace(encoder=calibrated, settings=Settings(("confidence",)))
    (table,) = PARTS["confidence"](subject)
    assert table.rows == () and table.note.startswith("Not evaluated: the encoder has no calibration.")
